using System.Collections.Immutable;

namespace OrleansStream.Groups.State;

/// <summary>Who shall have which partition, and when it becomes true.</summary>
internal sealed partial class GroupState
{
    /// <summary>Takes note of topics that were created, deleted, re-created or grown.</summary>
    /// <param name="found">What the looks at their names gave.</param>
    /// <param name="time">Now.</param>
    /// <returns>True when anything was new.</returns>
    public Handled<bool> UpdateTopics(ImmutableArray<TopicLookup> found, GroupTime time)
    {
        EndLeases(time);
        bool isNew = Exists && LearnTopics(found, AskedFor());
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
        ImmutableSortedDictionary<string, GroupTopic> topics = Topics;
        foreach (TopicLookup lookup in found)
        {
            topics = lookup.Topic is null
                ? topics.Remove(lookup.Name)
                : topics.SetItem(lookup.Name, Learn(lookup.Topic, Topics.GetValueOrDefault(lookup.Name), askedBefore.Contains(lookup.Name)));
        }

        // What nobody subscribes to and has no offset is none of the group's business any more.
        var wanted = WithRetries(_members.Values.SelectMany(member => member.Topics)).ToHashSet(StringComparer.Ordinal);
        var kept = _offsets.TopicIds.ToHashSet();
        topics = topics.RemoveRange(topics.Values.Where(topic => !wanted.Contains(topic.Name) && !kept.Contains(topic.Id)).Select(topic => topic.Name));
        if (topics.Count == Topics.Count && topics.All(topic => Topics.TryGetValue(topic.Key, out GroupTopic? known) && known == topic.Value))
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
            _rebalanceAtMs = null;
        else
            _rebalanceAtMs ??= time.MonotonicMs + GroupStateLimits.RebalanceDelayMs;
    }

    /// <summary>Makes a new assignment when one is due: a little after the first change, so that a storm of joins makes few; at once for a lone member.</summary>
    private void Rebalance(GroupTime time)
    {
        ScheduleRebalance(time);
        if (_rebalanceAtMs is not { } at || (_members.Count > 1 && time.MonotonicMs < at))
            return;
        AssignorMember[] members = [.. _members.Values.Select(member => new AssignorMember(
            member.Id,
            WithRetries(member.Topics).Where(Topics.ContainsKey).Select(name => Topics[name].Id).ToHashSet(),
            Held(member)))];
        var counts = Topics.Values.ToDictionary(topic => topic.Id, topic => topic.PartitionCount);
        IReadOnlyList<PartitionSet> assigned = ChooseAssignor().Assign(members, counts);
        Raise(new TargetAssigned(GroupEpoch, [.. members.Zip(assigned)
            .Where(pair => pair.Second.Count > 0).Select(pair => new MemberTarget(pair.First.Id, pair.Second))]));
        _rebalanceAtMs = null;
    }

    /// <summary>The partitions that would not have to move to be this member's: those it has, and those meant for it that nobody has.</summary>
    private PartitionSet Held(GroupMember member) =>
        PartitionSet.Of(member.Assigned.Concat(member.Target.Where(partition => !_owners.ContainsKey(partition))));

    /// <summary>Lets a member give up what it shall not have any more, and take on what it shall have and nobody has.</summary>
    private void Reconcile(string id)
    {
        GroupMember member = _members[id];
        PartitionSet reachable = Reachable(member);
        if (!reachable.Equals(member.Assigned))
            Raise(new AssignmentChanged(id, _lastMemberEpoch + 1, reachable));
    }

    private PartitionSet Reachable(GroupMember member)
    {
        var subscribed = WithRetries(member.Topics).Where(Topics.ContainsKey).Select(name => Topics[name].Id).ToHashSet();
        bool IsSubscribed(TopicPartition partition) => subscribed.Contains(partition.TopicId);
        bool IsFree(TopicPartition partition) =>
            !_owners.TryGetValue(partition, out string? owner) || owner == member.Id;
        return PartitionSet.Of(member.Target.Where(partition => IsSubscribed(partition) && IsFree(partition)));
    }

    private IAssignor ChooseAssignor() => _members.Values
        .Select(member => Assignors.Find(member.Assignor)).OfType<IAssignor>()
        .GroupBy(assignor => assignor)
        .OrderByDescending(votes => votes.Count()).ThenBy(votes => votes.Key != Assignors.Default)
        .FirstOrDefault()?.Key ?? Assignors.Default;
}
