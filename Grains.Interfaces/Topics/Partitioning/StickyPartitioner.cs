namespace OrleansStream.Topics.Partitioning;

/// <summary>
/// Chooses partitions for records without a key. A whole batch gets one partition, so that batches stay large; the next batch gets the next
/// partition, so that all partitions get their share (KIP-480).
/// </summary>
/// <remarks>Safe to call from any thread. Each router has its own instance, with its own first partition.</remarks>
/// <param name="start">The first partition in turn; any number that is not negative.</param>
public sealed class StickyPartitioner(int start)
{
    private uint _turn = (uint)start - 1;

    /// <summary>The partition of the next batch.</summary>
    /// <param name="partitionCount">The count of the topic's partitions, at least 1; it may grow from call to call.</param>
    public int Next(int partitionCount) => (int)(Interlocked.Increment(ref _turn) % (uint)partitionCount);
}
