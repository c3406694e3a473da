using System.Text;

namespace OrleansStream.Groups.State;

/// <summary>A group's committed offsets. They are bound to topic ids, so a re-created topic starts without any.</summary>
internal sealed class OffsetTable
{
    private readonly SortedDictionary<TopicPartition, CommittedOffset> _offsets = [];

    /// <summary>The count of offsets.</summary>
    public int Count => _offsets.Count;

    /// <summary>The UTF-8 bytes of all metadata.</summary>
    public long MetadataBytes { get; private set; }

    /// <summary>All offsets, by topic id and partition.</summary>
    public IEnumerable<CommittedOffset> All => _offsets.Values;

    /// <summary>The committed offset of a partition, or null.</summary>
    /// <param name="partition">The partition.</param>
    public CommittedOffset? Find(TopicPartition partition) => _offsets.GetValueOrDefault(partition);

    /// <summary>Stores an offset, in place of an earlier one of its partition.</summary>
    /// <param name="offset">The offset.</param>
    public void Set(CommittedOffset offset)
    {
        Remove(offset.Place);
        _offsets[offset.Place] = offset;
        MetadataBytes += Encoding.UTF8.GetByteCount(offset.Metadata);
    }

    /// <summary>Forgets an offset.</summary>
    /// <param name="partition">The offset's partition.</param>
    public void Remove(TopicPartition partition)
    {
        if (_offsets.Remove(partition, out var known))
            MetadataBytes -= Encoding.UTF8.GetByteCount(known.Metadata);
    }

    /// <summary>Forgets the offsets of topics that no longer exist.</summary>
    /// <param name="isThere">Whether a topic exists, by its id.</param>
    public void RemoveTopics(Func<Guid, bool> isThere)
    {
        foreach (var partition in _offsets.Keys.Where(partition => !isThere(partition.TopicId)).ToArray())
            Remove(partition);
    }

    /// <summary>Forgets all offsets.</summary>
    public void Clear()
    {
        _offsets.Clear();
        MetadataBytes = 0;
    }
}
