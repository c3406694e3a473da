using System.Text.Json.Serialization;

namespace OrleansStream.Groups.State;

/// <summary>A partition of a topic, by the topic's id, because a topic that is deleted and created again has other partitions.</summary>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Partition">The partition's number, from 0.</param>
internal readonly record struct TopicPartition(Guid TopicId, int Partition) : IComparable<TopicPartition>
{
    /// <inheritdoc/>
    public int CompareTo(TopicPartition other)
    {
        var byTopic = TopicId.CompareTo(other.TopicId);
        return byTopic != 0 ? byTopic : Partition.CompareTo(other.Partition);
    }
}

/// <summary>What a group knows of a topic.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Id">Its id.</param>
/// <param name="PartitionCount">The count of its partitions, numbered from 0.</param>
internal sealed record GroupTopic(string Name, Guid Id, int PartitionCount)
{
    /// <summary>
    /// The first partition that is new to the group: one that was added while the group knew the topic, or 0 when members had subscribed to the topic
    /// before it existed. This partition and all after it are read from their start, whatever a member's policy is. Null when no partition is new.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? NewFrom { get; init; }

    /// <summary>Whether a partition is new to the group, and so read from its start.</summary>
    /// <param name="partition">The partition's number.</param>
    public bool IsNew(int partition) => NewFrom is { } first && partition >= first;
}
