using OrleansStream.Errors;

namespace OrleansStream.Coordination;

/// <summary>Members come, stay and go.</summary>
internal sealed partial class GroupState
{
    /// <summary>
    /// Joins or renews a member, commits what it is done with, and then lets it give up and take on partitions. A poll without
    /// a claim comes from a process that has just started: it keeps the member's partitions and fences whoever polled under
    /// that id before, so of two processes with one id the last that started goes on.
    /// </summary>
    /// <param name="command">The poll.</param>
    /// <param name="time">Now.</param>
    /// <returns>
    /// Where the member stands. On a refusal nothing was committed; unless another process took its place it is a member, and
    /// goes on with the epoch and the partitions of the answer.
    /// </returns>
    public Handled<MemberAnswer> Poll(PollCommand command, GroupTime time)
    {
        EndLeases(time);
        if (CheckNames(Retry, command.Topics) is { } unnamed)
            return End(Outside(unnamed));
        GroupRefusal? refusal = null;
        GroupMember? member = FindMember(command.Member);
        if (member is null)
        {
            if (_members.Count >= CoordinationLimits.MembersMax)
                return End(Outside(new GroupRefusal(StreamErrorCode.PolicyViolation, $"The group has {_members.Count} members, and may have {CoordinationLimits.MembersMax}.")));
            Join(command, time);
            if (command.Claim is not null)
                refusal = new GroupRefusal(StreamErrorCode.FencedMemberEpoch, $"The lease of member '{command.Member}' had ended: nothing was committed. It has joined again; go on from this answer.");
        }
        else if (command.Claim is not { } claim)
        {
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
        refusal ??= CheckBounds(command.Commits) ?? RaiseHolds(command.Member, command.Holds, time) ?? RaiseCommits(command.Member, command.Commits, time, isWhole: false);
        Subscribe(command);
        LearnTopics(command.Found);
        _leases.Renew(command.Member, command.LeaseMs, time.MonotonicMs);
        Rebalance(time);
        Reconcile(command.Member);
        return End(Inside(command.Member, refusal, time));
    }

    /// <summary>Renews a member's lease while its poll waits.</summary>
    /// <param name="member">Its id.</param>
    /// <param name="claim">What it was told last.</param>
    /// <param name="time">Now.</param>
    public Handled<MemberAnswer> Renew(string member, MemberClaim claim, GroupTime time)
    {
        EndLeases(time);
        Rebalance(time);
        if (FindMember(member) is not { } known)
            return End(Outside(NotAMember(member)));
        if (CheckProcess(known, claim) is { } replaced)
            return End(Outside(replaced));
        _leases.Renew(member, known.LeaseMs, time.MonotonicMs);
        return End(Inside(member, CheckEpoch(known, claim.Epoch), time));
    }

    /// <summary>Takes a member out at once; its partitions are free.</summary>
    /// <param name="member">Its id.</param>
    /// <param name="epoch">Its epoch, so that a replaced process does not take out its successor; null for any.</param>
    /// <param name="time">Now.</param>
    /// <returns>Null, or why not.</returns>
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

    /// <summary>Lets time pass: leases end, assignments are made, offsets expire. To be called every second or so.</summary>
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
        _rebalanceAtMs is { } at ? Math.Max(0, at - time.MonotonicMs) : null;

    private void Join(PollCommand command, GroupTime time)
    {
        if (!Exists)
            Raise(new GroupCreated(Guid.NewGuid(), GroupEpoch: 0, LastMemberEpoch: 0, time.UnixMs));
        long epoch = _lastMemberEpoch + 1;
        Raise(new MemberJoined(
            command.Member, epoch, epoch, command.Topics, command.LeaseMs, command.Assignor, GroupEpoch + 1));
    }

    private void Subscribe(PollCommand command)
    {
        GroupMember member = _members[command.Member];
        bool isSame = member.Topics.SetEquals(command.Topics) && member.Assignor == command.Assignor;
        if (!isSame || member.LeaseMs != command.LeaseMs)
        {
            Raise(new MemberChanged(
                member.Id, command.Topics, command.LeaseMs, command.Assignor, isSame ? GroupEpoch : GroupEpoch + 1));
        }
    }

    private void EndLeases(GroupTime time)
    {
        _leases.Observe(time.MonotonicMs);
        foreach (string member in _leases.Ended(time.MonotonicMs))
            Remove(member, time);
        ScheduleRebalance(time);
    }

    private void Remove(string member, GroupTime time)
    {
        _leases.Release(member);
        Raise(new MemberLeft(member, time.UnixMs, GroupEpoch + 1));
    }

    private GroupRefusal? CheckProcess(GroupMember member, MemberClaim claim) =>
        claim.Incarnation == Incarnation && claim.Epoch >= member.Since ? null : new GroupRefusal(
            StreamErrorCode.FencedMemberEpoch,
            $"Another process has started as member '{member.Id}': nothing was committed. A poll without a cursor takes its place.");

    private static GroupRefusal? CheckEpoch(GroupMember member, long epoch) =>
        epoch == member.Epoch ? null : new GroupRefusal(
            epoch < member.Since ? StreamErrorCode.FencedMemberEpoch : StreamErrorCode.StaleMemberEpoch,
            $"Member '{member.Id}' has epoch {member.Epoch}, not {epoch}: nothing was committed. Go on from this answer.");

    private static GroupRefusal NotAMember(string member) => new(
        StreamErrorCode.UnknownMemberId, $"There is no member '{member}': it left or its lease ended. A poll joins.");

    private MemberAnswer Inside(string member, GroupRefusal? refusal, GroupTime time) => new(
        refusal, Incarnation, _members[member].Epoch, LeaseLeftMs(member, time), _members[member].Assigned);

    private MemberAnswer Outside(GroupRefusal refusal) => new(refusal, Incarnation, Epoch: 0, LeaseLeftMs: 0, PartitionSet.Empty);
}
