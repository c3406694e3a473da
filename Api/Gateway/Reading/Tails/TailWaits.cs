using OrleansStream.Errors;

namespace OrleansStream.Gateway.Reading.Tails;

/// <summary>The reads of one live tail that wait: one for each partition. They go back to the node when it is disposed.</summary>
/// <param name="node">The node's reads that wait.</param>
internal sealed class TailWaits(NodeWaits node) : IDisposable
{
    private int _count;

    /// <summary>Why the tail is refused when there is no room.</summary>
    public StreamError Refusal => node.Refusal;

    /// <summary>Has as many reads wait as the topic has partitions by now.</summary>
    /// <param name="partitionCount">The count of its partitions.</param>
    /// <returns>False when the node has no room for them.</returns>
    public bool TryWaitOn(int partitionCount)
    {
        var more = partitionCount - _count;
        if (more > 0 && !node.TryTake(more))
            return false;
        if (more < 0)
            node.Return(-more);
        _count = partitionCount;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        node.Return(_count);
        _count = 0;
    }
}
