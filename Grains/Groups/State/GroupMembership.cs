namespace OrleansStream.Groups.State;

/// <summary>Members come, live as long as their leases, and go.</summary>
/// <remarks>Leases are not stored. Every member gets a full one when the group is read back.</remarks>
/// <param name="facts">The group's facts.</param>
/// <param name="events">Takes what changes.</param>
/// <param name="lifetime">Begins the group with its first member.</param>
internal sealed class GroupMembership(GroupFacts facts, RaisedEvents events, GroupLifetime lifetime)
{
    private readonly LeaseTable _leases = new();

    // Until when members may take to let go of partitions.
    private readonly LeaseTable _revocations = new();

    /// <summary>Begins the leases of the members that were read back.</summary>
    /// <param name="time">The time of the call, on both clocks.</param>
    public void Restore(GroupTime time)
    {
        Observe(time);
        foreach (var member in facts.Members)
        {
            Renew(member.Id, member.LeaseMs, time);
            KeepRevocation(member, isNew: true, time);
        }
    }

    /// <summary>Removes the members whose leases, or whose times for letting go of partitions, are over.</summary>
    /// <param name="time">The time of the call, on both clocks.</param>
    public void EndLeases(GroupTime time)
    {
        Observe(time);
        foreach (var member in _leases.Ended(time.MonotonicMs).Union(_revocations.Ended(time.MonotonicMs), StringComparer.Ordinal))
            Remove(member, time);
    }

    /// <summary>Takes in a new member.</summary>
    /// <param name="command">What it asks for.</param>
    /// <param name="consumer">Who it is, when it is one that says what it has; null for one that polls.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    public void Join(PollCommand command, ConsumerMember? consumer, GroupTime time)
    {
        lifetime.Create(time);
        var epoch = facts.NextMemberEpoch;
        events.Raise(new MemberJoined(
            command.Member, epoch, epoch, command.Topics, command.LeaseMs, command.Assignor, facts.GroupEpoch + 1)
        {
            Consumer = consumer,
        });
    }

    /// <summary>Removes a member. Its partitions are free.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    public void Remove(string member, GroupTime time)
    {
        _leases.Release(member);
        _revocations.Release(member);
        events.Raise(new MemberLeft(member, time.UnixMs, facts.GroupEpoch + 1));
    }

    /// <summary>Gives a member a full lease.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="leaseMs">The lease's length, in milliseconds.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    public void Renew(string member, int leaseMs, GroupTime time) => _leases.Renew(member, leaseMs, time.MonotonicMs);

    /// <inheritdoc cref="GroupState.LeaseLeftMs"/>
    public long LeaseLeftMs(string member, GroupTime time) => _leases.LeftMs(member, time.MonotonicMs);

    /// <summary>Gives a member its time for letting go of partitions, or ends it when there is nothing to let go of.</summary>
    /// <param name="member">The member.</param>
    /// <param name="isNew">True when the time begins now; false when it goes on.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    public void KeepRevocation(GroupMember member, bool isNew, GroupTime time)
    {
        if (member.Revoking.Count == 0)
            EndRevocation(member.Id);
        else if (isNew)
            _revocations.Renew(member.Id, Math.Max(member.Consumer!.RebalanceMs, GroupStateLimits.RevocationMsMin), time.MonotonicMs);
    }

    /// <summary>Ends a member's time for letting go of partitions; it stays a member.</summary>
    /// <param name="member">The member's id.</param>
    public void EndRevocation(string member) => _revocations.Release(member);

    private void Observe(GroupTime time)
    {
        _leases.Observe(time.MonotonicMs);
        _revocations.Observe(time.MonotonicMs);
    }
}
