using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups;

/// <summary>What happens to a record that a member of a group could not process.</summary>
/// <param name="MaxAttempts">How often a record is delivered, with the first time, before it becomes a dead letter.</param>
/// <param name="BackoffMs">The wait before each further attempt, in milliseconds. The last wait is used for all that follow.</param>
/// <param name="Jitter">
/// The fraction, 0 to 1, by which a wait may be longer at random, so that records which failed together do not all come back together.
/// </param>
/// <param name="InPlace">True to keep the order of each key, so that its later records wait; false to let other records overtake.</param>
/// <param name="DeadLetterTopic">
/// The topic for all dead letters; null for one such topic for each topic, <see cref="RetryTopics.DeadLettersOf"/>.
/// </param>
[GenerateSerializer, Immutable, Alias("os.GroupRetryPolicy")]
public sealed record GroupRetryPolicy(
    [property: Id(0)] int MaxAttempts,
    [property: Id(1)] ImmutableArray<int> BackoffMs,
    [property: Id(2)] double Jitter,
    [property: Id(3)] bool InPlace,
    [property: Id(4)] string? DeadLetterTopic)
{
    /// <summary>The longest wait after a failed attempt, with all its jitter.</summary>
    /// <param name="attempt">The number of the failed attempt, from 1; 0 for none, as after a redrive.</param>
    /// <returns>Milliseconds.</returns>
    public long LongestWaitMs(int attempt) =>
        attempt < 1 || BackoffMs.IsDefaultOrEmpty ? 0 : (long)(BackoffMs[Math.Min(attempt, BackoffMs.Length) - 1] * (1 + Jitter));
}

/// <summary>The names of the topics for a group's retries and dead letters.</summary>
public static class RetryTopics
{
    /// <summary>
    /// Checks that the topics of two groups cannot have the same name. If names of groups contained dots, topic <c>a.b</c> and group <c>x</c> would
    /// give the same name as topic <c>a</c> and group <c>b.x</c>.
    /// </summary>
    /// <param name="group">The group's name.</param>
    /// <returns>Null when the group may have a policy; else what is wrong.</returns>
    public static StreamError? ValidateGroup(string group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return group.Contains('.') ? new StreamError(
            StreamErrorCode.InvalidRequest, "A group with a retry policy must not have '.' in its name, because its topics are named {topic}.{group}.retry and {topic}.{group}.dlq.")
        {
            Field = "group",
        }
        : null;
    }

    /// <summary>Checks the topic for dead letters. It must not be a retry topic, where dead letters would be delivered for ever.</summary>
    /// <param name="deadLetterTopic">The topic that a policy names; null for none.</param>
    /// <param name="group">The group's name.</param>
    /// <returns>Null when the topic is allowed; else what is wrong.</returns>
    public static StreamError? ValidateDeadLetters(string? deadLetterTopic, string group) =>
        deadLetterTopic is null || !IsRetry(deadLetterTopic, group) ? null : new StreamError(
            StreamErrorCode.InvalidRequest,
            $"Records of the group wait in topic '{deadLetterTopic}', so dead letters in it would be delivered again. Name another topic.")
        {
            Field = "dead_letter_topic",
        };

    /// <summary>
    /// The retry topic: the topic in which records of a topic wait for their next attempt. Its partition n holds the records that have failed n + 1
    /// times. Records of a retry topic itself, which somebody else put there, wait in the same topic.
    /// </summary>
    /// <param name="topic">The topic that the records came from.</param>
    /// <param name="group">The group.</param>
    public static string RetryOf(string topic, string group) => IsRetry(topic, group) ? topic : $"{topic}.{group}.retry";

    /// <summary>The topic for dead letters of a topic or of its retry topic, unless the policy names one.</summary>
    /// <param name="topic">The topic that the records came from.</param>
    /// <param name="group">The group.</param>
    public static string DeadLettersOf(string topic, string group) =>
        $"{(IsRetry(topic, group) ? topic[..^$".{group}.retry".Length] : topic)}.{group}.dlq";

    /// <summary>True for a retry topic of a group.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="group">The group.</param>
    public static bool IsRetry(string topic, string group) => topic.EndsWith($".{group}.retry", StringComparison.Ordinal);
}
