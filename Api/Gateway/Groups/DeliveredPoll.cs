using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Gateway.Groups;

/// <summary>What a member is told after the records of a poll.</summary>
public sealed record DeliveredPoll
{
    /// <summary>Positions that were not in their log and were replaced, and that no earlier answer has reported.</summary>
    public required ImmutableArray<PollReset> Resets { get; init; }

    /// <summary>The member's partitions that could not be read.</summary>
    public required ImmutableArray<UnavailablePartition> Unavailable { get; init; }

    /// <summary>The topics of the poll that do not exist.</summary>
    public required ImmutableArray<string> UnknownTopics { get; init; }

    /// <summary>The cursor for the next poll, which goes on from it and commits it.</summary>
    public required string Cursor { get; init; }

    /// <summary>The count of records that exist and are not read yet, as far as it is known; null for a heartbeat.</summary>
    public required long? Lag { get; init; }
}

/// <summary>
/// A position that is not in its log, because retention deleted its records or it lies beyond the end, and the position that replaced it.
/// </summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="From">The offset that was next.</param>
/// <param name="To">The offset at which reading goes on.</param>
public readonly record struct PollReset(string Topic, int Partition, long From, long To);

/// <summary>A partition that could not be read. The next poll reads it from the same position.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Error">Why it could not be read.</param>
public sealed record UnavailablePartition(string Topic, int Partition, StreamError Error);
