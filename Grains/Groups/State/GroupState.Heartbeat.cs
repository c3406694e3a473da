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
internal sealed partial class GroupState
{
    // Until when members may take to let go of partitions.
    private readonly LeaseTable _revocations = new();

    /// <summary>Takes a heartbeat: joins or renews, takes note of what the member let go of, and gives it what it can have.</summary>
    /// <param name="command">The heartbeat.</param>
    /// <param name="time">Now.</param>
    /// <returns>
    /// Where the member stands. <see cref="StreamErrorCode.UnknownMemberId"/>, <see cref="StreamErrorCode.FencedMemberEpoch"/>: it has nothing any
    /// more, and joins again.
    /// </returns>
    public Handled<HeartbeatAnswer> Heartbeat(HeartbeatCommand command, GroupTime time)
    {
        EndLeases(time);
        var refusal = OtherKind() ?? command.Epoch switch
        {
            0 => JoinConsumer(command, time),
            HeartbeatCommand.LeaveEpoch or HeartbeatCommand.AwayEpoch => LeaveConsumer(command, time),
            _ => CheckConsumer(command) ?? ResubscribeConsumer(command),
        };
        if (refusal is not null)
            return End(new HeartbeatAnswer(refusal, Epoch: 0, Assigned: null, IsSettled: false));
        if (command.Epoch < 0)
            return End(new HeartbeatAnswer(Refusal: null, command.Epoch, Assigned: null, IsSettled: true));
        _leases.Renew(command.Member, command.LeaseMs, time.MonotonicMs);
        Rebalance(time);
        ReconcileConsumer(_members[command.Member], command.Owned, time);
        return End(Told(_members[command.Member], command));
    }

    /// <summary>
    /// Whether a member that says what it has may commit. Any epoch of its process will do: what it believes to have, nobody else has.
    /// </summary>
    /// <param name="member">Its id.</param>
    /// <param name="epoch">What it was told last, or before.</param>
    /// <param name="time">Now.</param>
    /// <returns>Null, or why not.</returns>
    public Handled<GroupRefusal?> CheckConsumerCommit(string member, int epoch, GroupTime time)
    {
        EndLeases(time);
        return End(FindMember(member) is not { Consumer: not null } known ? NotAMember(member) : CheckConsumerEpoch(known, epoch));
    }

    /// <summary>True when a partition is a member's: nobody else may read it, or commit for it.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="partition">The partition.</param>
    public bool IsOwner(string member, TopicPartition partition) => _owners.GetValueOrDefault(partition) == member;

    private GroupRefusal? JoinConsumer(HeartbeatCommand command, GroupTime time)
    {
        if (command.Topics is not { } topics)
            return new GroupRefusal(StreamErrorCode.InvalidRequest, "A member that joins says which topics it reads.");
        if (command.Owned is { Count: > 0 })
            return new GroupRefusal(StreamErrorCode.InvalidRequest, "A member that joins has no partitions.");
        var member = FindMember(command.Member);
        var poll = ToPoll(command, topics);
        if (CheckAssignor(command) is { } unsupported)
            return unsupported;
        if (CheckUnknown(member, poll) is { } excessive)
            return excessive;
        var before = command.Consumer.InstanceId is { } instance
            ? _members.Values.FirstOrDefault(one => one.Id != command.Member && one.Consumer?.InstanceId == instance) : null;
        if (before is { Consumer.IsAway: false })
        {
            return new GroupRefusal(StreamErrorCode.UnreleasedInstanceId,
                $"Another process is in the group as '{command.Consumer.InstanceId}', and has not left it.");
        }

        if (member is null && before is null && _members.Count >= GroupStateLimits.MembersMax)
        {
            return new GroupRefusal(StreamErrorCode.GroupMaxSizeReached,
                $"The group has {_members.Count} members, and may have {GroupStateLimits.MembersMax}.");
        }

        var askedBefore = command.Found.IsEmpty ? [] : AskedFor();
        // Whoever comes back takes over what it was to have, too: else it would have to let go of all until the next assignment.
        ImmutableArray<MemberTarget> targets = before is null ? [] : [.. _members.Values.Where(one => one.Target.Count > 0)
            .Select(one => new MemberTarget(one == before ? command.Member : one.Id, one.Target))];
        if (before is not null)
            Remove(before.Id, time);
        if (member is null)
            Join(poll, command.Consumer, time);
        else
            Raise(new MemberRestarted(member.Id, _lastMemberEpoch + 1) { Consumer = command.Consumer });
        if (before is not null)
            Raise(new TargetAssigned(_targetEpoch, targets));
        // One that said what it had has nothing any more; a process that polled under this id may still work on what it was given, which is nobody
        // else's then.
        var partitions = before?.Assigned ?? (member is { Consumer: null } ? member.Assigned : PartitionSet.Empty);
        if (!_members[command.Member].Assigned.Equals(partitions))
            Raise(new AssignmentChanged(command.Member, _lastMemberEpoch + 1, partitions));
        Subscribe(poll);
        LearnTopics(command.Found, askedBefore);
        return null;
    }

    private GroupRefusal? LeaveConsumer(HeartbeatCommand command, GroupTime time)
    {
        if (FindMember(command.Member) is not { Consumer: { } consumer } known)
            return NotAMember(command.Member);
        if (command.Epoch == HeartbeatCommand.AwayEpoch && consumer.InstanceId is not null)
        {
            var away = consumer with { IsAway = true };
            Raise(new MemberChanged(known.Id, known.Topics, known.LeaseMs, known.Assignor, GroupEpoch) { Consumer = away });
            return null;
        }

        Remove(known.Id, time);
        Rebalance(time);
        return null;
    }

    private GroupRefusal? CheckConsumer(HeartbeatCommand command)
    {
        if (FindMember(command.Member) is not { Consumer: { } consumer } known)
            return NotAMember(command.Member);
        if (consumer.IsAway || CheckConsumerEpoch(known, command.Epoch) is not null)
            return FencedConsumer(known, command.Epoch);
        // Its last answer was lost, and it has what it never was given: it cannot be the one that was told.
        return command.Epoch < known.Epoch && command.Owned?.All(known.Assigned.Contains) == false ? FencedConsumer(known, command.Epoch)
            : CheckAssignor(command);
    }

    private GroupRefusal? ResubscribeConsumer(HeartbeatCommand command)
    {
        var known = _members[command.Member];
        var poll = ToPoll(command, command.Topics ?? known.Topics) with { Assignor = command.Assignor ?? known.Assignor };
        if (CheckUnknown(known, poll) is { } excessive)
            return excessive;
        var askedBefore = command.Found.IsEmpty ? [] : AskedFor();
        Subscribe(poll);
        LearnTopics(command.Found, askedBefore);
        return null;
    }

    /// <summary>
    /// Lets a member give up what it has let go of; then, once it is to let go of nothing more, take on what it shall have and nobody has.
    /// </summary>
    private void ReconcileConsumer(GroupMember member, PartitionSet? owned, GroupTime time)
    {
        var wanted = WantedBy(member);
        var assigned = owned is null ? member.Assigned
            : PartitionSet.Of(member.Assigned.Where(partition => !member.Revoking.Contains(partition) || owned.Contains(partition)));
        var revoking = PartitionSet.Of(assigned.Where(partition => !wanted.Contains(partition)));
        if (revoking.Count == 0)
            assigned = PartitionSet.Of(wanted.Where(partition => !_owners.TryGetValue(partition, out var owner) || owner == member.Id));
        if (!assigned.Equals(member.Assigned) || !revoking.Equals(member.Revoking))
            Raise(new AssignmentChanged(member.Id, _lastMemberEpoch + 1, assigned) { Revoking = revoking.Count == 0 ? null : revoking });
        KeepRevocation(_members[member.Id], isNew: member.Revoking.Count == 0, time);
    }

    private void KeepRevocation(GroupMember member, bool isNew, GroupTime time)
    {
        if (member.Revoking.Count == 0)
            _revocations.Release(member.Id);
        else if (isNew)
            _revocations.Renew(member.Id, Math.Max(member.Consumer!.RebalanceMs, GroupStateLimits.RevocationMsMin), time.MonotonicMs);
    }

    private HeartbeatAnswer Told(GroupMember member, HeartbeatCommand command)
    {
        var told = PartitionSet.Of(member.Assigned.Where(partition => !member.Revoking.Contains(partition)));
        var isKnown = command.Epoch == member.Epoch && (command.Owned is null || command.Owned.Equals(told));
        return new HeartbeatAnswer(
            Refusal: null, member.Epoch, isKnown ? null : told,
            IsSettled: isKnown && GroupEpoch <= _targetEpoch && member.Revoking.Count == 0 && member.Assigned.Equals(WantedBy(member)));
    }

    private PartitionSet WantedBy(GroupMember member)
    {
        var subscribed = ReadBy(member).Where(Topics.ContainsKey).Select(name => Topics[name].Id).ToHashSet();
        return PartitionSet.Of(member.Target.Where(partition => subscribed.Contains(partition.TopicId)));
    }

    /// <summary>The names that a member reads: of one that polls also those in which records wait for their next attempt.</summary>
    private IEnumerable<string> ReadBy(GroupMember member) => member.Consumer is null ? WithRetries(member.Topics) : member.Topics;

    private static PollCommand ToPoll(HeartbeatCommand command, ImmutableSortedSet<string> topics) =>
        new(command.Member, topics, command.Found, Claim: null, [], command.LeaseMs, command.Assignor);

    private static GroupRefusal? CheckAssignor(HeartbeatCommand command) => command.Assignor is null || Assignors.Find(command.Assignor) is not null
        ? null : new GroupRefusal(StreamErrorCode.UnsupportedAssignor, $"There is no assignor '{command.Assignor}'; there are {Assignors.Names}.");

    private static GroupRefusal? CheckConsumerEpoch(GroupMember member, int epoch) =>
        epoch >= member.Since && epoch <= member.Epoch ? null : new GroupRefusal(
            epoch < member.Since ? StreamErrorCode.StaleMemberEpoch : StreamErrorCode.FencedMemberEpoch,
            $"Member '{member.Id}' has epoch {member.Epoch}, not {epoch}.");

    private static GroupRefusal FencedConsumer(GroupMember member, int epoch) => new(
        StreamErrorCode.FencedMemberEpoch,
        $"Member '{member.Id}' has epoch {member.Epoch}, not {epoch}: it has nothing any more. It may join again.");
}
