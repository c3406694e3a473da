namespace OrleansStream.Groups.State;

/// <summary>One run of <see cref="StickyAssignor"/>. Members and topics are represented by their index.</summary>
internal sealed class StickyBalance
{
    private readonly IReadOnlyList<AssignorMember> _members;
    private readonly Guid[] _topics;
    private readonly int[] _counts;
    private readonly Dictionary<Guid, int> _topicIndex = [];
    private readonly int[][] _subscribers;
    private readonly Dictionary<TopicPartition, int> _previous = [];
    private readonly SortedSet<int>?[][] _held;
    private readonly int[] _load;
    private readonly bool[][] _taken;

    /// <summary>Starts with nothing assigned.</summary>
    /// <param name="members">The members.</param>
    /// <param name="partitionCounts">The count of partitions of each topic, by topic id.</param>
    public StickyBalance(IReadOnlyList<AssignorMember> members, IReadOnlyDictionary<Guid, int> partitionCounts)
    {
        _members = members;
        // Topics with few subscribers come first, because they have the least choice.
        var topics = partitionCounts
            .Select(topic => (
                topic.Key, topic.Value, Subscribers: Enumerable.Range(0, members.Count).Where(i => members[i].Topics.Contains(topic.Key)).ToArray()))
            .Where(topic => topic.Subscribers.Length > 0)
            .OrderBy(topic => topic.Subscribers.Length).ThenBy(topic => topic.Key).ToArray();
        _topics = [.. topics.Select(topic => topic.Key)];
        _counts = [.. topics.Select(topic => topic.Value)];
        _subscribers = [.. topics.Select(topic => topic.Subscribers)];
        for (var topic = 0; topic < _topics.Length; topic++)
            _topicIndex[_topics[topic]] = topic;
        _taken = [.. _counts.Select(count => new bool[count])];
        _held = [.. members.Select(_ => new SortedSet<int>?[_topics.Length])];
        _load = new int[members.Count];
    }

    /// <summary>Leaves each member the partitions that it has and still subscribes to.</summary>
    public void KeepPrevious()
    {
        for (var member = 0; member < _members.Count; member++)
        {
            foreach (var partition in _members[member].Previous)
            {
                if (!_topicIndex.TryGetValue(partition.TopicId, out var topic) || partition.Partition >= _counts[topic]
                    || _taken[topic][partition.Partition] || !_members[member].Topics.Contains(partition.TopicId))
                {
                    continue;
                }

                _previous[partition] = member;
                Take(member, topic, partition.Partition);
            }
        }
    }

    /// <summary>Gives each free partition to the subscriber with the fewest partitions.</summary>
    public void GiveFree()
    {
        for (var topic = 0; topic < _topics.Length; topic++)
        {
            var byLoad = new PriorityQueue<int, (int Load, int Member)>(
                _subscribers[topic].Select(member => (member, (_load[member], member))));
            for (var partition = 0; partition < _counts[topic]; partition++)
            {
                if (_taken[topic][partition])
                    continue;
                var member = byLoad.Dequeue();
                Take(member, topic, partition);
                byLoad.Enqueue(member, (_load[member], member));
            }
        }
    }

    /// <summary>
    /// Moves partitions from members with more of them to members with at least two fewer, if needed through other members, until no such move is
    /// left. Each move shrinks the sum of the squares of the counts, so the loop ends, and at the end the sum is the least possible.
    /// </summary>
    public void Level()
    {
        var hasMoved = true;
        while (hasMoved)
        {
            hasMoved = false;
            // The fullest members give first. A partition that a less full member gave away before them might have to come back.
            for (var level = _load.Max(); level > 1; level--)
            {
                foreach (var member in Enumerable.Range(0, _load.Length).Where(member => _load[member] == level).ToArray())
                {
                    if (FindWay(member) is not { } way)
                        continue;
                    Pass(way);
                    hasMoved = true;
                }
            }
        }
    }

    /// <summary>The partitions of each member.</summary>
    public IReadOnlyList<PartitionSet> Result() =>
        [.. _held.Select(topics => PartitionSet.Of(
            topics.SelectMany((partitions, topic) => (partitions ?? []).Select(p => new TopicPartition(_topics[topic], p)))))];

    private void Take(int member, int topic, int partition)
    {
        (_held[member][topic] ??= []).Add(partition);
        _taken[topic][partition] = true;
        _load[member]++;
    }

    /// <summary>
    /// The shortest way from a member to one with the fewest partitions, over topics of which each giver has a partition. Null when no member has at
    /// least two fewer.
    /// </summary>
    private List<(int From, int Topic, int To)>? FindWay(int start)
    {
        if (_load[start] < _load.Min() + 2)
            return null;
        var cameFrom = new (int Member, int Topic)?[_members.Count];
        var isTopicSeen = new bool[_topics.Length];
        var queue = new Queue<int>([start]);
        var best = start;
        while (queue.TryDequeue(out var giver))
        {
            for (var topic = 0; topic < _topics.Length; topic++)
            {
                if (isTopicSeen[topic] || _held[giver][topic] is not { Count: > 0 })
                    continue;
                isTopicSeen[topic] = true;
                foreach (var taker in _subscribers[topic])
                {
                    if (taker == start || cameFrom[taker] is not null)
                        continue;
                    cameFrom[taker] = (giver, topic);
                    queue.Enqueue(taker);
                    best = _load[taker] < _load[best] ? taker : best;
                }
            }
        }

        if (_load[best] > _load[start] - 2)
            return null;
        var way = new List<(int From, int Topic, int To)>();
        for (var member = best; member != start; member = way[^1].From)
            way.Add((cameFrom[member]!.Value.Member, cameFrom[member]!.Value.Topic, member));
        return way;
    }

    private void Pass(List<(int From, int Topic, int To)> way)
    {
        foreach ((var from, var topic, var to) in way)
        {
            var partition = Choose(from, topic, to);
            _held[from][topic]!.Remove(partition);
            _load[from]--;
            Take(to, topic, partition);
        }
    }

    /// <summary>
    /// Chooses the partition to move: first one that the receiver had before, because this costs nothing; next one that the giver did not have
    /// before; else the giver's last.
    /// </summary>
    private int Choose(int from, int topic, int to)
    {
        int? foreign = null;
        foreach (var partition in _held[from][topic]!)
        {
            var had = _previous.TryGetValue(new TopicPartition(_topics[topic], partition), out var owner);
            if (had && owner == to)
                return partition;
            if (!had || owner != from)
                foreign = partition;
        }

        return foreign ?? _held[from][topic]!.Max;
    }
}
