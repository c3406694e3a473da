using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups.State;

/// <summary>
/// Members that say what they have (KIP-848). They share a group with members that poll: a poll confirms everything at once, and a heartbeat what it
/// names.
/// </summary>
/// <remarks>
/// A partition that such a member must give up stays assigned to it until its heartbeat no longer lists the partition, the time for that is over, or
/// its lease ends. So every partition that it may believe to have is assigned to it. Such members get no retries: their protocol has no words for
/// them.
/// </remarks>
/// <param name="facts">The group's facts.</param>
/// <param name="events">Takes what changes.</param>
/// <param name="lifetime">Says which kind of members the group has.</param>
/// <param name="members">Members and their leases.</param>
/// <param name="subscriptions">Who reads what.</param>
/// <param name="assignment">Who is to have which partitions.</param>
internal sealed class HeartbeatingMembers(
    GroupFacts facts, RaisedEvents events, GroupLifetime lifetime, GroupMembership members, GroupSubscriptions subscriptions,
    GroupAssignment assignment)
{
    /// <inheritdoc cref="GroupState.Heartbeat"/>
    public HeartbeatAnswer Heartbeat(HeartbeatCommand command, GroupTime time)
    {
        var refusal = lifetime.CheckKind() ?? command.Epoch switch
        {
            0 => Join(command, time),
            HeartbeatCommand.LeaveEpoch or HeartbeatCommand.AwayEpoch => Leave(command, time),
            _ => Check(command) ?? Resubscribe(command),
        };
        if (refusal is not null)
            return new HeartbeatAnswer(refusal, Epoch: 0, Assigned: null, IsSettled: false);
        if (command.Epoch < 0)
            return new HeartbeatAnswer(Refusal: null, command.Epoch, Assigned: null, IsSettled: true);
        members.Renew(command.Member, command.LeaseMs, time);
        assignment.Rebalance(time);
        Reconcile(facts.FindMember(command.Member)!, command.Owned, time);
        return Told(facts.FindMember(command.Member)!, command);
    }

    /// <inheritdoc cref="GroupState.CheckConsumerCommit"/>
    public GroupRefusal? CheckCommit(string member, int epoch) => facts.FindMember(member) is not { Consumer: not null } known
        ? PollingMembers.NotAMember(member) : CheckEpoch(known, epoch);

    private GroupRefusal? Join(HeartbeatCommand command, GroupTime time)
    {
        if (command is { Topics: null, Pattern: null or "" })
            return new GroupRefusal(StreamErrorCode.InvalidRequest, "A member that joins says which topics it reads.");
        var poll = ToPoll(command, command.Topics ?? []);
        var consumer = WithMatches(command.Consumer, command);
        var member = facts.FindMember(command.Member);
        var before = command.Consumer.InstanceId is { } instance
            ? facts.Members.FirstOrDefault(one => one.Id != command.Member && one.Consumer?.InstanceId == instance) : null;
        if ((CheckJoin(command, poll, member, before) ?? CheckMatched(command.Member, consumer)) is { } refusal)
            return refusal;
        var readBefore = subscriptions.ReadBefore(command.Found);
        // Whoever comes back takes over what it was to have, too: else it would have to let go of all until the next assignment.
        ImmutableArray<MemberTarget> targets = before is null ? [] : [.. facts.Members.Where(one => one.Target.Count > 0)
            .Select(one => new MemberTarget(one == before ? command.Member : one.Id, one.Target))];
        if (before is not null)
            members.Remove(before.Id, time);
        if (member is null)
            members.Join(poll, consumer, time);
        else
            events.Raise(new MemberRestarted(member.Id, facts.NextMemberEpoch) { Consumer = consumer });
        if (before is not null)
            events.Raise(new TargetAssigned(facts.TargetEpoch, targets));
        // A member that told by heartbeats what it had has nothing any more. A process that polled under this id may still work on what it was
        // given, so those partitions stay with this id.
        var partitions = before?.Assigned ?? (member is { Consumer: null } ? member.Assigned : PartitionSet.Empty);
        if (!facts.FindMember(command.Member)!.Assigned.Equals(partitions))
            events.Raise(new AssignmentChanged(command.Member, facts.NextMemberEpoch, partitions));
        subscriptions.Subscribe(poll, readBefore, member is null || IsSameMatch(member.Consumer, consumer) ? null : consumer);
        return null;
    }

    private GroupRefusal? CheckJoin(HeartbeatCommand command, PollCommand poll, GroupMember? member, GroupMember? before)
    {
        if (command.Owned is { Count: > 0 })
            return new GroupRefusal(StreamErrorCode.InvalidRequest, "A member that joins has no partitions.");
        if ((CheckAssignor(command) ?? subscriptions.CheckUnknown(member, poll)) is { } refusal)
            return refusal;
        if (before is { Consumer.IsAway: false })
        {
            return new GroupRefusal(StreamErrorCode.UnreleasedInstanceId,
                $"Another process is in the group as '{command.Consumer.InstanceId}', and has not left it.");
        }

        return member is not null || before is not null || facts.Members.Count < GroupStateLimits.MembersMax ? null : new GroupRefusal(
            StreamErrorCode.GroupMaxSizeReached, $"The group has {facts.Members.Count} members, and may have {GroupStateLimits.MembersMax}.");
    }

    private GroupRefusal? Leave(HeartbeatCommand command, GroupTime time)
    {
        if (facts.FindMember(command.Member) is not { Consumer: { } consumer } known)
            return PollingMembers.NotAMember(command.Member);
        if (command.Epoch == HeartbeatCommand.AwayEpoch && consumer.InstanceId is not null)
        {
            var away = consumer with { IsAway = true };
            events.Raise(new MemberChanged(known.Id, known.Topics, known.LeaseMs, known.Assignor, facts.GroupEpoch) { Consumer = away });
            return null;
        }

        members.Remove(known.Id, time);
        assignment.Rebalance(time);
        return null;
    }

    private GroupRefusal? Check(HeartbeatCommand command)
    {
        if (facts.FindMember(command.Member) is not { Consumer: { } consumer } known)
            return PollingMembers.NotAMember(command.Member);
        if (consumer.IsAway || CheckEpoch(known, command.Epoch) is not null)
            return Fenced(known, command.Epoch);
        // Its last answer was lost, and it has what it never was given: it cannot be the one that was told.
        return command.Epoch < known.Epoch && command.Owned?.All(known.Assigned.Contains) == false ? Fenced(known, command.Epoch)
            : CheckAssignor(command);
    }

    private GroupRefusal? Resubscribe(HeartbeatCommand command)
    {
        var known = facts.FindMember(command.Member)!;
        var poll = ToPoll(command, command.Topics ?? known.Topics) with { Assignor = command.Assignor ?? known.Assignor };
        var consumer = WithMatches(known.Consumer!, command);
        if ((subscriptions.CheckUnknown(known, poll) ?? CheckMatched(known.Id, consumer)) is { } excessive)
            return excessive;
        subscriptions.Subscribe(poll, subscriptions.ReadBefore(command.Found), IsSameMatch(known.Consumer, consumer) ? null : consumer);
        return null;
    }

    /// <summary>A member with the regular expression that it has after a heartbeat, and with what matches it.</summary>
    private ConsumerMember WithMatches(ConsumerMember before, HeartbeatCommand command)
    {
        var pattern = command.Pattern ?? before.Pattern;
        if (string.IsNullOrEmpty(pattern))
            return before with { Pattern = null, Matched = null };
        // Matches of another expression are of a heartbeat that this one overtook. Those of the same stay until there are new ones.
        var matched = command.Matched is { } found && found.Pattern == pattern ? subscriptions.WithoutRetries(found.Topics)
            : pattern == before.Pattern ? before.Matched : null;
        return before with { Pattern = pattern, Matched = matched ?? [] };
    }

    private GroupRefusal? CheckMatched(string member, ConsumerMember consumer) =>
        consumer.Matched is { IsEmpty: false } matched && !IsSameMatch(facts.FindMember(member)?.Consumer, consumer)
            ? subscriptions.CheckMatched(member, matched) : null;

    private static bool IsSameMatch(ConsumerMember? one, ConsumerMember other) =>
        one?.Pattern == other.Pattern && (one?.Matched ?? []).SetEquals(other.Matched ?? []);

    /// <summary>
    /// Lets a member give up what it has let go of; then, once it is to let go of nothing more, take on what it shall have and nobody has.
    /// </summary>
    private void Reconcile(GroupMember member, PartitionSet? owned, GroupTime time)
    {
        var wanted = assignment.WantedBy(member);
        var assigned = owned is null ? member.Assigned
            : PartitionSet.Of(member.Assigned.Where(partition => !member.Revoking.Contains(partition) || owned.Contains(partition)));
        var revoking = PartitionSet.Of(assigned.Where(partition => !wanted.Contains(partition)));
        if (revoking.Count == 0)
            assigned = PartitionSet.Of(wanted.Where(partition => facts.IsFreeFor(partition, member.Id)));
        if (!assigned.Equals(member.Assigned) || !revoking.Equals(member.Revoking))
            events.Raise(new AssignmentChanged(member.Id, facts.NextMemberEpoch, assigned) { Revoking = revoking.Count == 0 ? null : revoking });
        members.KeepRevocation(facts.FindMember(member.Id)!, isNew: member.Revoking.Count == 0, time);
    }

    private HeartbeatAnswer Told(GroupMember member, HeartbeatCommand command)
    {
        var told = PartitionSet.Of(member.Assigned.Where(partition => !member.Revoking.Contains(partition)));
        var isKnown = command.Epoch == member.Epoch && (command.Owned is null || command.Owned.Equals(told));
        return new HeartbeatAnswer(
            Refusal: null, member.Epoch, isKnown ? null : told,
            IsSettled: isKnown && facts.GroupEpoch <= facts.TargetEpoch && member.Revoking.Count == 0
                && member.Assigned.Equals(assignment.WantedBy(member)))
        {
            PatternToMatch = member.Consumer?.Pattern is { } pattern && command.Matched?.Pattern != pattern ? pattern : null,
        };
    }

    private static PollCommand ToPoll(HeartbeatCommand command, ImmutableSortedSet<string> topics) =>
        new(command.Member, topics, command.Found, Claim: null, [], command.LeaseMs, command.Assignor);

    private static GroupRefusal? CheckAssignor(HeartbeatCommand command) => command.Assignor is null || Assignors.Find(command.Assignor) is not null
        ? null : new GroupRefusal(StreamErrorCode.UnsupportedAssignor, $"There is no assignor '{command.Assignor}'; there are {Assignors.Names}.");

    private static GroupRefusal? CheckEpoch(GroupMember member, int epoch) =>
        epoch >= member.Since && epoch <= member.Epoch ? null : new GroupRefusal(
            epoch < member.Since ? StreamErrorCode.StaleMemberEpoch : StreamErrorCode.FencedMemberEpoch,
            $"Member '{member.Id}' has epoch {member.Epoch}, not {epoch}.");

    private static GroupRefusal Fenced(GroupMember member, int epoch) => new(
        StreamErrorCode.FencedMemberEpoch,
        $"Member '{member.Id}' has epoch {member.Epoch}, not {epoch}: it has nothing any more. It may join again.");
}
