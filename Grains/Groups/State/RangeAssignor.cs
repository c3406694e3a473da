namespace OrleansStream.Groups.State;

/// <summary>
/// Gives neighbouring partitions to the same member, topic by topic, as Kafka's <c>RangeAssignor</c> does. Topics with the same count of partitions
/// and the same subscribers are split in the same way, so that their records can be joined by key.
/// </summary>
internal sealed class RangeAssignor : IAssignor
{
    /// <inheritdoc/>
    public string Name => "range";

    /// <inheritdoc/>
    public IReadOnlyList<PartitionSet> Assign(
        IReadOnlyList<AssignorMember> members, IReadOnlyDictionary<Guid, int> partitionCounts)
    {
        List<TopicPartition>[] assigned = [.. members.Select(_ => new List<TopicPartition>())];
        foreach ((var topic, var count) in partitionCounts)
        {
            int[] subscribers = [.. Enumerable.Range(0, members.Count).Where(i => members[i].Topics.Contains(topic))];
            for (int i = 0, next = 0; i < subscribers.Length; i++)
            {
                var share = count / subscribers.Length + (i < count % subscribers.Length ? 1 : 0);
                assigned[subscribers[i]].AddRange(Enumerable.Range(next, share).Select(p => new TopicPartition(topic, p)));
                next += share;
            }
        }

        return [.. assigned.Select(PartitionSet.Of)];
    }
}
