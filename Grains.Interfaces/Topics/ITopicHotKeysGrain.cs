using System.Collections.Immutable;

namespace OrleansStream.Topics;

/// <summary>Combines what the routers of a topic report about its keys. Key: the topic's name. It keeps its state in memory only.</summary>
/// <remarks>
/// Its memory is bounded by a fixed count of counters (Space-Saving). Only keys that choose a partition are counted: a batch that names its partition
/// is not opened.
/// Its names on the wire are older than its name here: silos of both versions reach it.
/// </remarks>
[Alias("os.ITopicHeatGrain"), GrainInterfaceType("OrleansStream.Topics.ITopicHeatGrain")]
public interface ITopicHotKeysGrain : IGrainWithStringKey
{
    /// <summary>Takes the report of one router since its last one. If the topic detects hot keys, the hot keys found are set in the topic.</summary>
    /// <param name="report">The report.</param>
    [Alias("ReportAsync")]
    Task ReportAsync(HotKeysReport report);

    /// <summary>The hottest keys of the last half minute.</summary>
    [Alias("DescribeAsync")]
    Task<HotKeysDescription> DescribeAsync();
}

/// <summary>What one router saw of a topic's keys.</summary>
/// <param name="TopicId">The topic.</param>
/// <param name="PartitionCount">The count of its partitions.</param>
/// <param name="RecordCount">The records that were counted.</param>
/// <param name="Keys">The most frequent keys among them.</param>
[GenerateSerializer, Immutable, Alias("os.HeatReport")]
public sealed record HotKeysReport(
    [property: Id(0)] Guid TopicId,
    [property: Id(1)] int PartitionCount,
    [property: Id(2)] double RecordCount,
    [property: Id(3)] ImmutableArray<CountedKey> Keys)
{
    /// <summary>The bytes of batches that came uncompressed, as they came.</summary>
    [Id(4)] public long SentBytes { get; init; }

    /// <summary>The bytes of those batches as they were stored.</summary>
    [Id(5)] public long StoredBytes { get; init; }
}

/// <summary>A frequent key.</summary>
/// <param name="Key">The key's bytes.</param>
/// <param name="Count">The estimated count of its records; it is never too low.</param>
/// <param name="Error">By how much the estimate may be too high.</param>
[GenerateSerializer, Immutable, Alias("os.HeatReportKey")]
public readonly record struct CountedKey(
    [property: Id(0)] ReadOnlyMemory<byte> Key,
    [property: Id(1)] double Count,
    [property: Id(2)] double Error);

/// <summary>The hottest keys of a topic.</summary>
/// <param name="Keys">The keys, the hottest first.</param>
[GenerateSerializer, Immutable, Alias("os.HeatDescription")]
public sealed record HotKeysDescription(
    [property: Id(0)] ImmutableArray<HotKey> Keys)
{
    /// <summary>
    /// How many times smaller batches are stored than they came, over those that came uncompressed in the last half minute; null when there were
    /// none. Batches that a producer compressed do not count, because they are not opened for this.
    /// </summary>
    [Id(1)] public double? CompressionRatio { get; init; }
}

/// <summary>A hot key.</summary>
/// <param name="Key">The key's bytes.</param>
/// <param name="Partition">The partition of the key when it is not spread.</param>
/// <param name="Share">The least fraction, from 0 to 1, of the topic's records (with and without keys) that have this key.</param>
[GenerateSerializer, Immutable, Alias("os.HotKey")]
public readonly record struct HotKey(
    [property: Id(0)] ReadOnlyMemory<byte> Key,
    [property: Id(1)] int Partition,
    [property: Id(2)] double Share);
