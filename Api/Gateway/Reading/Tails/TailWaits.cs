using OrleansStream.Errors;

namespace OrleansStream.Gateway.Reading.Tails;

/// <summary>The waiting reads of one live tail, one for each partition. Disposing gives them back to the node.</summary>
/// <param name="node">The node's reads that wait.</param>
internal sealed class TailWaits(NodeWaits node) : IDisposable
{
    private int _count;

    /// <summary>The error when the node has no room for them.</summary>
    public StreamError Refusal => node.Refusal;

    /// <summary>Takes as many waiting reads as the topic has partitions now.</summary>
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
