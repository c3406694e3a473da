using OrleansStream.Cluster;

namespace OrleansStream.Telemetry.Cluster;

/// <summary>The topics and groups of the whole cluster, at about one moment. The service's own topics are not among them.</summary>
/// <param name="TakenAt">When it was finished, as a timestamp of the clock.</param>
/// <param name="SiloCount">The count of active silos.</param>
/// <param name="Brokers">Those of them that serve Kafka clients, by their ids.</param>
/// <param name="ReplicationFactor">The copies of each byte that the store keeps, as it reports them; 0 when no silo answered.</param>
/// <param name="Topics">The topics, by name.</param>
/// <param name="Groups">The groups, by name.</param>
internal sealed record ClusterSnapshot(
    long TakenAt, int SiloCount, IReadOnlyList<BrokerAddress> Brokers, int ReplicationFactor, IReadOnlyList<TopicSnapshot> Topics,
    IReadOnlyList<GroupSnapshot> Groups);

/// <summary>A topic.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name.</param>
/// <param name="PartitionCount">The count of its partitions, as far as they were ever led; 0 when nobody has used it since this process looks.</param>
/// <param name="Partitions">Those whose bounds are known, by number.</param>
internal sealed record TopicSnapshot(Guid Id, string Name, int PartitionCount, IReadOnlyList<PartitionSnapshot> Partitions);

/// <summary>A partition.</summary>
/// <param name="Partition">Its number.</param>
/// <param name="LogStartOffset">The first offset that its log holds.</param>
/// <param name="HighWatermark">The offset behind its last record.</param>
internal sealed record PartitionSnapshot(int Partition, long LogStartOffset, long HighWatermark)
{
    /// <summary>The broker that leads it; null when no silo has it open, or its silo serves no Kafka clients.</summary>
    public int? LeaderId { get; init; }

    /// <summary>True when the silo leads it that is to lead it; null when no silo has it open.</summary>
    public bool? IsPreferred { get; init; }
}

/// <summary>A group.</summary>
/// <param name="Name">Its name.</param>
/// <param name="MemberCount">The count of its members.</param>
/// <param name="Topics">The topics in which it has committed, by name.</param>
internal sealed record GroupSnapshot(string Name, int MemberCount, IReadOnlyList<GroupTopicSnapshot> Topics);

/// <summary>What a group has committed in a topic.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="Partitions">The partitions, by number; those without a commit are among them.</param>
internal sealed record GroupTopicSnapshot(string Topic, IReadOnlyList<GroupPartitionSnapshot> Partitions)
{
    /// <summary>The records that are not committed, over all partitions with a commit.</summary>
    public long Lag => Partitions.Sum(partition => partition.Lag ?? 0);

    /// <summary>The age in seconds of the oldest of them; null when there is none, or it could not be read yet.</summary>
    public double? LagSeconds => Partitions.Max(partition => partition.LagSeconds);
}

/// <summary>What a group has committed in a partition.</summary>
/// <param name="Partition">The partition's number.</param>
/// <param name="Committed">The committed offset; null for none.</param>
/// <param name="Lag">The records that are not committed, never negative; null without a commit, or while the end of the log is not known.</param>
internal sealed record GroupPartitionSnapshot(int Partition, long? Committed, long? Lag)
{
    /// <summary>The age in seconds of the oldest record that is not committed; null when there is none, or it could not be read yet.</summary>
    public double? LagSeconds { get; init; }
}
