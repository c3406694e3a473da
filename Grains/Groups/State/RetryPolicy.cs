using System.Collections.Immutable;

namespace OrleansStream.Groups.State;

/// <summary>
/// The rules for a record that a member could not process: how often it is tried, and when. Where the record waits is decided elsewhere.
/// </summary>
/// <param name="Group">The group's name, which is part of the names of its retry topics.</param>
/// <param name="MaxAttempts">How often a record is delivered before it becomes a dead letter.</param>
/// <param name="BackoffMs">
/// The wait before each further attempt, in milliseconds. The last wait is used for all that follow; empty for no wait.
/// </param>
/// <param name="Jitter">The fraction by which a wait may be longer, at random.</param>
/// <param name="InPlace">True to keep the order of each key.</param>
/// <param name="DeadLetterTopic">The topic for all dead letters; null for one such topic for each topic.</param>
internal sealed record RetryPolicy(
    string Group, int MaxAttempts, ImmutableArray<int> BackoffMs, double Jitter, bool InPlace, string? DeadLetterTopic)
{
    /// <summary>When a record is tried again after a failed attempt.</summary>
    /// <param name="attempt">The number of the failed attempt, from 1.</param>
    /// <param name="nowMs">The time, in milliseconds.</param>
    /// <param name="random">A random number from 0 to 1.</param>
    /// <returns>When the next attempt is due, in milliseconds on the same clock; null when the failed attempt was the last.</returns>
    public long? NextDueMs(int attempt, long nowMs, double random)
    {
        if (attempt >= MaxAttempts)
            return null;
        var waitMs = BackoffMs.IsEmpty ? 0 : BackoffMs[Math.Clamp(attempt, 1, BackoffMs.Length) - 1];
        return nowMs + waitMs + (long)(waitMs * Jitter * random);
    }

    /// <summary>
    /// The partition of the retry topic for records that have failed a given number of times. All records in it wait equally long, so the first is
    /// due first, and a later one waits for it no longer than the jitter.
    /// </summary>
    /// <param name="attempt">The attempt that failed.</param>
    /// <param name="partitionCount">The partitions that the topic has.</param>
    public static int PartitionOf(int attempt, int partitionCount) => Math.Clamp(attempt - 1, 0, partitionCount - 1);

    /// <summary>The name of the topic in which records of a topic wait. Records of a retry topic wait in that topic itself.</summary>
    /// <param name="topic">The topic.</param>
    public string RetryTopicOf(string topic) => IsRetryTopic(topic) ? topic : topic + RetrySuffix;

    /// <summary>Whether a name is that of a topic in which records wait.</summary>
    /// <param name="topic">The name.</param>
    public bool IsRetryTopic(string topic) => topic.EndsWith(RetrySuffix, StringComparison.Ordinal);

    private string RetrySuffix => $".{Group}.retry";

    /// <inheritdoc/>
    public bool Equals(RetryPolicy? other) => other is not null
        && (Group, MaxAttempts, Jitter, InPlace, DeadLetterTopic)
            == (other.Group, other.MaxAttempts, other.Jitter, other.InPlace, other.DeadLetterTopic)
        && BackoffMs.SequenceEqual(other.BackoffMs);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Group, MaxAttempts, BackoffMs.Length, Jitter, InPlace, DeadLetterTopic);
}
