using System.Collections.Concurrent;

namespace OrleansStream.Partitions;

/// <summary>The partitions that this process leads, by key. Safe to call from any thread.</summary>
/// <param name="areFound">False to let every caller go through the grains.</param>
internal sealed class OpenPartitionIndex(bool areFound = true)
{
    private readonly ConcurrentDictionary<PartitionKey, OpenPartition> _partitions = new();

    /// <summary>Lets callers find a partition until it is removed.</summary>
    /// <param name="partition">The partition, whose log is open.</param>
    public void Add(OpenPartition partition) => _partitions[partition.Key] = partition;

    /// <summary>Removes a partition. If another activation has opened it meanwhile, that one stays.</summary>
    /// <param name="partition">The partition.</param>
    public void Remove(OpenPartition partition) => _partitions.TryRemove(KeyValuePair.Create(partition.Key, partition));

    /// <summary>A partition that this process leads; null for any other, and always null when every caller must go through the grains.</summary>
    /// <param name="key">The partition.</param>
    public OpenPartition? Find(PartitionKey key) => areFound ? _partitions.GetValueOrDefault(key) : null;
}
