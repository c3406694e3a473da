using OrleansStream.Groups.State;

namespace OrleansStream.Groups.Classic;

/// <summary>Generations begin.</summary>
internal sealed partial class ClassicGroup
{
    /// <summary>Asks all members to join the next generation.</summary>
    private void Prepare(GroupTime time)
    {
        // The group is empty, and its first member is just joining.
        _isFirst = Phase == ClassicPhase.Empty;
        Phase = ClassicPhase.PreparingRebalance;
        _deadlines.Release(SyncEnd);
        foreach (var member in _members.All)
        {
            member.HasJoined = false;
            if (member.SyncTicket is { } ticket)
                _waiting.RefuseSync(ticket, Rebalancing());
        }

        if (_isFirst)
        {
            StartDeadline(JoinEnd, ClassicLimits.FirstJoinDelayMs, time);
            StartDeadline(FirstJoinLatest, ClassicLimits.FirstJoinDelayMaxMs, time);
        }
        else
        {
            StartDeadline(JoinEnd, RebalanceMs, time);
        }
    }

    private void TryComplete(GroupTime time)
    {
        if (Phase == ClassicPhase.PreparingRebalance && _members.Count == 0 && _pending.Count == 0)
            Complete(time);
        else if (Phase == ClassicPhase.PreparingRebalance && !_isFirst && _pending.Count == 0 && _members.All.All(member => member.HasJoined))
            Complete(time);
    }

    /// <summary>
    /// Begins the next generation with the members that have joined. A static member that has not joined yet stays for as long as its session lasts,
    /// because its program may be restarting.
    /// </summary>
    private void Complete(GroupTime time)
    {
        foreach (var late in _members.All.Where(member => !member.HasJoined && member.InstanceId is null).ToArray())
            Drop(late, MemberTable.Unknown(late.Id));
        var leader = _members.All.FirstOrDefault(member => member.HasJoined && member.Id == Leader)
            ?? _members.All.FirstOrDefault(member => member.HasJoined);
        if (leader is null && _members.Count > 0)
        {
            StartDeadline(JoinEnd, RebalanceMs, time);
            Store(time);
            return;
        }

        _deadlines.Release(JoinEnd);
        _deadlines.Release(FirstJoinLatest);
        _isFirst = false;
        Leader = leader?.Id;
        Phase = leader is null ? ClassicPhase.Empty : ClassicPhase.CompletingRebalance;
        Protocol = leader is null ? null : AssignorChoice.Choose(leader, _members.All);
        if (leader is null)
            ProtocolType = null;
        foreach (var member in _members.All)
        {
            member.Assignment = default;
            // A member that is away does not call, so only its session bounds its stay.
            member.HasSynced = !member.HasJoined;
        }

        // Stored before any member is told it, so that a coordinator that takes the group over never uses the number again.
        Store(checked(Generation + 1), time);
        if (leader is not null)
            StartDeadline(SyncEnd, RebalanceMs, time);
        foreach (var member in _members.All.Where(member => member.HasJoined))
        {
            Renew(member, time);
            if (member.JoinTicket is { } ticket)
                _waiting.Answer(ticket, Joined(member));
        }
    }

    private JoinAnswer Joined(LiveMember member) => new(
        Refusal: null, member.Id, Generation, ProtocolType, Protocol, Leader ?? "",
        member.Id == Leader ? [.. _members.All.Select(other => new JoinedMember(other.Id, other.InstanceId, other.MetadataOf(Protocol)))] : []);
}
