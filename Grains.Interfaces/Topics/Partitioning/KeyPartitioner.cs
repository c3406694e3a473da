namespace OrleansStream.Topics.Partitioning;

/// <summary>Chooses a record's partition by its key, as Kafka's default partitioner does.</summary>
/// <remarks>Source: <c>org.apache.kafka.clients.producer.internals.BuiltInPartitioner.partitionForKey</c>.</remarks>
public static class KeyPartitioner
{
    // As Java's Utils.toPositive: the sign bit is dropped. This also works for int.MinValue, which has no absolute value.
    private const int SignlessMask = 0x7fffffff;

    /// <summary>The partition of a key.</summary>
    /// <param name="key">The key's bytes; an empty key is a key.</param>
    /// <param name="partitionCount">The count of the topic's partitions, at least 1.</param>
    public static int Choose(ReadOnlySpan<byte> key, int partitionCount) =>
        (Murmur2.Hash(key) & SignlessMask) % partitionCount;
}
