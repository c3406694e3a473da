using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups.Classic;

/// <summary>Members of a generation ask what they read, say that they live, commit and leave.</summary>
internal sealed partial class ClassicGroup
{
    /// <summary>
    /// Tells a member its assignment (SyncGroup). The leader's call brings the assignments of all members, and the calls of the others wait for it.
    /// All calls are answered once the assignments are durable.
    /// </summary>
    /// <param name="command">The sync.</param>
    /// <param name="ticket">The call's number.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>True while the call waits.</returns>
    public ClassicStep<bool> Sync(SyncCommand command, long ticket, GroupTime time)
    {
        Pass(time);
        if (CheckMember(command.Claim, out var member) is { } refusal)
            return Refuse(refusal);
        if (Phase == ClassicPhase.PreparingRebalance)
            return Refuse(Rebalancing());
        if (CheckAgreed(command) is { } inconsistent)
            return Refuse(inconsistent);
        Renew(member, time);
        member.HasSynced = true;
        if (Phase == ClassicPhase.CompletingRebalance)
        {
            if (member.SyncTicket is { } before)
                _waiting.RefuseSync(before, Rebalancing());
            _waiting.ParkSync(ticket, member);
            if (member.Id == Leader)
                Assign(command.Assignments, time);
        }
        else
        {
            _waiting.Answer(ticket, Synced(member));
        }

        if (_members.All.All(one => one.HasSynced))
            _deadlines.Release(SyncEnd);
        return End(member.SyncTicket is not null);

        ClassicStep<bool> Refuse(GroupRefusal why)
        {
            _waiting.RefuseSync(ticket, why);
            return End(false);
        }
    }

    /// <summary>Takes note that a member lives.</summary>
    /// <param name="claim">By which it is known.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>Null; or that it is to join the next generation, or is no member.</returns>
    public ClassicStep<GroupRefusal?> Heartbeat(in ClassicClaim claim, GroupTime time)
    {
        Pass(time);
        if (CheckMember(claim, out var member) is { } refusal)
            return End<GroupRefusal?>(refusal);
        Renew(member, time);
        return End(Phase == ClassicPhase.PreparingRebalance ? Rebalancing() : null);
    }

    /// <summary>Takes members out at once; the others begin a new generation.</summary>
    /// <param name="leavers">The members.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>Per member null, or why not.</returns>
    public ClassicStep<ImmutableArray<GroupRefusal?>> Leave(ImmutableArray<ClassicLeaver> leavers, GroupTime time)
    {
        Pass(time);
        var gone = new List<LiveMember>();
        var answers = ImmutableArray.CreateBuilder<GroupRefusal?>(leavers.Length);
        foreach (var leaver in leavers)
        {
            if (leaver.InstanceId is null && _pending.Remove(leaver.Member))
            {
                _sessions.Release(leaver.Member);
                answers.Add(null);
                continue;
            }

            // An administrator knows only the instance id, which the program chose itself.
            var id = leaver is { Member.Length: 0, InstanceId: { } instance } && _members.ByInstance(instance) is { } current ? current.Id
                : leaver.Member;
            var refusal = _members.Find(id, leaver.InstanceId, out var member);
            if (refusal is null && !gone.Contains(member))
                gone.Add(member);
            answers.Add(refusal);
        }

        Remove(gone, time);
        TryComplete(time);
        return End(answers.ToImmutable());
    }

    /// <summary>
    /// Whether a caller may commit: a member of the generation; or, while there is no member, anybody who claims to be none. Only the classic
    /// protocol's members are known here: the caller asks once the group has no others.
    /// </summary>
    /// <param name="claim">By which it is known.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>Null, or why not.</returns>
    public ClassicStep<GroupRefusal?> CheckCommit(in ClassicClaim claim, GroupTime time)
    {
        Pass(time);
        if (claim.Generation < 0 && _members.Count == 0)
            return End<GroupRefusal?>(null);
        if (CheckMember(claim, out var member) is { } refusal)
            return End<GroupRefusal?>(refusal);
        Renew(member, time);
        // The member does not know its assignment in this generation yet.
        return End(Phase == ClassicPhase.CompletingRebalance ? Rebalancing() : null);
    }

    /// <summary>What the leader of a generation has assigned. A member that it does not name reads nothing.</summary>
    private void Assign(ImmutableArray<KeyValuePair<string, ReadOnlyMemory<byte>>> assignments, GroupTime time)
    {
        if (assignments.Sum(one => (long)one.Value.Length) is var bytes && bytes > ClassicLimits.AssignmentBytesMax)
        {
            var refusal = new GroupRefusal(
                StreamErrorCode.PolicyViolation,
                $"The assignment of a generation has at most {ClassicLimits.AssignmentBytesMax} bytes; this one has {bytes}.");
            foreach (var waiting in _members.All.Where(member => member.SyncTicket is not null).ToArray())
                _waiting.RefuseSync(waiting.SyncTicket!.Value, refusal);
            Prepare(time);
            return;
        }

        foreach (var (id, assignment) in assignments)
        {
            if (_members.ById(id) is { } member)
                member.Assignment = assignment;
        }

        Phase = ClassicPhase.Stable;
        Store(time);
        foreach (var waiting in _members.All.Where(member => member.SyncTicket is not null).ToArray())
        {
            Renew(waiting, time);
            _waiting.Answer(waiting.SyncTicket!.Value, Synced(waiting));
        }
    }

    private SyncAnswer Synced(LiveMember member) => new(Refusal: null, ProtocolType, Protocol, member.Assignment);

    private GroupRefusal? CheckMember(in ClassicClaim claim, out LiveMember member) =>
        _members.Find(claim.Member, claim.InstanceId, out member) ?? (claim.Generation == Generation ? null : new GroupRefusal(
            StreamErrorCode.IllegalGeneration, $"The group is in generation {Generation}, not {claim.Generation}. Join again."));

    private GroupRefusal? CheckAgreed(SyncCommand command)
    {
        var isAgreed = (command.ProtocolType is null || command.ProtocolType == ProtocolType)
            && (command.Protocol is null || command.Protocol == Protocol);
        return isAgreed ? null : new GroupRefusal(
            StreamErrorCode.InconsistentGroupProtocol, $"The generation is of the kind '{ProtocolType}' with the assignor '{Protocol}'.");
    }
}
