using System.Text;
using OrleansStream.Errors;

namespace OrleansStream.Groups.State;

/// <summary>Members join, renew their leases and leave.</summary>
internal sealed partial class GroupState
{
    /// <summary>
    /// Joins or renews a member, commits its offsets, and then lets it give up and take on partitions. A poll without a claim comes from a process
    /// that has just started. The new process keeps the member's partitions, and the process that polled under the id before is fenced. So of two
    /// processes with one id the one that started last goes on.
    /// </summary>
    /// <param name="command">The poll.</param>
    /// <param name="time">Now.</param>
    /// <returns>
    /// The state of the member. On a refusal nothing was committed. The caller is then still a member, with the epoch and partitions of the answer,
    /// unless another process has taken its place or the poll may not join.
    /// </returns>
    public Handled<MemberAnswer> Poll(PollCommand command, GroupTime time)
    {
        EndLeases(time);
        if (CheckNames(Retry, command.Topics) is { } unnamed)
            return End(Outside(unnamed));
        GroupRefusal? refusal = null;
        var member = FindMember(command.Member);
        if (member is null && command.NeverJoins)
            return End(Outside(NotAMember(command.Member)));
        if (OtherKind() is { } otherKind)
            return End(Outside(otherKind));
        if (CheckUnknown(member, command) is { } excessive)
            return End(Outside(excessive));
        var askedBefore = command.Found.IsEmpty ? [] : AskedFor();
        if (member is null)
        {
            if (_members.Count >= GroupStateLimits.MembersMax)
            {
                return End(Outside(new GroupRefusal(StreamErrorCode.PolicyViolation,
                    $"The group has {_members.Count} members, and may have {GroupStateLimits.MembersMax}.")));
            }

            Join(command, consumer: null, time);
            if (command.Claim is not null)
                refusal = LeaseEnded(command);
        }
        else if (command.Claim is not { } claim)
        {
            _revocations.Release(member.Id);
            Raise(new MemberRestarted(member.Id, _lastMemberEpoch + 1));
        }
        else if (CheckProcess(member, claim) is { } replaced)
        {
            return End(Outside(replaced));
        }
        else
        {
            refusal = CheckEpoch(member, claim.Epoch);
        }

        // Commits first: the poll may also end the subscription that they belong to.
        refusal ??= CheckBounds(command.Commits) ?? RaiseHolds(command.Member, command.Holds, command.Commits, time)
            ?? RaiseCommits(command.Member, command.Commits, time, isWhole: false);
        Subscribe(command);
        LearnTopics(command.Found, askedBefore);
        _leases.Renew(command.Member, command.LeaseMs, time.MonotonicMs);
        Rebalance(time);
        if (!command.KeepsPartitions)
            Reconcile(command.Member);
        return End(Inside(command.Member, refusal, time));
    }

    /// <summary>Renews a member's lease while its poll waits.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="claim">What the group told the member last.</param>
    /// <param name="time">Now.</param>
    public Handled<MemberAnswer> Renew(string member, MemberClaim claim, GroupTime time)
    {
        EndLeases(time);
        Rebalance(time);
        if (CheckMember(member, claim) is { } gone)
            return End(Outside(gone));
        var known = _members[member];
        _leases.Renew(member, known.LeaseMs, time.MonotonicMs);
        return End(Inside(member, CheckEpoch(known, claim.Epoch), time));
    }

    /// <summary>Whether a process still speaks for a member.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="claim">What the group told the process last.</param>
    /// <returns>Null if it does; else that the member left, its lease ended, or another process took its place.</returns>
    public GroupRefusal? CheckMember(string member, MemberClaim claim) =>
        FindMember(member) is { } known ? CheckProcess(known, claim) : NotAMember(member);

    /// <summary>Removes a member at once. Its partitions are free.</summary>
    /// <param name="member">Its id.</param>
    /// <param name="epoch">Its epoch, so that a replaced process cannot remove its successor; null for any epoch.</param>
    /// <param name="time">Now.</param>
    /// <returns>Null when done; else why not.</returns>
    public Handled<GroupRefusal?> Leave(string member, long? epoch, GroupTime time)
    {
        EndLeases(time);
        if (FindMember(member) is not { } known)
            return End<GroupRefusal?>(NotAMember(member));
        if (epoch is { } given && CheckEpoch(known, given) is { } refusal)
            return End<GroupRefusal?>(refusal);
        Remove(member, time);
        Rebalance(time);
        return End<GroupRefusal?>(null);
    }

    /// <summary>Lets time pass: leases end, assignments are made, offsets expire. Call it about every second.</summary>
    /// <param name="time">Now.</param>
    /// <returns>True when the group still has members.</returns>
    public Handled<bool> Tick(GroupTime time)
    {
        EndLeases(time);
        Rebalance(time);
        Expire(time);
        return End(_members.Count > 0);
    }

    /// <summary>How long until an assignment is due, in milliseconds; null when none is.</summary>
    /// <param name="time">Now.</param>
    public long? RebalanceDueMs(GroupTime time) =>
        _pending is { } pending ? Math.Max(0, DueAtMs(pending) - time.MonotonicMs) : null;

    private void Join(PollCommand command, ConsumerMember? consumer, GroupTime time)
    {
        Create(time);
        var epoch = _lastMemberEpoch + 1;
        Raise(new MemberJoined(
            command.Member, epoch, epoch, command.Topics, command.LeaseMs, command.Assignor, GroupEpoch + 1)
        {
            Consumer = consumer,
        });
    }

    private void Subscribe(PollCommand command)
    {
        var member = _members[command.Member];
        var isSame = member.Topics.SetEquals(command.Topics) && member.Assignor == command.Assignor;
        if (!isSame || member.LeaseMs != command.LeaseMs)
        {
            Raise(new MemberChanged(
                member.Id, command.Topics, command.LeaseMs, command.Assignor, isSame ? GroupEpoch : GroupEpoch + 1));
        }
    }

    private void EndLeases(GroupTime time)
    {
        _leases.Observe(time.MonotonicMs);
        _revocations.Observe(time.MonotonicMs);
        foreach (var member in _leases.Ended(time.MonotonicMs).Union(_revocations.Ended(time.MonotonicMs), StringComparer.Ordinal))
            Remove(member, time);
        ScheduleRebalance(time);
    }

    private void Remove(string member, GroupTime time)
    {
        _leases.Release(member);
        _revocations.Release(member);
        Raise(new MemberLeft(member, time.UnixMs, GroupEpoch + 1));
    }

    private GroupRefusal? CheckProcess(GroupMember member, MemberClaim claim) =>
        claim.Incarnation == Incarnation && claim.Epoch >= member.Since ? null : new GroupRefusal(
            StreamErrorCode.FencedMemberEpoch,
            $"Another process has started as member '{member.Id}', so nothing was committed. To go on as this member, join again.");

    private static GroupRefusal? CheckEpoch(GroupMember member, long epoch) =>
        epoch == member.Epoch ? null : new GroupRefusal(
            epoch < member.Since ? StreamErrorCode.FencedMemberEpoch : StreamErrorCode.StaleMemberEpoch,
            $"Member '{member.Id}' has epoch {member.Epoch}, not {epoch}, so nothing was committed. Go on from this answer.");

    private static GroupRefusal NotAMember(string member) => new(
        StreamErrorCode.UnknownMemberId, $"There is no member '{member}': it left, or its lease ended. It may join again.");

    private static GroupRefusal LeaseEnded(PollCommand command) => new(
        StreamErrorCode.FencedMemberEpoch,
        $"Member '{command.Member}' had left, or its lease had ended, so nothing was committed. It has joined again; go on from this answer. "
        + $"Work that takes longer than its lease of {command.LeaseMs} ms needs a longer lease, or signs of life meanwhile.");

    /// <summary>
    /// Refuses a subscription when the group would look for too many topics that do not exist, or would store too many bytes of their names.
    /// </summary>
    private GroupRefusal? CheckUnknown(GroupMember? member, PollCommand command)
    {
        if (member?.Topics.SetEquals(command.Topics) == true)
            return null;
        var found = command.Found.Where(lookup => lookup.Topic is not null).Select(lookup => lookup.Name).ToHashSet(StringComparer.Ordinal);
        bool IsUnknown(string topic) => !Topics.ContainsKey(topic) && !found.Contains(topic);
        string[] unknown = [.. command.Topics.Where(IsUnknown)];
        if (unknown.Length == 0)
            return null;
        string[] others = [.. _members.Values.Where(other => other != member).SelectMany(other => other.Topics).Where(IsUnknown)];
        var count = others.Union(unknown, StringComparer.Ordinal).Count();
        var bytes = others.Concat(unknown).Sum(topic => (long)Encoding.UTF8.GetByteCount(topic));
        return count <= GroupStateLimits.UnknownTopicsMax && bytes <= GroupStateLimits.UnknownTopicBytesMax ? null : new GroupRefusal(
            StreamErrorCode.PolicyViolation,
            $"Topic '{unknown[0]}' does not exist. Members of a group may ask for {GroupStateLimits.UnknownTopicsMax} topics that do not exist, "
            + $"with {GroupStateLimits.UnknownTopicBytesMax} bytes of names over all members; with this one's they would ask for {count}, with {bytes} bytes.");
    }

    private MemberAnswer Inside(string member, GroupRefusal? refusal, GroupTime time) => new(
        refusal, Incarnation, _members[member].Epoch, LeaseLeftMs(member, time), _members[member].Assigned);

    private MemberAnswer Outside(GroupRefusal refusal) => new(refusal, Incarnation, Epoch: 0, LeaseLeftMs: 0, PartitionSet.Empty);
}
