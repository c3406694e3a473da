using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups;

/// <summary>What becomes of a record that a member of a group could not work on.</summary>
/// <param name="MaxAttempts">How often a record is delivered before it is a dead letter, the first time included.</param>
/// <param name="BackoffMs">The wait before each further attempt, in milliseconds; the last goes for all that follow.</param>
/// <param name="Jitter">The part of a wait, 0 to 1, by which it may be longer at random, so that what failed together does not come together.</param>
/// <param name="InPlace">True to keep the order of each key: its later records wait. False to have others overtake it.</param>
/// <param name="DeadLetterTopic">Where dead letters of all topics go; null for a topic each, <see cref="RetryTopics.DeadLettersOf"/>.</param>
[GenerateSerializer, Immutable, Alias("os.GroupRetryPolicy")]
public sealed record GroupRetryPolicy(
    [property: Id(0)] int MaxAttempts,
    [property: Id(1)] ImmutableArray<int> BackoffMs,
    [property: Id(2)] double Jitter,
    [property: Id(3)] bool InPlace,
    [property: Id(4)] string? DeadLetterTopic)
{
    /// <summary>The longest wait that the policy asks for, with all its jitter.</summary>
    /// <param name="attempt">The attempt that failed, from 1; 0 for none, as after a redrive.</param>
    /// <returns>Milliseconds.</returns>
    public long LongestWaitMs(int attempt) =>
        attempt < 1 || BackoffMs.IsDefaultOrEmpty ? 0 : (long)(BackoffMs[Math.Min(attempt, BackoffMs.Length) - 1] * (1 + Jitter));
}

/// <summary>The names of the topics that a group's retries and dead letters are kept in.</summary>
public static class RetryTopics
{
    /// <summary>Checks that a group's topics cannot be another's: with dots in both names, <c>a.b</c> and <c>x</c> give what <c>a</c> and <c>b.x</c> give.</summary>
    /// <param name="group">The group's name.</param>
    /// <returns>Null when the group may have a policy, else what is wrong.</returns>
    public static StreamError? ValidateGroup(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return group.Contains('.') ? new StreamError(
            StreamErrorCode.InvalidRequest, "A group whose records are retried has no '.' in its name: its topics are named {topic}.{group}.retry and .dlq.")
        {
            Field = "group",
        }
        : null;
    }

    /// <summary>Checks where dead letters shall go: in a retry topic they would be delivered for ever.</summary>
    /// <param name="deadLetterTopic">The topic that a policy names; null for none.</param>
    /// <param name="group">The group's name.</param>
    /// <returns>Null when it may be named, else what is wrong.</returns>
    public static StreamError? ValidateDeadLetters(string? deadLetterTopic, string group) =>
        deadLetterTopic is null || !IsRetry(deadLetterTopic, group) ? null : new StreamError(
            StreamErrorCode.InvalidRequest, $"'{deadLetterTopic}' is a topic that records of the group wait in: dead letters would be delivered again. Name another.")
        {
            Field = "dead_letter_topic",
        };

    /// <summary>
    /// The topic that records of a topic wait in for their next attempt: partition n holds those that have failed n + 1 times. What somebody
    /// else put into such a topic, and fails, waits in the same one.
    /// </summary>
    /// <param name="topic">The topic they came from.</param>
    /// <param name="group">The group.</param>
    public static string RetryOf(string topic, string group) => IsRetry(topic, group) ? topic : $"{topic}.{group}.retry";

    /// <summary>The topic that records of a topic, or of its retry topic, end in after their last attempt, unless the policy names one.</summary>
    /// <param name="topic">The topic they came from.</param>
    /// <param name="group">The group.</param>
    public static string DeadLettersOf(string topic, string group) =>
        $"{(IsRetry(topic, group) ? topic[..^$".{group}.retry".Length] : topic)}.{group}.dlq";

    /// <summary>True for a topic that records of a group wait in.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="group">The group.</param>
    public static bool IsRetry(string topic, string group) => topic.EndsWith($".{group}.retry", StringComparison.Ordinal);
}
