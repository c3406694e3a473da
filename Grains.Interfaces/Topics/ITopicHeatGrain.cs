using System.Collections.Immutable;

namespace OrleansStream.Topics;

/// <summary>What the routers of a topic see of its keys, put together. Key: the topic's name. In memory only.</summary>
/// <remarks>
/// Bounded memory: a fixed count of counters (Space-Saving). Only keys that choose a partition are seen: a batch that names its
/// partition is not opened to look for them.
/// </remarks>
[Alias("os.ITopicHeatGrain")]
public interface ITopicHeatGrain : IGrainWithStringKey
{
    /// <summary>Takes what one router saw since it last reported. Where the topic detects hot keys, those found are set in it.</summary>
    /// <param name="report">What it saw.</param>
    [Alias("ReportAsync")]
    Task ReportAsync(HeatReport report);

    /// <summary>The hottest keys of the last half minute.</summary>
    [Alias("DescribeAsync")]
    Task<HeatDescription> DescribeAsync();
}

/// <summary>What one router saw of a topic's keys.</summary>
/// <param name="TopicId">The topic.</param>
/// <param name="PartitionCount">The count of its partitions.</param>
/// <param name="RecordCount">The records that were looked at.</param>
/// <param name="Keys">The most frequent keys among them.</param>
[GenerateSerializer, Immutable, Alias("os.HeatReport")]
public sealed record HeatReport(
    [property: Id(0)] Guid TopicId,
    [property: Id(1)] int PartitionCount,
    [property: Id(2)] double RecordCount,
    [property: Id(3)] ImmutableArray<HeatReportKey> Keys)
{
    /// <summary>The bytes of batches that came uncompressed.</summary>
    [Id(4)] public long SentBytes { get; init; }

    /// <summary>The bytes that those were stored as.</summary>
    [Id(5)] public long StoredBytes { get; init; }
}

/// <summary>A frequent key.</summary>
/// <param name="Key">The key's bytes.</param>
/// <param name="Count">At least the records that have it.</param>
/// <param name="Error">What of that may be others'.</param>
[GenerateSerializer, Immutable, Alias("os.HeatReportKey")]
public readonly record struct HeatReportKey(
    [property: Id(0)] ReadOnlyMemory<byte> Key,
    [property: Id(1)] double Count,
    [property: Id(2)] double Error);

/// <summary>The hottest keys of a topic.</summary>
/// <param name="Keys">The keys, the hottest first.</param>
[GenerateSerializer, Immutable, Alias("os.HeatDescription")]
public sealed record HeatDescription(
    [property: Id(0)] ImmutableArray<HotKey> Keys)
{
    /// <summary>
    /// How many times smaller batches were stored than they came, of those that came uncompressed in the last half minute; null when
    /// there were none. What a producer compressed is not opened to find out.
    /// </summary>
    [Id(1)] public double? CompressionRatio { get; init; }
}

/// <summary>A hot key.</summary>
/// <param name="Key">The key's bytes.</param>
/// <param name="Partition">The partition it belongs to when it is not spread.</param>
/// <param name="Share">The part of the topic's keyed and keyless records that has it, from 0 to 1: at least so much for certain.</param>
[GenerateSerializer, Immutable, Alias("os.HotKey")]
public readonly record struct HotKey(
    [property: Id(0)] ReadOnlyMemory<byte> Key,
    [property: Id(1)] int Partition,
    [property: Id(2)] double Share);
