namespace OrleansStream.Cluster;

/// <summary>Tells of one silo; it is on that silo. Key: the silo's address, as <see cref="SiloAddress.ToParsableString"/> writes it.</summary>
[Alias("os.ISiloGrain")]
public interface ISiloGrain : IGrainWithStringKey
{
    /// <summary>What the silo holds, and what it asks of its storage.</summary>
    [Alias("DescribeAsync")]
    ValueTask<SiloUsage> DescribeAsync();
}

/// <summary>What a silo holds, and what it asks of its storage.</summary>
/// <param name="PartitionCount">The partitions that it leads.</param>
/// <param name="StoredBytes">The bytes of their segments, with those that are deleted and not freed yet.</param>
/// <param name="Storage">What it asks of its account; null for other storage, which has no price.</param>
[GenerateSerializer, Immutable, Alias("os.SiloUsage")]
public sealed record SiloUsage(
    [property: Id(0)] int PartitionCount,
    [property: Id(1)] long StoredBytes,
    [property: Id(2)] StorageUsage? Storage);

/// <summary>What a silo asks of its account, a second, over the last minute; and what a month like it costs.</summary>
/// <param name="AppendsPerSecond">Appends to segments; they are among the writes.</param>
/// <param name="AppendsPerSecondMax">The most of them; null for no bound.</param>
/// <param name="AppendsWaitingCount">The partitions whose next append waits for its turn.</param>
/// <param name="WritesPerSecond">Requests that are billed as writes.</param>
/// <param name="ReadsPerSecond">Requests that are billed as reads.</param>
/// <param name="MonthCost">What these requests and the stored bytes cost in a month, at the unit prices of the settings.</param>
[GenerateSerializer, Immutable, Alias("os.StorageUsage")]
public sealed record StorageUsage(
    [property: Id(0)] double AppendsPerSecond,
    [property: Id(1)] int? AppendsPerSecondMax,
    [property: Id(2)] int AppendsWaitingCount,
    [property: Id(3)] double WritesPerSecond,
    [property: Id(4)] double ReadsPerSecond,
    [property: Id(5)] double MonthCost);
