using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Gateway.Groups;

/// <summary>What a member is told behind the records of a poll.</summary>
public sealed record DeliveredPoll
{
    /// <summary>Places that were not in their log any more, or not yet, and that no answer has told of before.</summary>
    public required ImmutableArray<PollReset> Resets { get; init; }

    /// <summary>The member's partitions that could not be read just now.</summary>
    public required ImmutableArray<UnavailablePartition> Unavailable { get; init; }

    /// <summary>The topics asked for that do not exist.</summary>
    public required ImmutableArray<string> UnknownTopics { get; init; }

    /// <summary>What the next poll goes on with, and commits.</summary>
    public required string Cursor { get; init; }

    /// <summary>The records that are there and not yet read, as far as is known; null for a heartbeat.</summary>
    public required long? Lag { get; init; }
}

/// <summary>A place that is not in its log, as retention was faster or it lies beyond the end, and where reading went on.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="From">The offset that was wanted.</param>
/// <param name="To">The offset that reading goes on at.</param>
public readonly record struct PollReset(string Topic, int Partition, long From, long To);

/// <summary>A partition that could not be read just now. The next poll reads it from where it was.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Error">Why.</param>
public sealed record UnavailablePartition(string Topic, int Partition, StreamError Error);
