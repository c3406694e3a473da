namespace OrleansStream.Coordination;

/// <summary>A partition of a topic, by the topic's id: a topic that was deleted and created again has other partitions.</summary>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Partition">The partition's number, from 0.</param>
internal readonly record struct TopicPartition(Guid TopicId, int Partition) : IComparable<TopicPartition>
{
    /// <inheritdoc/>
    public int CompareTo(TopicPartition other)
    {
        int byTopic = TopicId.CompareTo(other.TopicId);
        return byTopic != 0 ? byTopic : Partition.CompareTo(other.Partition);
    }
}

/// <summary>What a group knows of a topic.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Id">Its id.</param>
/// <param name="PartitionCount">The count of its partitions, numbered from 0.</param>
internal sealed record GroupTopic(string Name, Guid Id, int PartitionCount);
