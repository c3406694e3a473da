using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups.Classic;

/// <summary>Members join.</summary>
internal sealed partial class ClassicGroup
{
    /// <summary>
    /// Joins a member to the next generation. The call is answered when that generation begins. It is answered at once when it is refused, or when
    /// the member is in the current generation and joins again without a change, as a client does after it lost an answer.
    /// </summary>
    /// <param name="command">The join.</param>
    /// <param name="ticket">The call's number.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>The member's id while it waits; empty when it was refused.</returns>
    public ClassicStep<string> Join(JoinCommand command, long ticket, GroupTime time)
    {
        Pass(time);
        var member = JoinCheck.Check(command, _group, _members.All, ProtocolType) is { } refusal ? Refuse(command, ticket, refusal)
            : command.Member.Length == 0 ? JoinNew(command, ticket, time)
            : JoinKnown(command, ticket, time);
        TryComplete(time);
        return End(member);
    }

    private string JoinNew(JoinCommand command, long ticket, GroupTime time)
    {
        // The client repeats a call whose answer it lost.
        if (_members.ById(command.NewMember) is not null)
            return JoinKnown(command with { Member = command.NewMember }, ticket, time);
        if (command.InstanceId is { } instance && _members.ByInstance(instance) is { } known)
            return Replace(known, command, ticket, time);
        if (_members.Count + _pending.Count >= ClassicLimits.MembersMax)
        {
            return Refuse(command, ticket, new GroupRefusal(
                StreamErrorCode.GroupMaxSizeReached,
                $"The group has {_members.Count + _pending.Count} members, and may have {ClassicLimits.MembersMax}."));
        }

        if (command.InstanceId is null && command.RequiresId)
        {
            _pending.Add(command.NewMember);
            _sessions.Renew(command.NewMember, command.SessionMs, time.MonotonicMs);
            return Refuse(command with { Member = command.NewMember }, ticket, new GroupRefusal(
                StreamErrorCode.MemberIdRequired, $"The member's id is '{command.NewMember}'. It joins when it comes again with that."));
        }

        return Add(command.NewMember, command, ticket, time);
    }

    private string JoinKnown(JoinCommand command, long ticket, GroupTime time)
    {
        if (_pending.Remove(command.Member))
            return Add(command.Member, command, ticket, time);
        if (_members.Find(command.Member, command.InstanceId, out var member) is { } refusal)
            return Refuse(command, ticket, refusal);
        var isNew = !member.Matches(command.Protocols);
        member.Update(command);
        switch (Phase)
        {
            case ClassicPhase.PreparingRebalance:
                break;
            case ClassicPhase.CompletingRebalance when !isNew:
            case ClassicPhase.Stable when !isNew && member.Id != Leader:
                Renew(member, time);
                _waiting.Answer(ticket, Joined(member));
                return member.Id;
            default:
                // A leader joins again when it has seen a change, such as new partitions of a topic.
                Prepare(time);
                break;
        }

        Park(member, ticket, time);
        return member.Id;
    }

    private string Add(string id, JoinCommand command, long ticket, GroupTime time)
    {
        if (_members.Count == 0)
            ProtocolType = command.ProtocolType;
        var member = new LiveMember(id, command.InstanceId);
        member.Update(command);
        _members.Add(member);
        if (Phase != ClassicPhase.PreparingRebalance)
            Prepare(time);
        else if (_isFirst)
            StartDeadline(JoinEnd, ClassicLimits.FirstJoinDelayMs, time);
        Leader ??= id;
        Park(member, ticket, time);
        return id;
    }

    /// <summary>
    /// A static member has come back as a new process. It takes over the place and the assignment of its earlier process. The other members do not
    /// notice, unless it knows other assignors or a rebalance is under way.
    /// </summary>
    private string Replace(LiveMember known, JoinCommand command, long ticket, GroupTime time)
    {
        var member = new LiveMember(command.NewMember, known.InstanceId)
        {
            Assignment = known.Assignment,
            HasJoined = known.HasJoined,
            HasSynced = known.HasSynced,
        };
        var leaderBefore = Leader;
        member.Update(command);
        Drop(known, MemberTable.Fenced(known.InstanceId!));
        _members.Add(member);
        Renew(member, time);
        Leader = leaderBefore == known.Id ? member.Id : leaderBefore;
        var isLeader = Leader == member.Id;
        // Only the topics are compared. The rest of the metadata, such as the partitions that it owns, is not known to a program that starts.
        if (Phase == ClassicPhase.Stable && AssignorChoice.Choose(member, _members.All) == Protocol
            && TopicsOf(member).SequenceEqual(TopicsOf(known)))
        {
            Store(time);
            // Old clients cannot be told to skip the assignment. They are told that another member leads, so that they make none.
            var answer = Joined(member);
            _waiting.Answer(ticket, isLeader && !command.MaySkipAssignment
                ? answer with { Leader = leaderBefore!, Members = [] }
                : answer with { SkipAssignment = isLeader });
            return member.Id;
        }

        if (Phase != ClassicPhase.PreparingRebalance)
            Prepare(time);
        Store(time);
        Park(member, ticket, time);
        return member.Id;
    }

    private ImmutableArray<string> TopicsOf(LiveMember member) =>
        ConsumerProtocol.TryReadTopics(member.MetadataOf(Protocol).Span, out var topics) ? topics : [];

    private void Park(LiveMember member, long ticket, GroupTime time)
    {
        // The caller of the earlier call has gone.
        if (member.JoinTicket is { } before)
            _waiting.RefuseJoin(before, member.Id, Rebalancing());
        member.HasJoined = true;
        _waiting.ParkJoin(ticket, member);
        Renew(member, time);
    }

    private string Refuse(JoinCommand command, long ticket, GroupRefusal refusal)
    {
        _waiting.RefuseJoin(ticket, command.Member, refusal);
        return "";
    }
}
