namespace OrleansStream.Contracts;

/// <summary>A page of groups, in ordinal order of their names.</summary>
public sealed record GroupListAnswer
{
    /// <summary>The groups.</summary>
    public required IReadOnlyList<GroupListEntry> Groups { get; init; }

    /// <summary>Give this as <c>after</c> for the next page; absent at the end.</summary>
    public string? NextAfter { get; init; }
}

/// <summary>A group on a page.</summary>
public sealed record GroupListEntry
{
    /// <summary>Its name.</summary>
    /// <example>scoreboard</example>
    public required string Group { get; init; }

    /// <summary>When it was first joined or given offsets.</summary>
    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>A group.</summary>
public sealed record GroupAnswer
{
    /// <summary>Its name.</summary>
    /// <example>scoreboard</example>
    public required string Group { get; init; }

    /// <summary>
    /// <c>empty</c>, <c>assigning</c>, <c>reconciling</c> (partitions are moving) or <c>stable</c>; while members of Kafka's classic protocol agree
    /// on who reads what, <c>preparing_rebalance</c> or <c>completing_rebalance</c>.
    /// </summary>
    /// <example>stable</example>
    public required string State { get; init; }

    /// <summary>Grows with every change that asks for a new assignment. Of Kafka's classic protocol, the generation.</summary>
    /// <example>3</example>
    public required long GroupEpoch { get; init; }

    /// <summary>The assignor in use.</summary>
    /// <example>sticky</example>
    public required string Assignor { get; init; }

    /// <summary>The members.</summary>
    public required IReadOnlyList<MemberAnswer> Members { get; init; }

    /// <summary>Topics that members ask for and that do not exist; absent when all exist.</summary>
    /// <example>["matchs"]</example>
    public IReadOnlyList<string>? UnknownTopics { get; init; }

    /// <summary>What becomes of records that fail; absent when nobody has said.</summary>
    public RetryPolicyAnswer? RetryPolicy { get; init; }
}

/// <summary>A member of a group.</summary>
public sealed record MemberAnswer
{
    /// <summary>Its id.</summary>
    /// <example>anna</example>
    public required string Member { get; init; }

    /// <summary>Its epoch.</summary>
    /// <example>7</example>
    public required long MemberEpoch { get; init; }

    /// <summary>The topics it reads.</summary>
    public required IReadOnlyList<string> Topics { get; init; }

    /// <summary>When its lease ends unless it polls.</summary>
    public required DateTimeOffset LeaseExpiresAt { get; init; }

    /// <summary>The partitions it has.</summary>
    public required IReadOnlyList<TopicAssignment> Assignment { get; init; }

    /// <summary>The partitions it shall have once others let go of them; absent when it has them all.</summary>
    public IReadOnlyList<TopicAssignment>? Target { get; init; }
}

/// <summary>Offsets to be kept.</summary>
public sealed record OffsetsPutRequest
{
    /// <summary>The member that commits. Without it the offsets are set for a group without members, also back.</summary>
    public string? Member { get; init; }

    /// <summary>The member's epoch, as its last answer told it.</summary>
    public long? MemberEpoch { get; init; }

    /// <summary>Instead of an epoch and offsets: commits what the member's answer with this cursor held.</summary>
    public string? Cursor { get; init; }

    /// <summary>The offsets.</summary>
    public IReadOnlyList<OffsetPut>? Offsets { get; init; }
}

/// <summary>An offset to be kept.</summary>
public sealed record OffsetPut
{
    /// <summary>The topic.</summary>
    /// <example>matches</example>
    public required string Topic { get; init; }

    /// <summary>The partition.</summary>
    /// <example>0</example>
    public required int Partition { get; init; }

    /// <summary>The next offset to be read.</summary>
    /// <example>1</example>
    public required long Offset { get; init; }

    /// <summary>What to remember with it; at most 4,096 bytes.</summary>
    public string? Metadata { get; init; }
}

/// <summary>A group's committed offsets.</summary>
public sealed record OffsetListAnswer
{
    /// <summary>The offsets, by topic and partition.</summary>
    public required IReadOnlyList<OffsetEntry> Offsets { get; init; }
}

/// <summary>A committed offset.</summary>
public sealed record OffsetEntry
{
    /// <summary>The topic.</summary>
    /// <example>matches</example>
    public required string Topic { get; init; }

    /// <summary>The partition.</summary>
    /// <example>0</example>
    public required int Partition { get; init; }

    /// <summary>The next offset to be read.</summary>
    /// <example>17</example>
    public required long Offset { get; init; }

    /// <summary>What was to be remembered with it.</summary>
    public required string Metadata { get; init; }

    /// <summary>When it was committed.</summary>
    public required DateTimeOffset CommittedAt { get; init; }
}

/// <summary>Where a group's offsets shall be.</summary>
public sealed record OffsetsResetRequest
{
    /// <summary>The topics; without them all that the group has an offset for.</summary>
    public IReadOnlyList<string>? Topics { get; init; }

    /// <summary>The partitions; without them all.</summary>
    public IReadOnlyList<int>? Partitions { get; init; }

    /// <summary><c>earliest</c>, <c>latest</c>, <c>timestamp</c>, <c>offset</c> or <c>shift</c>.</summary>
    /// <example>earliest</example>
    public required string To { get; init; }

    /// <summary>With <c>timestamp</c>: the first record dated at or after this; RFC 3339 or milliseconds since 1970.</summary>
    public RecordTimestamp? Timestamp { get; init; }

    /// <summary>With <c>offset</c>: this offset, or the end of the log that is nearest.</summary>
    public long? Offset { get; init; }

    /// <summary>With <c>shift</c>: so many records forward, or back when it is below 0.</summary>
    public long? By { get; init; }

    /// <summary>True to only answer what would be set. Default false.</summary>
    public bool? DryRun { get; init; }
}

/// <summary>What a reset set, or would set.</summary>
public sealed record OffsetsResetAnswer
{
    /// <summary>True when nothing was set.</summary>
    public required bool DryRun { get; init; }

    /// <summary>The offsets, by topic and partition.</summary>
    public required IReadOnlyList<OffsetMove> Offsets { get; init; }
}

/// <summary>An offset before and after a reset.</summary>
public sealed record OffsetMove
{
    /// <summary>The topic.</summary>
    /// <example>matches</example>
    public required string Topic { get; init; }

    /// <summary>The partition.</summary>
    /// <example>0</example>
    public required int Partition { get; init; }

    /// <summary>The offset before; absent when there was none.</summary>
    /// <example>17</example>
    public long? From { get; init; }

    /// <summary>The offset after.</summary>
    /// <example>0</example>
    public required long To { get; init; }
}

/// <summary>A group's lag.</summary>
public sealed record LagAnswer
{
    /// <summary>The records that are not committed, over all partitions.</summary>
    /// <example>12</example>
    public required long Lag { get; init; }

    /// <summary>The age of the oldest record that is not committed, in seconds; 0 when there is none.</summary>
    /// <example>3.5</example>
    public required double LagSeconds { get; init; }

    /// <summary>Per partition, by topic and partition.</summary>
    public required IReadOnlyList<PartitionLag> Partitions { get; init; }
}

/// <summary>A group's lag in a partition.</summary>
public sealed record PartitionLag
{
    /// <summary>The topic.</summary>
    /// <example>matches</example>
    public required string Topic { get; init; }

    /// <summary>The partition.</summary>
    /// <example>0</example>
    public required int Partition { get; init; }

    /// <summary>The member that has it; absent when nobody has.</summary>
    /// <example>anna</example>
    public string? Member { get; init; }

    /// <summary>The committed offset; absent when there is none: then all records count.</summary>
    /// <example>1196</example>
    public long? CommittedOffset { get; init; }

    /// <summary>The end of the log; absent when it cannot be had just now.</summary>
    /// <example>1208</example>
    public long? HighWatermark { get; init; }

    /// <summary>The records that are not committed.</summary>
    /// <example>12</example>
    public long? Lag { get; init; }

    /// <summary>The age of the oldest of them, in seconds, by its timestamp.</summary>
    /// <example>3.5</example>
    public double? LagSeconds { get; init; }
}
