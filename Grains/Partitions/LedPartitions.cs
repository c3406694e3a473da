using System.Collections.Concurrent;

namespace OrleansStream.Partitions;

/// <summary>The partitions that this process leads, by key. Safe to call from any thread.</summary>
/// <param name="areFound">False to have every caller go by the grains.</param>
internal sealed class LedPartitions(bool areFound = true)
{
    private readonly ConcurrentDictionary<PartitionKey, LedPartition> _partitions = new();

    /// <summary>Has a partition found, until it is removed.</summary>
    /// <param name="partition">The partition, whose log is open.</param>
    public void Add(LedPartition partition) => _partitions[partition.Key] = partition;

    /// <summary>Has a partition found no more. One that another activation has opened meanwhile stays.</summary>
    /// <param name="partition">The partition.</param>
    public void Remove(LedPartition partition) => _partitions.TryRemove(KeyValuePair.Create(partition.Key, partition));

    /// <summary>A partition that this process leads; null for any other, and where every caller is to go by the grains.</summary>
    /// <param name="key">The partition.</param>
    public LedPartition? Find(PartitionKey key) => areFound ? _partitions.GetValueOrDefault(key) : null;
}
