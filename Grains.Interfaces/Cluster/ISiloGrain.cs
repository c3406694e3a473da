using System.Collections.Immutable;
using OrleansStream.Partitions;

namespace OrleansStream.Cluster;

/// <summary>Describes one silo, and runs on it. Key: the silo's address, as <see cref="SiloAddress.ToParsableString"/> writes it.</summary>
[Alias("os.ISiloGrain")]
public interface ISiloGrain : IGrainWithStringKey
{
    /// <summary>The silo's partitions, its stored bytes, and its use of its storage.</summary>
    [Alias("DescribeAsync")]
    ValueTask<SiloUsage> DescribeAsync();

    /// <summary>Where Kafka clients reach the silo; null while it does not serve Kafka's protocol.</summary>
    [Alias("FindBrokerAsync")]
    ValueTask<BrokerAddress?> FindBrokerAsync();

    /// <summary>True when the silo serves Kafka clients, or will as soon as it has started.</summary>
    [Alias("HasBrokerAsync")]
    ValueTask<bool> HasBrokerAsync();

    /// <summary>Measures the partitions that the silo leads, from its memory. It costs little, whatever their number.</summary>
    [Alias("MeasureAsync")]
    ValueTask<SiloMeasurement> MeasureAsync();

    /// <summary>The epochs by which the silo leads partitions.</summary>
    /// <param name="partitions">The partitions.</param>
    /// <returns>Per partition, in order, its epoch, at least 1; 0 for one that the silo does not lead now.</returns>
    [Alias("FindLeaderEpochsAsync")]
    ValueTask<ImmutableArray<int>> FindLeaderEpochsAsync(ImmutableArray<PartitionKey> partitions);
}

/// <summary>What a silo holds, and its use of its storage.</summary>
/// <param name="PartitionCount">The partitions that it leads.</param>
/// <param name="StoredBytes">The bytes of their segments, with deleted ones that are not freed yet.</param>
/// <param name="Storage">Its use of its storage account; null for other storage, which has no price.</param>
/// <param name="In">What is appended to them; null from a silo of an earlier version.</param>
/// <param name="Out">What is fetched from them; null from a silo of an earlier version.</param>
/// <param name="Version">The version of its program; null from a silo of an earlier version.</param>
/// <param name="StartedAt">When it was started, by its own clock; null from a silo of an earlier version.</param>
/// <param name="MovingCount">The partitions among those that it leads that are about to move to another silo.</param>
[GenerateSerializer, Immutable, Alias("os.SiloUsage")]
public sealed record SiloUsage(
    [property: Id(0)] int PartitionCount,
    [property: Id(1)] long StoredBytes,
    [property: Id(2)] StorageUsage? Storage,
    [property: Id(3)] PartitionFlow? In = null,
    [property: Id(4)] PartitionFlow? Out = null,
    [property: Id(5)] string? Version = null,
    [property: Id(6)] DateTimeOffset? StartedAt = null,
    [property: Id(7)] int MovingCount = 0);

/// <summary>A silo's requests to its storage account, per second over the last minute, and what they would cost in a month.</summary>
/// <param name="AppendsPerSecond">The appends to segments, which are also among the writes.</param>
/// <param name="AppendsPerSecondMax">The most appends per second; null for no bound.</param>
/// <param name="AppendsWaitingCount">The partitions whose next append waits for its turn.</param>
/// <param name="WritesPerSecond">The requests that are billed as writes.</param>
/// <param name="ReadsPerSecond">The requests that are billed as reads.</param>
/// <param name="MonthCost">What these requests and the stored bytes cost in a month, at the unit prices of the settings.</param>
[GenerateSerializer, Immutable, Alias("os.StorageUsage")]
public sealed record StorageUsage(
    [property: Id(0)] double AppendsPerSecond,
    [property: Id(1)] int? AppendsPerSecondMax,
    [property: Id(2)] int AppendsWaitingCount,
    [property: Id(3)] double WritesPerSecond,
    [property: Id(4)] double ReadsPerSecond,
    [property: Id(5)] double MonthCost);
