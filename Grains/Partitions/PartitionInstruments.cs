using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using OrleansStream.Log;
using OrleansStream.Log.Resources;

namespace OrleansStream.Partitions;

/// <summary>
/// The metrics of the partitions that this silo leads, in the meter <c>OrleansStream</c>. They are read from the logs when somebody collects them, so
/// they cost nothing while records are appended and read.
/// </summary>
internal sealed class PartitionInstruments : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "OrleansStream";

    private readonly ConcurrentDictionary<PartitionLog, KeyValuePair<string, object?>[]> _logs = new();
    private readonly Meter _meter = new(MeterName);

    /// <summary>Makes the instruments.</summary>
    /// <param name="resources">The resources that the logs share.</param>
    public PartitionInstruments(LogResources resources)
    {
        Count("orleansstream.partition.records.in", "{record}", "Records that became durable.", log => log.Rates.In.Records);
        Count("orleansstream.partition.bytes.in", "By", "Bytes of batches that became durable.", log => log.Rates.In.Bytes);
        Count("orleansstream.partition.records.out", "{record}", "Records that were fetched.", log => log.Rates.Out.Records);
        Count("orleansstream.partition.bytes.out", "By", "Bytes of batches that were fetched.", log => log.Rates.Out.Bytes);
        Gauge("orleansstream.partition.size", "By", "Bytes of the segments.", log => log.State.SizeBytes);
        Gauge("orleansstream.partition.deleting", "By", "Bytes that have left the log and are not freed yet.", log => log.State.DeletingBytes);
        _meter.CreateObservableGauge("orleansstream.pending", () =>
            resources.PendingBytes, "By", "Bytes of all partitions that are not durable yet.");
        _meter.CreateObservableGauge("orleansstream.cache", () =>
            resources.CacheBytes, "By", "Bytes of all partitions that are kept in memory for readers.");
    }

    /// <summary>Starts to measure a log.</summary>
    /// <param name="topic">Its topic's name.</param>
    /// <param name="partition">Its number.</param>
    /// <param name="log">The log.</param>
    public void Add(string topic, int partition, PartitionLog log) => _logs[log] = [new("topic", topic), new("partition", partition)];

    /// <summary>Stops measuring a log.</summary>
    /// <param name="log">The log.</param>
    public void Remove(PartitionLog log) => _logs.TryRemove(log, out _);

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private void Count(string name, string unit, string description, Func<PartitionLog, long> read) =>
        _meter.CreateObservableCounter(name, () => Measure(read), unit, description);

    private void Gauge(string name, string unit, string description, Func<PartitionLog, long> read) =>
        _meter.CreateObservableGauge(name, () => Measure(read), unit, description);

    private IEnumerable<Measurement<long>> Measure(Func<PartitionLog, long> read) =>
        _logs.Select(entry => new Measurement<long>(read(entry.Key), entry.Value));
}
