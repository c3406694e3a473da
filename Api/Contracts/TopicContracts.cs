using System.Text.Json.Nodes;

namespace OrleansStream.Contracts;

/// <summary>What a topic shall be.</summary>
public sealed record TopicRequest
{
    /// <summary>The count of its partitions. Default 1.</summary>
    /// <example>6</example>
    public int? Partitions { get; init; }

    /// <summary>Settings by Kafka's names; each value may be a number, a string or a boolean. Those left out have their defaults.</summary>
    public IReadOnlyDictionary<string, SettingValue>? Config { get; init; }

    /// <summary>The copies of the data wanted; more than the store keeps is refused. Default: what it keeps.</summary>
    public int? ReplicationFactor { get; init; }
}

/// <summary>A change to a topic; what is absent stays.</summary>
public sealed record TopicPatch
{
    /// <summary>The new count of partitions; it can only grow, and keys move to other partitions then.</summary>
    /// <example>12</example>
    public int? Partitions { get; init; }

    /// <summary>Settings to change; null puts one back to its default.</summary>
    public IReadOnlyDictionary<string, SettingChange?>? Config { get; init; }
}

/// <summary>A topic.</summary>
public sealed record TopicAnswer
{
    /// <summary>Its name.</summary>
    /// <example>matches</example>
    public required string Name { get; init; }

    /// <summary>Its id: another topic of the same name, made after this one was deleted, has another.</summary>
    public required Guid Id { get; init; }

    /// <summary>The count of its partitions, numbered from 0.</summary>
    /// <example>6</example>
    public required int Partitions { get; init; }

    /// <summary>The copies of the data that the store keeps.</summary>
    /// <example>1</example>
    public required int ReplicationFactor { get; init; }

    /// <summary>All settings, with defaults filled in.</summary>
    public required JsonObject Config { get; init; }

    /// <summary>Grows by one with each change.</summary>
    /// <example>1</example>
    public required long Version { get; init; }

    /// <summary>When it was created.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>A page of topics, in ordinal order of their names.</summary>
public sealed record TopicListAnswer
{
    /// <summary>The topics.</summary>
    public required IReadOnlyList<TopicListEntry> Topics { get; init; }

    /// <summary>Give this as <c>after</c> for the next page; absent at the end.</summary>
    public string? NextAfter { get; init; }
}

/// <summary>A topic on a page.</summary>
public sealed record TopicListEntry
{
    /// <summary>Its name.</summary>
    /// <example>matches</example>
    public required string Name { get; init; }

    /// <summary>Its id.</summary>
    public required Guid Id { get; init; }

    /// <summary>When it was created.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>The partitions of a topic.</summary>
public sealed record PartitionListAnswer
{
    /// <summary>One entry per partition, in order.</summary>
    public required IReadOnlyList<PartitionAnswer> Partitions { get; init; }

    /// <summary>The bytes of the topic's segments, over all partitions that could be asked.</summary>
    /// <example>90113</example>
    public required long SizeBytes { get; init; }

    /// <summary>The bytes that retention or a deletion took out of the topic and that are freed within a few minutes.</summary>
    /// <example>0</example>
    public required long DeletingBytes { get; init; }
}

/// <summary>The state of a partition.</summary>
public sealed record PartitionAnswer
{
    /// <summary>Its number.</summary>
    /// <example>0</example>
    public required int Partition { get; init; }

    /// <summary>The first offset that can be read.</summary>
    /// <example>0</example>
    public long? LogStartOffset { get; init; }

    /// <summary>The end of what is durable.</summary>
    /// <example>1208</example>
    public long? HighWatermark { get; init; }

    /// <summary>The bytes of its segments.</summary>
    /// <example>90113</example>
    public long? SizeBytes { get; init; }

    /// <summary>
    /// The bytes that have left the partition and are freed within a few minutes; with <c>size_bytes</c>, what it takes in the store.
    /// </summary>
    /// <example>0</example>
    public long? DeletingBytes { get; init; }

    /// <summary>The count of its segments.</summary>
    /// <example>1</example>
    public int? SegmentCount { get; init; }

    /// <summary>The silo that leads it.</summary>
    public string? Leader { get; init; }

    /// <summary>Grows with each change of its leader.</summary>
    /// <example>1</example>
    public int? LeaderEpoch { get; init; }

    /// <summary>Why its state could not be had; the other fields are absent then.</summary>
    public Problem? Error { get; init; }
}

/// <summary>A partition after records were deleted.</summary>
public sealed record DeleteRecordsAnswer
{
    /// <summary>Its number.</summary>
    /// <example>0</example>
    public required int Partition { get; init; }

    /// <summary>The first offset that can be read.</summary>
    /// <example>17</example>
    public required long LowWatermark { get; init; }
}

/// <summary>The state of the service.</summary>
public sealed record HealthAnswer
{
    /// <summary><c>live</c> or <c>ready</c>.</summary>
    /// <example>ready</example>
    public required string Status { get; init; }
}
