using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups.State;

/// <summary>What a group does with records that its members could not process.</summary>
internal sealed partial class GroupState
{
    /// <summary>The retry policy; null when nobody has set one.</summary>
    public RetryPolicy? Retry { get; private set; }

    /// <summary>The last redrive of dead letters; null when there was none.</summary>
    public Redrive? Redrive { get; private set; }

    /// <summary>Sets the retry policy for records that fail from now on. Creates the group when it does not exist.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="time">Now.</param>
    /// <returns>Null when done; else why not.</returns>
    public Handled<GroupRefusal?> SetRetry(RetryPolicy policy, GroupTime time)
    {
        EndLeases(time);
        if (CheckNames(policy, _members.Values.SelectMany(member => member.Topics)) is { } refusal)
            return End<GroupRefusal?>(refusal);
        Create(time);
        if (policy != Retry)
            Raise(new RetryChanged(policy, GroupEpoch + 1));
        Rebalance(time);
        return End<GroupRefusal?>(null);
    }

    /// <summary>Begins to send dead letters back to their topics. Only one redrive runs at a time.</summary>
    /// <param name="wish">Which dead letters.</param>
    /// <param name="topics">The topics of dead letters, each with the bounds of its log.</param>
    /// <param name="time">Now.</param>
    /// <returns>Null when done; else why not.</returns>
    public Handled<GroupRefusal?> BeginRedrive(RedriveWish wish, ImmutableArray<RedriveTopic> topics, GroupTime time)
    {
        EndLeases(time);
        if (Retry is null)
            return End<GroupRefusal?>(new GroupRefusal(StreamErrorCode.InvalidRequest, "The group has no retry policy, so it has no dead letters."));
        if (Redrive is { EndedMs: null } running)
        {
            return End(running.Wish == wish ? null : new GroupRefusal(
                StreamErrorCode.PolicyViolation, "A redrive with another filter is under way. Wait until it is done, or stop it."));
        }

        ImmutableArray<RedriveTopic> open = [.. topics.SelectMany(OpenIn)];
        Raise(new RedriveChanged(new Redrive(
            wish, time.UnixMs, open.All(topic => topic.LeftCount == 0) ? time.UnixMs : null, RedrivenCount: 0, KeptCount: 0, open)));
        return End<GroupRefusal?>(null);
    }

    /// <summary>Records the progress of a redrive. Recording it twice changes nothing. Copies that a stopped redrive still made count too.</summary>
    /// <param name="asked">The stretch of dead letters that the step began with, as in <see cref="Redrive.Topics"/>.</param>
    /// <param name="progress">What the step did.</param>
    /// <param name="time">Now.</param>
    /// <returns>True when there are more dead letters to take.</returns>
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

    /// <summary>Stops a redrive. The next redrive begins with the dead letters that this one has not looked at.</summary>
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

    /// <summary>
    /// The names that a member reads: the topics that it subscribes to, and those in which their records wait for the next attempt.
    /// </summary>
    /// <param name="topics">The topics that it subscribes to.</param>
    public IEnumerable<string> WithRetries(IEnumerable<string> topics) => Retry is not { } policy
        ? topics
        : topics.Concat(RetryTopicsOf(topics)).Distinct(StringComparer.Ordinal);

    /// <summary>The names of the topics in which the records of given topics wait for the next attempt; some may not exist.</summary>
    /// <param name="topics">The topics.</param>
    public IEnumerable<string> RetryTopicsOf(IEnumerable<string> topics) => Retry is not { } policy
        ? []
        : topics.Where(topic => !policy.IsRetryTopic(topic)).Select(policy.RetryTopicOf);

    /// <summary>
    /// The stretches of a log that a redrive must look at: those that the last redrive left in place or did not reach, and everything behind them.
    /// The last stretch is returned even when it is empty, because it records how far the log was looked at.
    /// </summary>
    private IEnumerable<RedriveTopic> OpenIn(RedriveTopic log)
    {
        RedriveTopic[] known = Redrive is { } last ? [.. last.Topics.Concat(last.Left).Where(one => one.Id == log.Id).OrderBy(one => one.Next)] : [];
        var looked = Math.Max(log.Next, known.Select(one => one.End).DefaultIfEmpty().Max());
        foreach (var stretch in known)
        {
            // Retention may have deleted a part of the stretch meanwhile.
            var open = stretch with { Name = log.Name, Next = Math.Max(stretch.Next, log.Next) };
            if (open.LeftCount > 0)
                yield return open;
        }

        yield return log with { Next = looked, End = Math.Max(looked, log.End) };
    }

    private static ImmutableArray<RedriveReason> Add(ImmutableArray<RedriveReason> known, RedriveReason more)
    {
        var before = known.FirstOrDefault(one => one.Reason == more.Reason);
        return before is null ? known.Add(more)
            : known.Replace(before, more with { Count = before.Count + more.Count, Detail = more.Detail ?? before.Detail });
    }

    /// <summary>The names of the topics in which records of the group's topics wait for the next attempt; some may not exist.</summary>
    public ImmutableArray<string> OwnRetryTopics => [.. RetryTopicsOf(Topics.Keys)];

    private static GroupRefusal? CheckNames(RetryPolicy? policy, IEnumerable<string> topics)
    {
        var tooLong = policy is null ? null : topics.FirstOrDefault(topic => policy.RetryTopicOf(topic).Length > GroupStateLimits.TopicNameLengthMax);
        return tooLong is null ? null : new GroupRefusal(
            StreamErrorCode.InvalidTopicException,
            $"The group keeps retries of topic '{tooLong}' in '{policy!.RetryTopicOf(tooLong)}', which is longer than the {GroupStateLimits.TopicNameLengthMax} characters of a topic's name.");
    }
}

/// <summary>A redrive: dead letters on their way back to their topics.</summary>
/// <param name="Wish">Which dead letters.</param>
/// <param name="StartedMs">When it was asked for, in milliseconds since the Unix epoch.</param>
/// <param name="EndedMs">When it was done or stopped; null while it runs.</param>
/// <param name="RedrivenCount">The count of those that went back.</param>
/// <param name="KeptCount">The count of those that stay dead letters.</param>
/// <param name="Topics">Its progress in each stretch of a log.</param>
internal sealed record Redrive(
    RedriveWish Wish, long StartedMs, long? EndedMs, long RedrivenCount, long KeptCount, ImmutableArray<RedriveTopic> Topics)
{
    /// <summary>The count of those that were deleted before the redrive reached them.</summary>
    public long GoneCount { get; init; }

    /// <summary>Why some did not go back.</summary>
    public ImmutableArray<RedriveReason> Reasons { get; init; } = [];

    /// <summary>
    /// Stretches left in place, because their dead letters could neither go back nor be copied to the end. The next redrive begins with them.
    /// </summary>
    public ImmutableArray<RedriveTopic> Left { get; init; } = [];

    /// <summary>The count of dead letters that it has still to look at.</summary>
    public long LeftCount() => Topics.Sum(topic => topic.LeftCount);
}

/// <summary>A reason why dead letters did not go back.</summary>
/// <param name="Reason">The kind of reason.</param>
/// <param name="Count">The count of dead letters that it kept.</param>
/// <param name="Detail">A sentence about the last of them; null when there is none.</param>
internal sealed record RedriveReason(string Reason, long Count, string? Detail);

/// <summary>What a step of a redrive did.</summary>
/// <param name="Next">The offset of the first dead letter that is still to be taken.</param>
/// <param name="RedrivenCount">The count of those that went back.</param>
/// <param name="KeptCount">The count of those that stay dead letters.</param>
/// <param name="GoneCount">The count of those that had been deleted.</param>
/// <param name="Reasons">Why some did not go back.</param>
/// <param name="Left">The stretches of kept ones that the next redrive must look at again in place.</param>
internal sealed record RedriveProgress(
    long Next, long RedrivenCount, long KeptCount, long GoneCount, ImmutableArray<RedriveReason> Reasons, ImmutableArray<RedriveTopic> Left);

/// <summary>The filter of a redrive. A null member matches all dead letters.</summary>
/// <param name="Topic">Only dead letters of this topic.</param>
/// <param name="Key">Only dead letters with this key.</param>
/// <param name="Reason">Only dead letters whose reason contains this text.</param>
internal sealed record RedriveWish(string? Topic, string? Key, string? Reason);

/// <summary>A stretch of a log of dead letters, and how far a redrive has come in it. Stretches of one log do not overlap.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Id">Its id.</param>
/// <param name="Next">The offset of the first dead letter that is still to be taken.</param>
/// <param name="End">The offset at which the stretch ends. For the last stretch it is the end of the log when the redrive was asked for.</param>
internal sealed record RedriveTopic(string Name, Guid Id, long Next, long End)
{
    /// <summary>The count of offsets that are left.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public long LeftCount => Math.Max(0, End - Next);
}
