using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups.State;

/// <summary>Members that poll join, renew their leases, commit and leave. A poll confirms that its member is done with its last answer.</summary>
/// <param name="facts">The group's facts.</param>
/// <param name="events">Takes what changes.</param>
/// <param name="lifetime">Says which kind of members the group has.</param>
/// <param name="members">Members and their leases.</param>
/// <param name="subscriptions">Who reads what.</param>
/// <param name="assignment">Who has which partitions.</param>
/// <param name="offsets">Commits offsets.</param>
internal sealed class PollingMembers(
    GroupFacts facts, RaisedEvents events, GroupLifetime lifetime, GroupMembership members, GroupSubscriptions subscriptions,
    GroupAssignment assignment, GroupOffsets offsets)
{
    private readonly GroupHolds _holds = new(facts, events);

    /// <inheritdoc cref="GroupState.Poll"/>
    public MemberAnswer Poll(PollCommand command, GroupTime time)
    {
        var member = facts.FindMember(command.Member);
        if (CheckPoll(member, command) is { } outside)
            return Outside(outside);
        GroupRefusal? refusal = null;
        var readBefore = subscriptions.ReadBefore(command.Found);
        if (member is null)
        {
            members.Join(command, consumer: null, time);
            if (command.Claim is not null)
                refusal = LeaseEnded(command);
        }
        else if (command.Claim is not { } claim)
        {
            members.EndRevocation(member.Id);
            events.Raise(new MemberRestarted(member.Id, facts.NextMemberEpoch));
        }
        else
        {
            refusal = CheckEpoch(member, claim.Epoch);
        }

        // Commits first: the poll may also end the subscription that they belong to.
        refusal ??= offsets.CheckBounds(command.Commits) ?? _holds.Change(command.Member, command.Holds, command.Commits, time)
            ?? offsets.CommitOwned(command.Member, command.Commits, time);
        subscriptions.Subscribe(command, readBefore);
        members.Renew(command.Member, command.LeaseMs, time);
        assignment.Rebalance(time);
        if (!command.KeepsPartitions)
            assignment.Reconcile(command.Member);
        return Inside(command.Member, refusal, time);
    }

    /// <inheritdoc cref="GroupState.Renew"/>
    public MemberAnswer Renew(string member, MemberClaim claim, GroupTime time)
    {
        assignment.Rebalance(time);
        if (CheckMember(member, claim) is { } gone)
            return Outside(gone);
        var known = facts.FindMember(member)!;
        members.Renew(member, known.LeaseMs, time);
        return Inside(member, CheckEpoch(known, claim.Epoch), time);
    }

    /// <inheritdoc cref="GroupState.Commit"/>
    public MemberAnswer Commit(string member, MemberClaim claim, ImmutableArray<OffsetCommit> commits, GroupTime time)
    {
        assignment.Rebalance(time);
        var hasCursor = claim.Incarnation != Guid.Empty;
        if (CheckMember(member, hasCursor ? claim : claim with { Incarnation = facts.Incarnation }) is { } gone)
            return Outside(gone);
        var refusal = CheckEpoch(facts.FindMember(member)!, claim.Epoch)
            ?? (hasCursor ? null : offsets.CheckNothingWaits(member, commits))
            ?? offsets.CommitAll(member, commits, time);
        return Inside(member, refusal, time);
    }

    /// <inheritdoc cref="GroupState.CheckMember"/>
    public GroupRefusal? CheckMember(string member, MemberClaim claim) =>
        facts.FindMember(member) is { } known ? CheckProcess(known, claim) : NotAMember(member);

    /// <inheritdoc cref="GroupState.Leave"/>
    public GroupRefusal? Leave(string member, long? epoch, GroupTime time)
    {
        if (facts.FindMember(member) is not { } known)
            return NotAMember(member);
        if (epoch is { } given && CheckEpoch(known, given) is { } refusal)
            return refusal;
        members.Remove(member, time);
        assignment.Rebalance(time);
        return null;
    }

    /// <summary>The refusal of a member that the group does not have.</summary>
    /// <param name="member">The member's id.</param>
    public static GroupRefusal NotAMember(string member) => new(
        StreamErrorCode.UnknownMemberId, $"There is no member '{member}': it left, or its lease ended. It may join again.");

    /// <summary>Whether a poll's process is a member, or may become one.</summary>
    private GroupRefusal? CheckPoll(GroupMember? member, PollCommand command)
    {
        if (GroupSubscriptions.CheckNames(facts.Retry, command.Topics) is { } unnamed)
            return unnamed;
        if (member is null && command.NeverJoins)
            return NotAMember(command.Member);
        if ((lifetime.CheckKind() ?? subscriptions.CheckUnknown(member, command)) is { } refusal)
            return refusal;
        if (member is not null)
            return command.Claim is { } claim ? CheckProcess(member, claim) : null;
        return facts.Members.Count < GroupStateLimits.MembersMax ? null : new GroupRefusal(
            StreamErrorCode.PolicyViolation, $"The group has {facts.Members.Count} members, and may have {GroupStateLimits.MembersMax}.");
    }

    private GroupRefusal? CheckProcess(GroupMember member, MemberClaim claim) =>
        claim.Incarnation == facts.Incarnation && claim.Epoch >= member.Since ? null : new GroupRefusal(
            StreamErrorCode.FencedMemberEpoch,
            $"Another process has started as member '{member.Id}', so nothing was committed. To go on as this member, join again.");

    private static GroupRefusal? CheckEpoch(GroupMember member, long epoch) =>
        epoch == member.Epoch ? null : new GroupRefusal(
            epoch < member.Since ? StreamErrorCode.FencedMemberEpoch : StreamErrorCode.StaleMemberEpoch,
            $"Member '{member.Id}' has epoch {member.Epoch}, not {epoch}, so nothing was committed. Go on from this answer.");

    private static GroupRefusal LeaseEnded(PollCommand command) => new(
        StreamErrorCode.FencedMemberEpoch,
        $"Member '{command.Member}' had left, or its lease had ended, so nothing was committed. It has joined again; go on from this answer. "
        + $"Work that takes longer than its lease of {command.LeaseMs} ms needs a longer lease, or signs of life meanwhile.");

    private MemberAnswer Inside(string member, GroupRefusal? refusal, GroupTime time)
    {
        var known = facts.FindMember(member)!;
        return new MemberAnswer(refusal, facts.Incarnation, known.Epoch, members.LeaseLeftMs(member, time), known.Assigned);
    }

    private MemberAnswer Outside(GroupRefusal refusal) => new(refusal, facts.Incarnation, Epoch: 0, LeaseLeftMs: 0, PartitionSet.Empty);
}
