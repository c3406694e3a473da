using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups.State;

/// <summary>Sends dead letters back to their topics, one redrive at a time.</summary>
/// <param name="facts">The group's facts.</param>
/// <param name="events">Takes what changes.</param>
internal sealed class GroupRedrives(GroupFacts facts, RaisedEvents events)
{
    /// <inheritdoc cref="GroupState.BeginRedrive"/>
    public GroupRefusal? Begin(RedriveWish wish, ImmutableArray<RedriveTopic> topics, GroupTime time)
    {
        if (facts.Retry is null)
            return new GroupRefusal(StreamErrorCode.InvalidRequest, "The group has no retry policy, so it has no dead letters.");
        if (facts.Redrive is { EndedMs: null } running)
        {
            return running.Wish == wish ? null : new GroupRefusal(
                StreamErrorCode.PolicyViolation, "A redrive with another filter is under way. Wait until it is done, or stop it.");
        }

        ImmutableArray<RedriveTopic> open = [.. topics.SelectMany(OpenIn)];
        events.Raise(new RedriveChanged(new Redrive(
            wish, time.UnixMs, open.All(topic => topic.LeftCount == 0) ? time.UnixMs : null, RedrivenCount: 0, KeptCount: 0, open)));
        return null;
    }

    /// <inheritdoc cref="GroupState.AdvanceRedrive"/>
    public bool Advance(RedriveTopic asked, RedriveProgress progress, GroupTime time)
    {
        if (facts.Redrive is not { } known || progress.Next <= asked.Next || !known.Topics.Contains(asked))
            return facts.Redrive is { EndedMs: null };
        var topics = known.Topics.Replace(asked, asked with { Next = Math.Min(progress.Next, asked.End) });
        var left = known.Left.AddRange(progress.Left);
        var isOver = topics.All(one => one.LeftCount == 0) || left.Length >= GroupStateLimits.RedriveStretchesMax;
        events.Raise(new RedriveChanged(known with
        {
            Topics = topics,
            Left = left,
            EndedMs = known.EndedMs ?? (isOver ? time.UnixMs : null),
            RedrivenCount = known.RedrivenCount + progress.RedrivenCount,
            KeptCount = known.KeptCount + progress.KeptCount,
            GoneCount = known.GoneCount + progress.GoneCount,
            Reasons = progress.Reasons.Aggregate(known.Reasons, Add),
        }));
        return !isOver && known.EndedMs is null;
    }

    /// <inheritdoc cref="GroupState.StopRedrive"/>
    public bool Stop(GroupTime time)
    {
        if (facts.Redrive is not { EndedMs: null } running)
            return false;
        events.Raise(new RedriveChanged(running with { EndedMs = time.UnixMs }));
        return true;
    }

    /// <summary>
    /// The stretches of a log that a redrive must look at: those that the last redrive left in place or did not reach, and everything behind them.
    /// The last stretch is returned even when it is empty, because it records how far the log was looked at.
    /// </summary>
    private IEnumerable<RedriveTopic> OpenIn(RedriveTopic log)
    {
        RedriveTopic[] known = facts.Redrive is { } last
            ? [.. last.Topics.Concat(last.Left).Where(one => one.Id == log.Id).OrderBy(one => one.Next)] : [];
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
}
