namespace OrleansStream.Groups.State;

/// <summary>Decides which member is to have which partition, and when it gets it.</summary>
/// <param name="facts">The group's facts.</param>
/// <param name="events">Takes what changes.</param>
/// <param name="subscriptions">Who reads what.</param>
internal sealed class GroupAssignment(GroupFacts facts, RaisedEvents events, GroupSubscriptions subscriptions)
{
    private PendingAssignment? _pending;

    /// <inheritdoc cref="GroupState.ExpectedPolls"/>
    public int ExpectedPolls { get; set; }

    /// <inheritdoc cref="GroupState.Phase"/>
    public GroupPhase Phase =>
        facts.Members.Count == 0 ? GroupPhase.Empty
        : facts.GroupEpoch > facts.TargetEpoch ? GroupPhase.Assigning
        : facts.Members.Any(member => !member.Assigned.Equals(member.Target)) ? GroupPhase.Reconciling
        : GroupPhase.Stable;

    /// <inheritdoc cref="GroupState.AssignorName"/>
    public string AssignorName => ChooseAssignor().Name;

    /// <inheritdoc cref="GroupState.HasNews"/>
    public bool HasNews(string member, long epoch) =>
        facts.FindMember(member) is not { } known || known.Epoch != epoch || !Reachable(known).Equals(known.Assigned);

    /// <inheritdoc cref="GroupState.RebalanceDueMs"/>
    public long? DueMs(GroupTime time) => _pending is { } pending ? Math.Max(0, DueAtMs(pending) - time.MonotonicMs) : null;

    /// <summary>Takes note of the time of the last change. It must be called before time passes that counts.</summary>
    /// <param name="time">The time of the call, on both clocks.</param>
    public void Schedule(GroupTime time)
    {
        if (facts.Members.Count == 0 || facts.GroupEpoch <= facts.TargetEpoch)
            _pending = null;
        else if (_pending is not { } pending)
            _pending = new PendingAssignment(facts.GroupEpoch, time.MonotonicMs, time.MonotonicMs);
        else if (pending.GroupEpoch != facts.GroupEpoch)
            _pending = pending with { GroupEpoch = facts.GroupEpoch, LastChangeMs = time.MonotonicMs };
    }

    /// <summary>Makes a new assignment when one is due.</summary>
    /// <param name="time">The time of the call, on both clocks.</param>
    public void Rebalance(GroupTime time)
    {
        Schedule(time);
        if (_pending is not { } pending || time.MonotonicMs < DueAtMs(pending))
            return;
        AssignorMember[] members =
            [.. facts.Members.Select(member => new AssignorMember(member.Id, subscriptions.TopicIdsOf(member), Kept(member)))];
        var counts = facts.Topics.Values.ToDictionary(topic => topic.Id, topic => topic.PartitionCount);
        var assigned = ChooseAssignor().Assign(members, counts);
        events.Raise(new TargetAssigned(facts.GroupEpoch, [.. members.Zip(assigned)
            .Where(pair => pair.Second.Count > 0).Select(pair => new MemberTarget(pair.First.Id, pair.Second))]));
        _pending = null;
    }

    /// <summary>Lets a member give up the partitions outside its target, and take on the free ones in it.</summary>
    /// <param name="id">The member's id.</param>
    public void Reconcile(string id)
    {
        var member = facts.FindMember(id)!;
        var reachable = Reachable(member);
        if (!reachable.Equals(member.Assigned))
            events.Raise(new AssignmentChanged(id, facts.NextMemberEpoch, reachable));
    }

    /// <summary>The partitions of a member's target that belong to topics which it still reads.</summary>
    /// <param name="member">The member.</param>
    public PartitionSet WantedBy(GroupMember member)
    {
        var subscribed = subscriptions.TopicIdsOf(member);
        return PartitionSet.Of(member.Target.Where(partition => subscribed.Contains(partition.TopicId)));
    }

    /// <summary>The wanted partitions of a member that it has, or that nobody has.</summary>
    /// <param name="member">The member.</param>
    public PartitionSet Reachable(GroupMember member) =>
        PartitionSet.Of(WantedBy(member).Where(partition => facts.IsFreeFor(partition, member.Id)));

    /// <summary>The partitions that need not move to become this member's: those it has, and free ones in its target.</summary>
    private PartitionSet Kept(GroupMember member) =>
        PartitionSet.Of(member.Assigned.Concat(member.Target.Where(partition => facts.OwnerOf(partition) is null)));

    /// <summary>
    /// When an assignment is due. For a lone member it is due at once. Otherwise it is due a little after the last change, so that many joins in a
    /// row make one assignment, and at the latest <see cref="GroupStateLimits.RebalanceDelayMaxMs"/> after the first.
    /// </summary>
    private long DueAtMs(in PendingAssignment pending)
    {
        var latest = pending.FirstChangeMs + GroupStateLimits.RebalanceDelayMaxMs;
        if (ExpectedPolls > 0)
            return latest;
        return facts.Members.Count == 1 ? pending.FirstChangeMs : Math.Min(latest, pending.LastChangeMs + GroupStateLimits.RebalanceDelayMs);
    }

    private IAssignor ChooseAssignor() => facts.Members
        .Select(member => Assignors.Find(member.Assignor)).OfType<IAssignor>()
        .GroupBy(assignor => assignor)
        .OrderByDescending(votes => votes.Count()).ThenBy(votes => votes.Key != Assignors.Default)
        .FirstOrDefault()?.Key ?? Assignors.Default;

    /// <summary>An assignment that is to be made.</summary>
    /// <param name="GroupEpoch">The group epoch for which it will be made.</param>
    /// <param name="FirstChangeMs">The time of the first change since the last assignment, on the monotonic clock.</param>
    /// <param name="LastChangeMs">The time of the last change.</param>
    private readonly record struct PendingAssignment(long GroupEpoch, long FirstChangeMs, long LastChangeMs);
}
