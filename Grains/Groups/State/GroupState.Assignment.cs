using System.Collections.Immutable;

namespace OrleansStream.Groups.State;

/// <summary>Decides which member is to have which partition, and when it gets it.</summary>
internal sealed partial class GroupState
{
    /// <summary>
    /// The count of polls that have come, may bring new members and are not handled yet. An assignment waits for them, but no longer than for other
    /// changes. The caller keeps the count; it is not stored.
    /// </summary>
    public int ExpectedPolls { get; set; }

    /// <summary>Learns of topics that were created, deleted, created again, or grown.</summary>
    /// <param name="found">The results of looking up topics by name.</param>
    /// <param name="time">Now.</param>
    /// <returns>True when the group learned anything new.</returns>
    public Handled<bool> UpdateTopics(ImmutableArray<TopicLookup> found, GroupTime time)
    {
        EndLeases(time);
        var isNew = Exists && LearnTopics(found, AskedFor());
        Rebalance(time);
        return End(isNew);
    }

    /// <summary>True when a member should poll: it is to give up partitions, can take some on, or its epoch has changed.</summary>
    /// <param name="member">Its id.</param>
    /// <param name="epoch">The epoch that the member knows.</param>
    public bool HasNews(string member, long epoch) =>
        FindMember(member) is not { } known || known.Epoch != epoch || !Reachable(known).Equals(known.Assigned);

    /// <summary>
    /// The names that members already read. A topic that is found later under one of them did not exist when they first asked for it.
    /// </summary>
    private HashSet<string> AskedFor() => _members.Values.SelectMany(ReadBy).ToHashSet(StringComparer.Ordinal);

    private bool LearnTopics(ImmutableArray<TopicLookup> found, HashSet<string> askedBefore)
    {
        var topics = Topics;
        foreach (var lookup in found)
        {
            topics = lookup.Topic is null
                ? topics.Remove(lookup.Name)
                : topics.SetItem(lookup.Name, Learn(lookup.Topic, Topics.GetValueOrDefault(lookup.Name), askedBefore.Contains(lookup.Name)));
        }

        // A topic that nobody subscribes to and that has no offset is dropped.
        var wanted = AskedFor();
        var kept = _offsets.TopicIds.ToHashSet();
        topics = topics.RemoveRange(topics.Values.Where(topic => !wanted.Contains(topic.Name) && !kept.Contains(topic.Id))
            .Select(topic => topic.Name));
        if (topics.Count == Topics.Count && topics.All(topic => Topics.TryGetValue(topic.Key, out var known) && known == topic.Value))
            return false;
        Raise(new TopicsChanged([.. topics.Values], GroupEpoch + 1));
        return true;
    }

    /// <summary>
    /// A topic as it was found, marked with its partitions that are new to the group. Partitions are only ever added, so a count below the known one
    /// comes from an older lookup.
    /// </summary>
    private static GroupTopic Learn(GroupTopic found, GroupTopic? known, bool isAskedFor)
    {
        if (known?.Id != found.Id)
            return isAskedFor || known is not null ? found with { NewFrom = 0 } : found;
        return found.PartitionCount > known.PartitionCount ? found with { NewFrom = known.NewFrom ?? known.PartitionCount } : known;
    }

    private void ScheduleRebalance(GroupTime time)
    {
        if (_members.Count == 0 || GroupEpoch <= _targetEpoch)
            _pending = null;
        else if (_pending is not { } pending)
            _pending = new PendingAssignment(GroupEpoch, time.MonotonicMs, time.MonotonicMs);
        else if (pending.GroupEpoch != GroupEpoch)
            _pending = pending with { GroupEpoch = GroupEpoch, LastChangeMs = time.MonotonicMs };
    }

    /// <summary>
    /// When an assignment is due. For a lone member it is due at once. Otherwise it is due a little after the last change, so that many joins in a
    /// row make one assignment, and at the latest <see cref="GroupStateLimits.RebalanceDelayMaxMs"/> after the first.
    /// </summary>
    private long DueAtMs(in PendingAssignment pending)
    {
        var latest = pending.FirstChangeMs + GroupStateLimits.RebalanceDelayMaxMs;
        if (ExpectedPolls > 0)
            return latest;
        return _members.Count == 1 ? pending.FirstChangeMs : Math.Min(latest, pending.LastChangeMs + GroupStateLimits.RebalanceDelayMs);
    }

    /// <summary>Makes a new assignment when one is due.</summary>
    private void Rebalance(GroupTime time)
    {
        ScheduleRebalance(time);
        if (_pending is not { } pending || time.MonotonicMs < DueAtMs(pending))
            return;
        AssignorMember[] members = [.. _members.Values.Select(member => new AssignorMember(
            member.Id,
            ReadBy(member).Where(Topics.ContainsKey).Select(name => Topics[name].Id).ToHashSet(),
            Held(member)))];
        var counts = Topics.Values.ToDictionary(topic => topic.Id, topic => topic.PartitionCount);
        var assigned = ChooseAssignor().Assign(members, counts);
        Raise(new TargetAssigned(GroupEpoch, [.. members.Zip(assigned)
            .Where(pair => pair.Second.Count > 0).Select(pair => new MemberTarget(pair.First.Id, pair.Second))]));
        _pending = null;
    }

    /// <summary>The partitions that need not move to become this member's: those it has, and free ones in its target.</summary>
    private PartitionSet Held(GroupMember member) =>
        PartitionSet.Of(member.Assigned.Concat(member.Target.Where(partition => !_owners.ContainsKey(partition))));

    /// <summary>Lets a member give up the partitions outside its target, and take on the free ones in it.</summary>
    private void Reconcile(string id)
    {
        var member = _members[id];
        var reachable = Reachable(member);
        if (!reachable.Equals(member.Assigned))
            Raise(new AssignmentChanged(id, _lastMemberEpoch + 1, reachable));
    }

    private PartitionSet Reachable(GroupMember member)
    {
        bool IsFree(TopicPartition partition) =>
            !_owners.TryGetValue(partition, out var owner) || owner == member.Id;
        return PartitionSet.Of(WantedBy(member).Where(IsFree));
    }

    /// <summary>An assignment that is to be made.</summary>
    /// <param name="GroupEpoch">The group epoch for which it will be made.</param>
    /// <param name="FirstChangeMs">The time of the first change since the last assignment, on the monotonic clock.</param>
    /// <param name="LastChangeMs">The time of the last change.</param>
    private readonly record struct PendingAssignment(long GroupEpoch, long FirstChangeMs, long LastChangeMs);

    private IAssignor ChooseAssignor() => _members.Values
        .Select(member => Assignors.Find(member.Assignor)).OfType<IAssignor>()
        .GroupBy(assignor => assignor)
        .OrderByDescending(votes => votes.Count()).ThenBy(votes => votes.Key != Assignors.Default)
        .FirstOrDefault()?.Key ?? Assignors.Default;
}
