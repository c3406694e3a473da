using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.Instrumentation;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Partitions.Placement;

namespace OrleansStream.Partitions;

/// <summary>
/// The partitions that this silo leads, with one timer that maintains them all. With thousands of idle partitions, a timer for each of them would
/// cost the silo more than anything else.
/// </summary>
/// <remarks>
/// A round asks each log, without waiting, whether maintenance is due, and runs it where it is. After silos have come or gone, a round also moves
/// partitions to the silo where they belong, if two rounds in a row find the same silos.
/// </remarks>
/// <param name="time">Times maintenance, and spreads moves over its period.</param>
/// <param name="silo">This silo.</param>
/// <param name="silos">The silos.</param>
/// <param name="led">Lets callers in this process find the partitions.</param>
/// <param name="failures">Counts repeated failures.</param>
/// <param name="logger">Logs failures.</param>
internal sealed partial class OpenPartitions(
    TimeProvider time, ILocalSiloDetails silo, ISiloStatusOracle silos, OpenPartitionIndex led, RepeatedFailures failures,
    ILogger<OpenPartitions> logger) : ILifecycleParticipant<ISiloLifecycle>
{
    private readonly ConcurrentDictionary<PartitionLog, Entry> _partitions = new();
    private ITimer? _timer;
    private int _isUnderWay;

    // Only the round under way reads and writes it.
    private SiloAddress[] _active = [];

    // Those that the last round found to belong elsewhere. An array is replaced, and never changed.
    private volatile PartitionLog[] _moving = [];

    /// <summary>Maintains a partition and lets callers find it, until it is removed.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="move">Moves it to another silo; called from any thread.</param>
    /// <param name="stay">Keeps its grain from being deactivated as unused; called from any thread.</param>
    public void Add(OpenPartition partition, Action<SiloAddress> move, Action stay)
    {
        _partitions[partition.Log] = new Entry(partition, move, stay);
        led.Add(partition);
    }

    /// <summary>Stops maintaining a partition, and no longer lets callers find it.</summary>
    /// <param name="log">Its log.</param>
    public void Remove(PartitionLog log)
    {
        if (_partitions.TryRemove(log, out var known))
            led.Remove(known.Partition);
    }

    /// <summary>The partitions now, in no order.</summary>
    public IEnumerable<OpenPartition> Partitions => _partitions.Values.Select(known => known.Partition);

    /// <summary>The count of partitions.</summary>
    public int Count => _partitions.Count;

    /// <summary>The count of those that belong to another silo, and have not moved there yet. A round finds them; the next one moves them.</summary>
    public int MovingCount => _moving.Count(_partitions.ContainsKey);

    /// <summary>The bytes of all their segments, with deleted ones that are not freed yet.</summary>
    public long StoredBytes => _partitions.Keys.Sum(log => log.State is var state ? state.SizeBytes + state.DeletingBytes : 0);

    /// <summary>Adds up the traffic of all of them.</summary>
    public (PartitionFlow In, PartitionFlow Out) ReadFlows()
    {
        var (flowIn, flowOut) = (default(PartitionFlow), default(PartitionFlow));
        foreach (var log in _partitions.Keys)
        {
            var rates = log.Rates;
            (flowIn, flowOut) = (Add(flowIn, rates.In), Add(flowOut, rates.Out));
        }

        return (flowIn, flowOut);
    }

    private static PartitionFlow Add(PartitionFlow sum, FlowRates one) => new(
        sum.RecordsPerSecond1 + one.RecordsPerSecond1, sum.RecordsPerSecond5 + one.RecordsPerSecond5,
        sum.BytesPerSecond1 + one.BytesPerSecond1, sum.BytesPerSecond5 + one.BytesPerSecond5);

    /// <inheritdoc/>
    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
        nameof(OpenPartitions), ServiceLifecycleStage.Active, Start, Stop);

    /// <summary>Runs one round, unless another one is under way.</summary>
    internal async Task SeeToAllAsync()
    {
        if (Interlocked.Exchange(ref _isUnderWay, 1) != 0)
            return;
        try
        {
            await Parallel.ForEachAsync(
                _partitions.Keys.Where(log => log.IsMaintenanceDue),
                new ParallelOptions { MaxDegreeOfParallelism = PartitionGrainLimits.MaintainedAtOnce },
                SeeToAsync);
            KeepUsed();
            await MoveHomeAsync();
        }
        finally
        {
            Volatile.Write(ref _isUnderWay, 0);
        }
    }

    private Task Start(CancellationToken cancellationToken)
    {
        _timer = OutsideRequest.CreateTimer(
            time, _ => SeeToAllAsync().Ignore(), null, PartitionGrainLimits.MaintenancePeriod, PartitionGrainLimits.MaintenancePeriod);
        return Task.CompletedTask;
    }

    private Task Stop(CancellationToken cancellationToken) => _timer?.DisposeAsync().AsTask() ?? Task.CompletedTask;

    private async ValueTask SeeToAsync(PartitionLog log, CancellationToken cancellationToken)
    {
        try
        {
            await log.MaintainAsync(cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            var key = _partitions.TryGetValue(log, out var known) ? known.Partition.Key : default;
            if (failures.IsToTell($"maintenance of partition {key}", out var count))
                LogNotMaintained(e, key, count);
        }
    }

    private void KeepUsed()
    {
        foreach (var known in _partitions.Values)
        {
            if (known.Partition.TakeUse())
                known.Stay();
        }
    }

    // Silos often come and go together, and each move makes callers wait. So partitions move only after two rounds have found the same silos, and the
    // moves are spread over a period.
    private async Task MoveHomeAsync()
    {
        SiloAddress[] active = [.. silos.GetApproximateSiloStatuses(onlyActive: true).Keys.Order()];
        var haveStayed = active.AsSpan().SequenceEqual(_active);
        _active = active;
        if (active.Length == 0)
            return;
        var moves = _partitions.Values
            .Select(known => (known.Move, known.Partition.Log, Home: PartitionHome.Find(known.Partition.Key, active)))
            .Where(move => !move.Home.Equals(silo.SiloAddress))
            .ToList();
        _moving = [.. moves.Select(move => move.Log)];
        if (!haveStayed)
            return;
        foreach (var (move, _, home) in moves)
        {
            move(home);
            await Task.Delay(PartitionGrainLimits.MaintenancePeriod / moves.Count, time);
        }
    }

    private sealed record Entry(OpenPartition Partition, Action<SiloAddress> Move, Action Stay);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The maintenance of partition {Partition} is left to the next round; failures since this was last said: {Failures}")]
    private partial void LogNotMaintained(Exception exception, PartitionKey partition, int failures);
}
