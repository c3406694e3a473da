using System.Collections.Immutable;

namespace OrleansStream.Cluster;

/// <summary>The partitions that a silo leads, at one moment.</summary>
/// <param name="Broker">The silo as a Kafka broker; null while it serves no Kafka clients.</param>
/// <param name="ReplicationFactor">The copies of each byte that the store keeps, as it reports them.</param>
/// <param name="Topics">The topics of which it leads partitions, in no order.</param>
[GenerateSerializer, Immutable, Alias("os.SiloMeasurement")]
public sealed record SiloMeasurement(
    [property: Id(0)] BrokerAddress? Broker,
    [property: Id(1)] int ReplicationFactor,
    [property: Id(2)] ImmutableArray<MeasuredTopic> Topics);

/// <summary>The partitions of one topic that a silo leads.</summary>
/// <param name="Id">The topic's id.</param>
/// <param name="Name">Its name.</param>
/// <param name="PartitionCount">The count of all its partitions, as the silo knows it.</param>
/// <param name="Partitions">Those that the silo leads, in no order.</param>
[GenerateSerializer, Immutable, Alias("os.MeasuredTopic")]
public sealed record MeasuredTopic(
    [property: Id(0)] Guid Id,
    [property: Id(1)] string Name,
    [property: Id(2)] int PartitionCount,
    [property: Id(3)] ImmutableArray<MeasuredPartition> Partitions);

/// <summary>The bounds of a partition's log.</summary>
/// <param name="Partition">The partition's number.</param>
/// <param name="LogStartOffset">The first offset that it holds.</param>
/// <param name="HighWatermark">The offset behind its last durable record.</param>
[GenerateSerializer, Immutable, Alias("os.MeasuredPartition")]
public readonly record struct MeasuredPartition(
    [property: Id(0)] int Partition,
    [property: Id(1)] long LogStartOffset,
    [property: Id(2)] long HighWatermark);
