using System.Diagnostics.Metrics;
using OrleansStream.Cluster;
using OrleansStream.Instrumentation;

namespace OrleansStream.Telemetry.Cluster;

/// <summary>
/// The metrics of the whole cluster, in the meter <see cref="StreamTelemetry.Name"/>. Only one silo tells them, the first by its address, so that
/// they add up when all processes are collected.
/// </summary>
/// <remarks>They cost nothing until somebody collects them. From then on snapshots are taken in the background.</remarks>
internal sealed class ClusterInstruments : IHostedService, IDisposable
{
    private readonly ClusterSnapshots _snapshots;
    private readonly TimeProvider _time;
    private readonly ILiveSilos? _silos;
    private readonly Meter _meter;
    private readonly ITimer _timer;
    private long _observedAt;
    private int _isTiming;

    /// <summary>Makes the instruments.</summary>
    /// <param name="snapshots">Takes the snapshots.</param>
    /// <param name="time">Tells how old the last snapshot is, and when to take the next one.</param>
    /// <param name="meters">Makes the meter.</param>
    /// <param name="silos">The silos; null in a process without one, which tells nothing.</param>
    public ClusterInstruments(ClusterSnapshots snapshots, TimeProvider time, IMeterFactory meters, ILiveSilos? silos = null)
    {
        _meter = StreamTelemetry.MeterOf(meters);
        (_snapshots, _time, _silos) = (snapshots, time, silos);
        _timer = OutsideRequest.CreateTimer(time, _ => Refresh(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Gauge<long>("orleansstream.cluster.silos", "{silo}", "Active silos.", snapshot => [new(snapshot.SiloCount)]);
        Gauge<long>("orleansstream.cluster.topics", "{topic}", "Topics.", snapshot => [new(snapshot.Topics.Count)]);
        Gauge<long>("orleansstream.cluster.groups", "{group}", "Consumer groups.", snapshot => [new(snapshot.Groups.Count)]);
        Gauge<double>("orleansstream.cluster.snapshot.age", "s", "The age of what is told of the cluster.",
            snapshot => [new(_time.GetElapsedTime(snapshot.TakenAt).TotalSeconds)]);
        Gauge<long>("orleansstream.group.members", "{member}", "Members of a group.", snapshot => snapshot.Groups.Take(TelemetryLimits.SeriesMax)
            .Select(group => new Measurement<long>(group.MemberCount, [new(StreamTelemetry.Group, group.Name)])));
        Gauge<long>("orleansstream.group.lag", "{record}", "Records of a topic that a group has not committed.", snapshot => SeriesOf(snapshot)
            .Select(one => new Measurement<long>(one.Topic.Lag, TagsOf(one))));
        Gauge<double>("orleansstream.group.lag.age", "s", "The age of the oldest record of a topic that a group has not committed; 0 when there is none.",
            snapshot => SeriesOf(snapshot).Where(one => one.Topic.Lag == 0 || one.Topic.LagSeconds is not null)
                .Select(one => new Measurement<double>(one.Topic.Lag == 0 ? 0 : one.Topic.LagSeconds!.Value, TagsOf(one))));
    }

    /// <summary>True when this process tells the metrics of the cluster.</summary>
    public bool Tells => _silos is { Active: { Count: > 0 } active } && active[0].Equals(_silos.Own);

    /// <summary>Takes a snapshot, if this process tells of one and the last one is too old, so that the next collection has it.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask PrepareAsync(CancellationToken cancellationToken)
    {
        if (!Tells)
            return;
        try
        {
            await _snapshots.GetAsync(cancellationToken);
        }
        catch (Errors.StreamException)
        {
            // What the process itself measures is told all the same, and the age of the last snapshot with it.
        }
    }

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _meter.Dispose();
        _timer.Dispose();
    }

    private static IEnumerable<(string Group, GroupTopicSnapshot Topic)> SeriesOf(ClusterSnapshot snapshot) => snapshot.Groups
        .SelectMany(group => group.Topics.Select(topic => (group.Name, topic)))
        .OrderByDescending(one => one.topic.Lag).Take(TelemetryLimits.SeriesMax);

    private static KeyValuePair<string, object?>[] TagsOf((string Group, GroupTopicSnapshot Topic) one) =>
        [new(StreamTelemetry.Group, one.Group), new(StreamTelemetry.Topic, one.Topic.Topic)];

    private void Gauge<T>(string name, string unit, string description, Func<ClusterSnapshot, IEnumerable<Measurement<T>>> read)
        where T : struct => _meter.CreateObservableGauge(name, () => Observe(read), unit, description);

    private IEnumerable<Measurement<T>> Observe<T>(Func<ClusterSnapshot, IEnumerable<Measurement<T>>> read)
        where T : struct
    {
        if (!Tells)
            return [];
        Volatile.Write(ref _observedAt, _time.GetTimestamp());
        if (Interlocked.Exchange(ref _isTiming, 1) == 0)
            _timer.Change(TimeSpan.Zero, TelemetryLimits.SnapshotAgeMax);
        return _snapshots.Last is { } last ? read(last) : [];
    }

    private void Refresh()
    {
        if (_time.GetElapsedTime(Volatile.Read(ref _observedAt)) < TelemetryLimits.SnapshotsKeptFor)
        {
            _ = PrepareAsync(CancellationToken.None).AsTask();
            return;
        }

        _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Volatile.Write(ref _isTiming, 0);
    }
}
