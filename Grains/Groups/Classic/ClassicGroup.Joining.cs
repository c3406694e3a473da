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
    /// <param name="time">Now.</param>
    /// <returns>The member's id while it waits; empty when it was refused.</returns>
    public ClassicStep<string> Join(JoinCommand command, long ticket, GroupTime time)
    {
        Pass(time);
        var member = CheckJoin(command) is { } refusal ? Refuse(command, ticket, refusal)
            : command.Member.Length == 0 ? JoinNew(command, ticket, time)
            : JoinKnown(command, ticket, time);
        TryComplete(time);
        return End(member);
    }

    private string JoinNew(JoinCommand command, long ticket, GroupTime time)
    {
        // The client repeats a call whose answer it lost.
        if (_byId.ContainsKey(command.NewMember))
            return JoinKnown(command with { Member = command.NewMember }, ticket, time);
        if (command.InstanceId is { } instance && _byInstance.TryGetValue(instance, out var known))
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
        if (Find(command.Member, command.InstanceId, out var member) is { } refusal)
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
                Deliver(ticket, Joined(member));
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
        Insert(member);
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
        Drop(known, Fenced(known.InstanceId!));
        Insert(member);
        Renew(member, time);
        Leader = leaderBefore == known.Id ? member.Id : leaderBefore;
        var isLeader = Leader == member.Id;
        // Only the topics are compared. The rest of the metadata, such as the partitions that it owns, is not known to a program that starts.
        if (Phase == ClassicPhase.Stable && Select(member) == Protocol && TopicsOf(member).SequenceEqual(TopicsOf(known)))
        {
            Store(time);
            // Old clients cannot be told to skip the assignment. They are told that another member leads, so that they make none.
            var answer = Joined(member);
            Deliver(ticket, isLeader && !command.MaySkipAssignment
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
            Deliver(before, Refused(member.Id, Rebalancing()));
        member.HasJoined = true;
        member.JoinTicket = ticket;
        _tickets.Add(ticket, member);
        Renew(member, time);
    }

    private string Refuse(JoinCommand command, long ticket, GroupRefusal refusal)
    {
        Deliver(ticket, Refused(command.Member, refusal));
        return "";
    }

    private GroupRefusal? CheckJoin(JoinCommand command)
    {
        if (_group.Members.Count > 0)
        {
            return new GroupRefusal(
                StreamErrorCode.InconsistentGroupProtocol,
                $"The group has {_group.Members.Count} members whose partitions the group assigns. They have to leave before others can join that assign among themselves.");
        }

        if (command.SessionMs is < ClassicLimits.SessionMsMin or > ClassicLimits.SessionMsMax)
        {
            return new GroupRefusal(
                StreamErrorCode.InvalidSessionTimeout,
                $"A session lasts {ClassicLimits.SessionMsMin} to {ClassicLimits.SessionMsMax} ms, not {command.SessionMs}.");
        }

        return CheckProtocols(command) ?? CheckBytes(command);
    }

    private GroupRefusal? CheckProtocols(JoinCommand command)
    {
        if (command.ProtocolType.Length == 0 || command.Protocols.IsEmpty)
            return Inconsistent("A member names what kind of group it wants, and the assignors that it knows.");
        LiveMember[] others =
            [.. _members.Where(member => member.Id != command.Member && (command.InstanceId is null || member.InstanceId != command.InstanceId))];
        if (others.Length == 0)
            return null;
        if (command.ProtocolType != ProtocolType)
            return Inconsistent($"The group is of the kind '{ProtocolType}', not '{command.ProtocolType}'.");
        var common = CommonOf(others);
        return command.Protocols.Any(protocol => common.Contains(protocol.Name)) ? null : Inconsistent(
            $"The members know the assignors {string.Join(", ", common)}, and the new one only {string.Join(", ", command.Protocols.Select(protocol => protocol.Name))}.");

        static GroupRefusal Inconsistent(string detail) => new(StreamErrorCode.InconsistentGroupProtocol, detail);
    }

    private GroupRefusal? CheckBytes(JoinCommand command)
    {
        var bytes = command.Protocols.Sum(protocol => (long)protocol.Metadata.Length);
        if (command.Protocols.Length > ClassicLimits.ProtocolsMax || bytes > ClassicLimits.MemberBytesMax)
        {
            return new GroupRefusal(
                StreamErrorCode.PolicyViolation,
                $"A member names at most {ClassicLimits.ProtocolsMax} assignors, with {ClassicLimits.MemberBytesMax} bytes in all; this one {command.Protocols.Length}, with {bytes}.");
        }

        var others = _members.Where(member => member.Id != command.Member).Sum(member => (long)member.Bytes);
        return others + bytes <= ClassicLimits.GroupBytesMax ? null : new GroupRefusal(
            StreamErrorCode.GroupMaxSizeReached,
            $"The members of a group tell assignors at most {ClassicLimits.GroupBytesMax} bytes in all; with this one they would tell {others + bytes}.");
    }

    /// <summary>Finds a member by what a call says of itself.</summary>
    /// <returns>Null; or that the member is unknown, or that another process took its place.</returns>
    private GroupRefusal? Find(string id, string? instance, out LiveMember member)
    {
        if (instance is not null && _byInstance.TryGetValue(instance, out var current) && current.Id != id)
        {
            member = current;
            return Fenced(instance);
        }

        var isKnown = _byId.TryGetValue(id, out var known) && (instance is null || known.InstanceId == instance);
        member = known!;
        return isKnown ? null : Unknown(id);
    }
}
