using System.Text.Json.Serialization;

namespace OrleansStream.Groups.State;

/// <summary>A partition of a topic, by the topic's id: a topic that was deleted and created again has other partitions.</summary>
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
    /// The first partition that was added while the group knew the topic, 0 when the whole topic came while members asked for it: it and
    /// all behind it are read from their start, whatever a member's policy. Null when there is none.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? NewFrom { get; init; }

    /// <summary>True for a partition that is read from its start, since it came after the group did.</summary>
    /// <param name="partition">The partition's number.</param>
    public bool IsNew(int partition) => NewFrom is { } first && partition >= first;
}
