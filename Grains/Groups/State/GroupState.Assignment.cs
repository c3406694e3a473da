using System.Collections.Immutable;

namespace OrleansStream.Groups.State;

/// <summary>Who shall have which partition, and when it becomes true.</summary>
internal sealed partial class GroupState
{
    /// <summary>
    /// Polls that have come, may bring members and are not handled yet: an assignment waits for them, not longer than for other changes. The
    /// caller keeps the count; it is not stored.
    /// </summary>
    public int ExpectedPolls { get; set; }

    /// <summary>Takes note of topics that were created, deleted, re-created or grown.</summary>
    /// <param name="found">What the looks at their names gave.</param>
    /// <param name="time">Now.</param>
    /// <returns>True when anything was new.</returns>
    public Handled<bool> UpdateTopics(ImmutableArray<TopicLookup> found, GroupTime time)
    {
        EndLeases(time);
        var isNew = Exists && LearnTopics(found, AskedFor());
        Rebalance(time);
        return End(isNew);
    }

    /// <summary>True when a member should poll: it is to let go of partitions, can take some on, or is no longer what it was.</summary>
    /// <param name="member">Its id.</param>
    /// <param name="epoch">The epoch it knows.</param>
    public bool HasNews(string member, long epoch) =>
        FindMember(member) is not { } known || known.Epoch != epoch || !Reachable(known).Equals(known.Assigned);

    /// <summary>The names that members read by now: one that is found later did not exist when they first asked.</summary>
    private HashSet<string> AskedFor() => WithRetries(_members.Values.SelectMany(member => member.Topics)).ToHashSet(StringComparer.Ordinal);

    private bool LearnTopics(ImmutableArray<TopicLookup> found, HashSet<string> askedBefore)
    {
        var topics = Topics;
        foreach (var lookup in found)
        {
            topics = lookup.Topic is null
                ? topics.Remove(lookup.Name)
                : topics.SetItem(lookup.Name, Learn(lookup.Topic, Topics.GetValueOrDefault(lookup.Name), askedBefore.Contains(lookup.Name)));
        }

        // What nobody subscribes to and has no offset is none of the group's business any more.
        var wanted = WithRetries(_members.Values.SelectMany(member => member.Topics)).ToHashSet(StringComparer.Ordinal);
        var kept = _offsets.TopicIds.ToHashSet();
        topics = topics.RemoveRange(topics.Values.Where(topic => !wanted.Contains(topic.Name) && !kept.Contains(topic.Id)).Select(topic => topic.Name));
        if (topics.Count == Topics.Count && topics.All(topic => Topics.TryGetValue(topic.Key, out var known) && known == topic.Value))
            return false;
        Raise(new TopicsChanged([.. topics.Values], GroupEpoch + 1));
        return true;
    }

    /// <summary>
    /// A topic as it was found, with what of it is new to the group. Partitions are only ever added, so fewer than are known are those of
    /// an older look.
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
    /// When an assignment is due: at once for a lone member, else a little after the last change, so that a storm of joins makes one. Nothing puts
    /// it off for longer than <see cref="GroupStateLimits.RebalanceDelayMaxMs"/>.
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
            WithRetries(member.Topics).Where(Topics.ContainsKey).Select(name => Topics[name].Id).ToHashSet(),
            Held(member)))];
        var counts = Topics.Values.ToDictionary(topic => topic.Id, topic => topic.PartitionCount);
        var assigned = ChooseAssignor().Assign(members, counts);
        Raise(new TargetAssigned(GroupEpoch, [.. members.Zip(assigned)
            .Where(pair => pair.Second.Count > 0).Select(pair => new MemberTarget(pair.First.Id, pair.Second))]));
        _pending = null;
    }

    /// <summary>The partitions that would not have to move to be this member's: those it has, and those meant for it that nobody has.</summary>
    private PartitionSet Held(GroupMember member) =>
        PartitionSet.Of(member.Assigned.Concat(member.Target.Where(partition => !_owners.ContainsKey(partition))));

    /// <summary>Lets a member give up what it shall not have any more, and take on what it shall have and nobody has.</summary>
    private void Reconcile(string id)
    {
        var member = _members[id];
        var reachable = Reachable(member);
        if (!reachable.Equals(member.Assigned))
            Raise(new AssignmentChanged(id, _lastMemberEpoch + 1, reachable));
    }

    private PartitionSet Reachable(GroupMember member)
    {
        var subscribed = WithRetries(member.Topics).Where(Topics.ContainsKey).Select(name => Topics[name].Id).ToHashSet();
        bool IsSubscribed(TopicPartition partition) => subscribed.Contains(partition.TopicId);
        bool IsFree(TopicPartition partition) =>
            !_owners.TryGetValue(partition, out var owner) || owner == member.Id;
        return PartitionSet.Of(member.Target.Where(partition => IsSubscribed(partition) && IsFree(partition)));
    }

    /// <summary>An assignment that has to be made.</summary>
    /// <param name="GroupEpoch">The group epoch that it would answer.</param>
    /// <param name="FirstChangeMs">When the first change since the last assignment was seen, on the monotonic clock.</param>
    /// <param name="LastChangeMs">When the last one was.</param>
    private readonly record struct PendingAssignment(long GroupEpoch, long FirstChangeMs, long LastChangeMs);

    private IAssignor ChooseAssignor() => _members.Values
        .Select(member => Assignors.Find(member.Assignor)).OfType<IAssignor>()
        .GroupBy(assignor => assignor)
        .OrderByDescending(votes => votes.Count()).ThenBy(votes => votes.Key != Assignors.Default)
        .FirstOrDefault()?.Key ?? Assignors.Default;
}
