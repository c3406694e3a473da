using System.Collections.Immutable;
using OrleansStream.Groups;

namespace OrleansStream.Gateway.Groups;

/// <summary>An offset to be kept for a group.</summary>
/// <param name="Topic">The topic; its name is valid.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Offset">The next offset to be read.</param>
/// <param name="Metadata">What to remember with it; null for nothing.</param>
public readonly record struct TopicOffset(string Topic, int Partition, long Offset, string? Metadata);

/// <summary>What came of a commit.</summary>
/// <param name="Refusal">Why nothing was committed; null when all was.</param>
/// <param name="Offsets">The offsets that were committed.</param>
public sealed record CommitOutcome(MemberRefusal? Refusal, ImmutableArray<PartitionOffset> Offsets);

/// <summary>Where offsets are reset to.</summary>
public enum OffsetTarget
{
    /// <summary>The log's first record.</summary>
    Earliest,

    /// <summary>The log's end.</summary>
    Latest,

    /// <summary>The first record dated at or after a time.</summary>
    Timestamp,

    /// <summary>An offset.</summary>
    Offset,

    /// <summary>So many records from where the group is.</summary>
    Shift,
}

/// <summary>A reset of a group's offsets. What lies outside a log becomes the end of it that is nearest.</summary>
/// <param name="Topics">The topics; null for all that have an offset.</param>
/// <param name="Partitions">The partitions; null for all.</param>
/// <param name="To">Where to.</param>
/// <param name="Amount">The time in milliseconds since the Unix epoch, the offset, or the count of records to go forward.</param>
/// <param name="IsDryRun">True to only say what would be set.</param>
public sealed record OffsetReset(IReadOnlyList<string>? Topics, IReadOnlySet<int>? Partitions, OffsetTarget To, long Amount, bool IsDryRun);

/// <summary>An offset before and after a reset.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="From">The offset before; null when there was none.</param>
/// <param name="To">The offset after.</param>
public readonly record struct OffsetChange(string Topic, int Partition, long? From, long To);
