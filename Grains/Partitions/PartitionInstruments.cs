using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using OrleansStream.Instrumentation;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;

namespace OrleansStream.Partitions;

/// <summary>
/// The metrics of the partitions that this silo leads, in the meter <see cref="StreamTelemetry.Name"/>. Traffic and sizes are read from the logs when
/// somebody collects them, so they cost nothing while records are appended and read.
/// </summary>
/// <remarks>
/// A topic has one series of each metric; the partitions of <see cref="MeasuredTopics"/> have one each. The series stay, and do not fall, when
/// partitions move to another silo. Only when there are too many does one without a partition make room, such as that of a deleted topic.
/// </remarks>
internal sealed class PartitionInstruments : IDisposable
{
    /// <summary>The tag with how a log ended: the names of <see cref="LogEnd"/>.</summary>
    public const string EndTag = "end";

    private static readonly (string Topic, int? Partition) Others = (TelemetryLimits.OtherTopics, null);

    private readonly ConcurrentDictionary<(string Topic, int? Partition), LedSeries> _series = new();
    private readonly ConcurrentDictionary<PartitionLog, LedSeries> _logs = new();
    private readonly Lock _gate = new();
    private readonly Meter _meter;
    private readonly MeasuredTopics _measured;
    private readonly Histogram<double> _opening;
    private readonly Counter<long> _ends;
    private readonly Counter<long> _moves;

    /// <summary>Makes the instruments.</summary>
    /// <param name="resources">The resources that the logs share.</param>
    /// <param name="measured">The topics of which each partition is measured.</param>
    /// <param name="meters">Makes the meter.</param>
    public PartitionInstruments(LogResources resources, MeasuredTopics? measured = null, IMeterFactory? meters = null)
    {
        _meter = StreamTelemetry.MeterOf(meters);
        _measured = measured ?? MeasuredTopics.None;
        Count("orleansstream.topic.records.in", "{record}", "Records that became durable.", flow => flow.In.Records);
        Count("orleansstream.topic.bytes.in", "By", "Bytes of batches that became durable.", flow => flow.In.Bytes);
        Count("orleansstream.topic.records.out", "{record}", "Records that were fetched.", flow => flow.Out.Records);
        Count("orleansstream.topic.bytes.out", "By", "Bytes of batches that were fetched.", flow => flow.Out.Bytes);
        Gauge("orleansstream.topic.size", "By", "Bytes of the segments that this silo leads.", log => log.State.SizeBytes);
        Gauge("orleansstream.topic.deleting", "By", "Bytes that have left the logs and are not freed yet.", log => log.State.DeletingBytes);
        _meter.CreateObservableGauge("orleansstream.partitions.led", () => _logs.Count, "{partition}", "Partitions that this silo leads.");
        _meter.CreateObservableGauge("orleansstream.pending", () =>
            resources.PendingBytes, "By", "Bytes of all partitions that are not durable yet.");
        _meter.CreateObservableGauge("orleansstream.cache", () =>
            resources.CacheBytes, "By", "Bytes of all partitions that are kept in memory for readers.");
        _opening = _meter.CreateHistogram(
            "orleansstream.partition.open.duration", "s", "The time to take a partition's log over: claim, fence, and read its end.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] });
        _ends = _meter.CreateCounter<long>("orleansstream.partition.ends", "{log}", "Logs that ended on this silo, by why: Fenced means that another silo took over.");
        _moves = _meter.CreateCounter<long>("orleansstream.partition.moves", "{partition}", "Partitions that this silo gave to the silo where they belong.");
    }

    /// <summary>The most series of one metric, besides that of all further topics.</summary>
    internal int SeriesMax { get; init; } = TelemetryLimits.SeriesMax;

    /// <summary>Starts to measure a log.</summary>
    /// <param name="topic">Its topic's name.</param>
    /// <param name="partition">Its number.</param>
    /// <param name="log">The log.</param>
    public void Add(string topic, int partition, PartitionLog log)
    {
        // So that nobody takes a series away between finding it and adding to it.
        lock (_gate)
        {
            var series = FindSeries(topic, _measured.HasPartitions(topic) ? partition : null);
            _logs[log] = series;
            series.Add(log);
        }
    }

    /// <summary>Stops measuring a log.</summary>
    /// <param name="log">The log.</param>
    /// <param name="end">How it ended.</param>
    public void Remove(PartitionLog log, LogEnd end)
    {
        if (_logs.TryRemove(log, out var series))
            series.Remove(log);
        _ends.Add(1, new KeyValuePair<string, object?>(EndTag, end.ToString()));
    }

    /// <summary>Notes that a log was opened.</summary>
    /// <param name="elapsed">How long that took.</param>
    public void Opened(TimeSpan elapsed) => _opening.Record(elapsed.TotalSeconds);

    /// <summary>Notes that a partition leaves for the silo where it belongs.</summary>
    public void Moved() => _moves.Add(1);

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private LedSeries FindSeries(string topic, int? partition)
    {
        if (_series.TryGetValue((topic, partition), out var known))
            return known;
        var own = _series.Count - (_series.ContainsKey(Others) ? 1 : 0);
        var hasRoom = own < SeriesMax || RemoveUnused();
        return _series.GetOrAdd(hasRoom ? (topic, partition) : Others, static key => new LedSeries(key.Topic, key.Partition));
    }

    private bool RemoveUnused()
    {
        foreach (var (key, series) in _series)
        {
            if (key != Others && !series.HasLogs)
                return _series.TryRemove(key, out _);
        }

        return false;
    }

    private void Count(string name, string unit, string description, Func<LogRates, long> read) => _meter.CreateObservableCounter(
        name, () => _series.Values.Select(series => new Measurement<long>(series.Sum(read), series.Tags)), unit, description);

    private void Gauge(string name, string unit, string description, Func<PartitionLog, long> read) => _meter.CreateObservableGauge(
        name, () => _series.Values.Select(series => new Measurement<long>(series.Sum(read), series.Tags)), unit, description);

    /// <summary>The logs of one series, and what those have counted that have left it.</summary>
    private sealed class LedSeries(string topic, int? partition)
    {
        private readonly Lock _gate = new();
        private readonly HashSet<PartitionLog> _logs = [];
        private LogRates _left;

        public KeyValuePair<string, object?>[] Tags { get; } = partition is { } number
            ? [new(StreamTelemetry.Topic, topic), new(StreamTelemetry.Partition, number.ToString(CultureInfo.InvariantCulture))]
            : [new(StreamTelemetry.Topic, topic)];

        public bool HasLogs
        {
            get
            {
                lock (_gate)
                    return _logs.Count > 0;
            }
        }

        public void Add(PartitionLog log)
        {
            lock (_gate)
                _logs.Add(log);
        }

        public void Remove(PartitionLog log)
        {
            lock (_gate)
            {
                if (_logs.Remove(log))
                    _left = new LogRates(Add(_left.In, log.Rates.In), Add(_left.Out, log.Rates.Out));
            }
        }

        public long Sum(Func<LogRates, long> read)
        {
            lock (_gate)
                return read(_left) + _logs.Sum(log => read(log.Rates));
        }

        public long Sum(Func<PartitionLog, long> read)
        {
            lock (_gate)
                return _logs.Sum(read);
        }

        private static FlowRates Add(FlowRates left, FlowRates flow) =>
            left with { Records = left.Records + flow.Records, Bytes = left.Bytes + flow.Bytes };
    }
}
