using System.Collections.Immutable;

namespace OrleansStream.Groups.State;

/// <summary>What becomes of a record that a member could not work on. The rules; where the record goes is not its business.</summary>
/// <param name="Group">The group's name, a part of the names of its retry topics.</param>
/// <param name="MaxAttempts">How often a record is delivered before it is a dead letter.</param>
/// <param name="BackoffMs">The wait before each further attempt, in milliseconds; the last goes for all that follow; empty for none.</param>
/// <param name="Jitter">The part of a wait by which it may be longer.</param>
/// <param name="InPlace">True to keep the order of each key.</param>
/// <param name="DeadLetterTopic">Where dead letters go; null for a topic each.</param>
internal sealed record RetryPolicy(
    string Group, int MaxAttempts, ImmutableArray<int> BackoffMs, double Jitter, bool InPlace, string? DeadLetterTopic)
{
    /// <summary>What is to be done with a record whose attempt failed.</summary>
    /// <param name="attempt">Which attempt it was, from 1.</param>
    /// <param name="nowMs">The time, in milliseconds.</param>
    /// <param name="random">A random number from 0 to 1.</param>
    /// <returns>When the next attempt is due, in milliseconds on the same clock; null when that was the last.</returns>
    public long? NextDueMs(int attempt, long nowMs, double random)
    {
        if (attempt >= MaxAttempts)
            return null;
        var waitMs = BackoffMs.IsEmpty ? 0 : BackoffMs[Math.Clamp(attempt, 1, BackoffMs.Length) - 1];
        return nowMs + waitMs + (long)(waitMs * Jitter * random);
    }

    /// <summary>
    /// The partition of the retry topic for records that failed so often. All in it wait equally long, so the first is due first and
    /// no later one waits for it longer than jitter asks for.
    /// </summary>
    /// <param name="attempt">The attempt that failed.</param>
    /// <param name="partitionCount">The partitions that the topic has.</param>
    public static int PartitionOf(int attempt, int partitionCount) => Math.Clamp(attempt - 1, 0, partitionCount - 1);

    /// <summary>The name of the topic in which records of a topic wait. What lies in such a topic waits in the same one.</summary>
    /// <param name="topic">The topic.</param>
    public string RetryTopicOf(string topic) => IsRetryTopic(topic) ? topic : topic + RetrySuffix;

    /// <summary>True for the name of a topic in which records wait.</summary>
    /// <param name="topic">The name.</param>
    public bool IsRetryTopic(string topic) => topic.EndsWith(RetrySuffix, StringComparison.Ordinal);

    private string RetrySuffix => $".{Group}.retry";

    /// <inheritdoc/>
    public bool Equals(RetryPolicy? other) => other is not null
        && (Group, MaxAttempts, Jitter, InPlace, DeadLetterTopic) == (other.Group, other.MaxAttempts, other.Jitter, other.InPlace, other.DeadLetterTopic)
        && BackoffMs.SequenceEqual(other.BackoffMs);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Group, MaxAttempts, BackoffMs.Length, Jitter, InPlace, DeadLetterTopic);
}
