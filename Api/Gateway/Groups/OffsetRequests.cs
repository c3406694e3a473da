using System.Collections.Immutable;
using OrleansStream.Groups;

namespace OrleansStream.Gateway.Groups;

/// <summary>An offset to be stored for a group.</summary>
/// <param name="Topic">The topic; its name is valid.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Offset">The next offset to read.</param>
/// <param name="Metadata">A text that is kept with it; null for none.</param>
public readonly record struct TopicOffset(string Topic, int Partition, long Offset, string? Metadata);

/// <summary>The outcome of a commit.</summary>
/// <param name="Refusal">Why nothing was committed; null when everything was.</param>
/// <param name="Offsets">The offsets that were committed.</param>
public sealed record CommitOutcome(MemberRefusal? Refusal, ImmutableArray<PartitionOffset> Offsets);

/// <summary>The place to which offsets are reset.</summary>
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

    /// <summary>A count of records forward from the group's offset.</summary>
    Shift,
}

/// <summary>A reset of a group's offsets. An offset outside a log becomes the nearest end of the log.</summary>
/// <param name="Topics">The topics; null for all that have an offset.</param>
/// <param name="Partitions">The partitions; null for all.</param>
/// <param name="To">The place to reset to.</param>
/// <param name="Amount">The time in milliseconds since the Unix epoch, or the offset, or the count of records to go forward.</param>
/// <param name="IsDryRun">True to only report what would be set.</param>
public sealed record OffsetReset(IReadOnlyList<string>? Topics, IReadOnlySet<int>? Partitions, OffsetTarget To, long Amount, bool IsDryRun);

/// <summary>An offset before and after a reset.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="From">The offset before; null when there was none.</param>
/// <param name="To">The offset after.</param>
public readonly record struct OffsetChange(string Topic, int Partition, long? From, long To);
