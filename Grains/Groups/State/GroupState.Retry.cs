using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups.State;

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
            return End<GroupRefusal?>(new GroupRefusal(StreamErrorCode.InvalidRequest, "The group has no retry policy, so it has no dead letters. Give it one first."));
        if (Redrive is { EndedMs: null } running)
        {
            return End(running.Wish == wish ? null : new GroupRefusal(
                StreamErrorCode.PolicyViolation, "A redrive with another filter is under way. Ask for this one when that is done, or stop it."));
        }

        ImmutableArray<RedriveTopic> open = [.. topics.SelectMany(OpenIn)];
        Raise(new RedriveChanged(new Redrive(
            wish, time.UnixMs, open.All(topic => topic.LeftCount == 0) ? time.UnixMs : null, RedrivenCount: 0, KeptCount: 0, open)));
        return End<GroupRefusal?>(null);
    }

    /// <summary>Notes that dead letters have been taken; noting it twice changes nothing. Copies that a stopped redrive still made count too.</summary>
    /// <param name="asked">The dead letters that were asked for, as <see cref="Redrive.Topics"/> has them.</param>
    /// <param name="progress">What was done.</param>
    /// <param name="time">Now.</param>
    /// <returns>True while there are more.</returns>
    public Handled<bool> AdvanceRedrive(RedriveTopic asked, RedriveProgress progress, GroupTime time)
    {
        EndLeases(time);
        if (Redrive is not { } known || progress.Next <= asked.Next || !known.Topics.Contains(asked))
            return End(Redrive is { EndedMs: null });
        var topics = known.Topics.Replace(asked, asked with { Next = Math.Min(progress.Next, asked.End) });
        var left = known.Left.AddRange(progress.Left);
        var isOver = topics.All(one => one.LeftCount == 0) || left.Length >= GroupStateLimits.RedriveStretchesMax;
        Raise(new RedriveChanged(known with
        {
            Topics = topics,
            Left = left,
            EndedMs = known.EndedMs ?? (isOver ? time.UnixMs : null),
            RedrivenCount = known.RedrivenCount + progress.RedrivenCount,
            KeptCount = known.KeptCount + progress.KeptCount,
            GoneCount = known.GoneCount + progress.GoneCount,
            Reasons = progress.Reasons.Aggregate(known.Reasons, Add),
        }));
        return End(!isOver && known.EndedMs is null);
    }

    /// <summary>Stops a redrive. What it has not looked at stays, and is where the next one begins.</summary>
    /// <param name="time">Now.</param>
    /// <returns>True when one was under way.</returns>
    public Handled<bool> StopRedrive(GroupTime time)
    {
        EndLeases(time);
        if (Redrive is not { EndedMs: null } running)
            return End(false);
        Raise(new RedriveChanged(running with { EndedMs = time.UnixMs }));
        return End(true);
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

    /// <summary>
    /// What is to be looked at in a log: what the last redrive left where it was or did not come to, and all behind it. The last stretch
    /// is given also when it is empty: it remembers how far the log was looked at.
    /// </summary>
    private IEnumerable<RedriveTopic> OpenIn(RedriveTopic log)
    {
        RedriveTopic[] known = Redrive is { } last ? [.. last.Topics.Concat(last.Left).Where(one => one.Id == log.Id).OrderBy(one => one.Next)] : [];
        var looked = Math.Max(log.Next, known.Select(one => one.End).DefaultIfEmpty().Max());
        foreach (var stretch in known)
        {
            // Retention may have been there meanwhile.
            var open = stretch with { Name = log.Name, Next = Math.Max(stretch.Next, log.Next) };
            if (open.LeftCount > 0)
                yield return open;
        }

        yield return log with { Next = looked, End = Math.Max(looked, log.End) };
    }

    private static ImmutableArray<RedriveReason> Add(ImmutableArray<RedriveReason> known, RedriveReason more)
    {
        var before = known.FirstOrDefault(one => one.Reason == more.Reason);
        return before is null ? known.Add(more) : known.Replace(before, more with { Count = before.Count + more.Count, Detail = more.Detail ?? before.Detail });
    }

    /// <summary>The topics in which records of the group's topics wait for their next attempt, whether they are there or not.</summary>
    public ImmutableArray<string> OwnRetryTopics => [.. RetryTopicsOf(Topics.Keys)];

    private static GroupRefusal? CheckNames(RetryPolicy? policy, IEnumerable<string> topics)
    {
        var tooLong = policy is null ? null : topics.FirstOrDefault(topic => policy.RetryTopicOf(topic).Length > GroupStateLimits.TopicNameLengthMax);
        return tooLong is null ? null : new GroupRefusal(
            StreamErrorCode.InvalidTopicException,
            $"The group keeps retries of topic '{tooLong}' in '{policy!.RetryTopicOf(tooLong)}', which is longer than the {GroupStateLimits.TopicNameLengthMax} characters of a topic's name.");
    }
}

/// <summary>Dead letters on their way back.</summary>
/// <param name="Wish">Which ones.</param>
/// <param name="StartedMs">When it was asked for, in milliseconds since the Unix epoch.</param>
/// <param name="EndedMs">When it was done or stopped; null while it runs.</param>
/// <param name="RedrivenCount">How many went back.</param>
/// <param name="KeptCount">How many stay dead letters.</param>
/// <param name="Topics">How far it is in each stretch of a log.</param>
internal sealed record Redrive(
    RedriveWish Wish, long StartedMs, long? EndedMs, long RedrivenCount, long KeptCount, ImmutableArray<RedriveTopic> Topics)
{
    /// <summary>How many were deleted before they were looked at.</summary>
    public long GoneCount { get; init; }

    /// <summary>Why some did not go back.</summary>
    public ImmutableArray<RedriveReason> Reasons { get; init; } = [];

    /// <summary>What was kept where it was, as it could neither go back nor be copied to the end: the next redrive looks at it first.</summary>
    public ImmutableArray<RedriveTopic> Left { get; init; } = [];

    /// <summary>How many are still to be looked at.</summary>
    public long LeftCount() => Topics.Sum(topic => topic.LeftCount);
}

/// <summary>Why dead letters did not go back.</summary>
/// <param name="Reason">The kind of reason.</param>
/// <param name="Count">How many.</param>
/// <param name="Detail">What was said of the last of them; null for nothing.</param>
internal sealed record RedriveReason(string Reason, long Count, string? Detail);

/// <summary>What a step of a redrive did.</summary>
/// <param name="Next">The first dead letter that is still to be taken.</param>
/// <param name="RedrivenCount">How many went back.</param>
/// <param name="KeptCount">How many stay dead letters.</param>
/// <param name="GoneCount">How many had been deleted.</param>
/// <param name="Reasons">Why some did not go back.</param>
/// <param name="Left">Those of the kept ones that are to be looked at again where they are.</param>
internal sealed record RedriveProgress(
    long Next, long RedrivenCount, long KeptCount, long GoneCount, ImmutableArray<RedriveReason> Reasons, ImmutableArray<RedriveTopic> Left);

/// <summary>Which dead letters are wanted back; what is null lets all pass.</summary>
/// <param name="Topic">Only of this topic.</param>
/// <param name="Key">Only with this key.</param>
/// <param name="Reason">Only when the reason contains this.</param>
internal sealed record RedriveWish(string? Topic, string? Key, string? Reason);

/// <summary>A stretch of a log of dead letters, and how far a redrive is in it. Stretches of one log do not overlap.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Id">Its id.</param>
/// <param name="Next">The first to be taken.</param>
/// <param name="End">Where it stops; of the last one, the end of the log when the redrive was asked for.</param>
internal sealed record RedriveTopic(string Name, Guid Id, long Next, long End)
{
    /// <summary>How many are left.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public long LeftCount => Math.Max(0, End - Next);
}
