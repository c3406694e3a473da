using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Coordination;

/// <summary>What a group does with records that its members could not work on.</summary>
internal sealed partial class GroupState
{
    /// <summary>The rules; null when nobody has set any.</summary>
    public RetryPolicy? Retry { get; private set; }

    /// <summary>The last redrive of dead letters; null when there was none.</summary>
    public Redrive? Redrive { get; private set; }

    /// <summary>Sets the rules for records that fail from now on; makes the group when there is none.</summary>
    /// <param name="policy">The rules.</param>
    /// <param name="time">Now.</param>
    /// <returns>Null, or why not.</returns>
    public Handled<GroupRefusal?> SetRetry(RetryPolicy policy, GroupTime time)
    {
        EndLeases(time);
        if (CheckNames(policy, _members.Values.SelectMany(member => member.Topics)) is { } refusal)
            return End<GroupRefusal?>(refusal);
        if (!Exists)
            Raise(new GroupCreated(Guid.NewGuid(), GroupEpoch: 0, LastMemberEpoch: 0, time.UnixMs));
        if (policy != Retry)
            Raise(new RetryChanged(policy, GroupEpoch + 1));
        Rebalance(time);
        return End<GroupRefusal?>(null);
    }

    /// <summary>Begins to take back dead letters; while one redrive runs there is no other.</summary>
    /// <param name="wish">Which ones.</param>
    /// <param name="topics">The topics of dead letters, each with the bounds of its log.</param>
    /// <param name="time">Now.</param>
    /// <returns>Null, or why not.</returns>
    public Handled<GroupRefusal?> BeginRedrive(RedriveWish wish, ImmutableArray<RedriveTopic> topics, GroupTime time)
    {
        EndLeases(time);
        if (Retry is null)
            return End<GroupRefusal?>(new GroupRefusal(StreamErrorCode.InvalidRequest, "The group has no retry policy, so it has no dead letters. PUT the group one."));
        if (Redrive is { EndedMs: null } running)
        {
            return End(running.Wish == wish ? null : new GroupRefusal(
                StreamErrorCode.PolicyViolation, "A redrive with another filter is under way. Ask for this one when that is done."));
        }

        // On from where the last one stopped: what is before has been looked at, and went back or to the end.
        ImmutableArray<RedriveTopic> open = [.. topics.Select(topic => topic with { Next = Math.Max(topic.Next, PositionOf(topic.Id)) })];
        Raise(new RedriveChanged(new Redrive(
            wish, time.UnixMs, open.All(topic => topic.LeftCount == 0) ? time.UnixMs : null, RedrivenCount: 0, KeptCount: 0, open)));
        return End<GroupRefusal?>(null);
    }

    /// <summary>Notes that dead letters have been taken.</summary>
    /// <param name="topic">The topic's id.</param>
    /// <param name="next">The first that is still to be taken.</param>
    /// <param name="redriven">How many went back.</param>
    /// <param name="kept">How many stay.</param>
    /// <param name="time">Now.</param>
    /// <returns>True while there are more.</returns>
    public Handled<bool> AdvanceRedrive(Guid topic, long next, int redriven, int kept, GroupTime time)
    {
        EndLeases(time);
        if (Redrive is not { EndedMs: null } running || !running.Topics.Any(one => one.Id == topic && one.Next < next))
            return End(Redrive is { EndedMs: null });
        ImmutableArray<RedriveTopic> topics = [.. running.Topics.Select(one => one.Id == topic ? one with { Next = next } : one)];
        bool isDone = topics.All(one => one.LeftCount == 0);
        Raise(new RedriveChanged(running with
        {
            Topics = topics,
            EndedMs = isDone ? time.UnixMs : null,
            RedrivenCount = running.RedrivenCount + redriven,
            KeptCount = running.KeptCount + kept,
        }));
        return End(!isDone);
    }

    /// <summary>The names that a member reads: what it subscribes to, and where these topics' records wait for their next attempt.</summary>
    /// <param name="topics">What it subscribes to.</param>
    public IEnumerable<string> WithRetries(IEnumerable<string> topics) => Retry is not { } policy
        ? topics
        : topics.Concat(RetryTopicsOf(topics)).Distinct(StringComparer.Ordinal);

    /// <summary>The names of the topics in which records of these wait; some may not exist.</summary>
    /// <param name="topics">The topics.</param>
    public IEnumerable<string> RetryTopicsOf(IEnumerable<string> topics) => Retry is not { } policy
        ? []
        : topics.Where(topic => !policy.IsRetryTopic(topic)).Select(policy.RetryTopicOf);

    private long PositionOf(Guid topic) => Redrive?.Topics.FirstOrDefault(one => one.Id == topic)?.Next ?? 0;

    /// <summary>The topics in which records of the group's topics wait for their next attempt, whether they are there or not.</summary>
    public ImmutableArray<string> OwnRetryTopics => [.. RetryTopicsOf(Topics.Keys)];

    private static GroupRefusal? CheckNames(RetryPolicy? policy, IEnumerable<string> topics)
    {
        string? tooLong = policy is null ? null : topics.FirstOrDefault(topic => policy.RetryTopicOf(topic).Length > CoordinationLimits.TopicNameLengthMax);
        return tooLong is null ? null : new GroupRefusal(
            StreamErrorCode.InvalidTopicException,
            $"The group keeps retries of topic '{tooLong}' in '{policy!.RetryTopicOf(tooLong)}', which is longer than the {CoordinationLimits.TopicNameLengthMax} characters of a topic's name.");
    }
}

/// <summary>Dead letters on their way back.</summary>
/// <param name="Wish">Which ones.</param>
/// <param name="StartedMs">When it was asked for, in milliseconds since the Unix epoch.</param>
/// <param name="EndedMs">When it was done; null while it runs.</param>
/// <param name="RedrivenCount">How many went back.</param>
/// <param name="KeptCount">How many did not match.</param>
/// <param name="Topics">How far each topic is.</param>
internal sealed record Redrive(
    RedriveWish Wish, long StartedMs, long? EndedMs, long RedrivenCount, long KeptCount, ImmutableArray<RedriveTopic> Topics)
{
    /// <summary>How many are still to be looked at.</summary>
    public long LeftCount() => Topics.Sum(topic => topic.LeftCount);
}

/// <summary>Which dead letters are wanted back; what is null lets all pass.</summary>
/// <param name="Topic">Only of this topic.</param>
/// <param name="Key">Only with this key.</param>
/// <param name="Reason">Only when the reason contains this.</param>
internal sealed record RedriveWish(string? Topic, string? Key, string? Reason);

/// <summary>How far a redrive is in one topic of dead letters.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Id">Its id.</param>
/// <param name="Next">The first to be taken.</param>
/// <param name="End">Where it stops: the end of the log when it was asked for.</param>
internal sealed record RedriveTopic(string Name, Guid Id, long Next, long End)
{
    /// <summary>How many are left.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public long LeftCount => Math.Max(0, End - Next);
}
