using OrleansStream.Errors;
using OrleansStream.Gateway.Routing;
using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Reading;

/// <summary>A read that waits at one partition for what comes next. It tells that something may have come, and gives nothing of it: that is read then.</summary>
internal sealed class PartitionWait : IDisposable
{
    private readonly CancellationTokenSource _ended = new();
    private volatile bool _isOver;

    /// <summary>Begins to wait.</summary>
    /// <param name="routes">The way to the topics.</param>
    /// <param name="waits">The node's reads that wait; one was taken for this.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="offset">The first offset that is waited for.</param>
    /// <param name="before">What the partition answered when it had nothing.</param>
    /// <param name="woken">Told when the wait is over.</param>
    public PartitionWait(TopicRoutes routes, NodeWaits waits, PartitionToRead partition, long offset, in FetchResponse before, WakeSignal woken)
    {
        Offset = offset;
        Before = before;
        _ = RunAsync(routes, waits, partition, woken);
    }

    /// <summary>The first offset that is waited for.</summary>
    public long Offset { get; }

    /// <summary>What the partition answered when it had nothing.</summary>
    public FetchResponse Before { get; }

    /// <summary>True when the partition is to be read again.</summary>
    public bool IsOver => _isOver;

    /// <inheritdoc/>
    public void Dispose()
    {
        _ended.Cancel();
        _ended.Dispose();
    }

    private async Task RunAsync(TopicRoutes routes, NodeWaits waits, PartitionToRead partition, WakeSignal woken)
    {
        try
        {
            await routes.FetchAsync(
                partition.Topic, partition.Partition, new FetchRequest(Offset, BytesMax: 1, PartitionLimits.FetchWaitMsMax) { TopicId = partition.TopicId },
                _ended.Token);
        }
        catch (Exception exception) when (exception is OperationCanceledException or OrleansException or TimeoutException or StreamException)
        {
            // Whoever reads the partition next finds out what is the matter with it.
        }
        finally
        {
            waits.Return(1);
            _isOver = true;
            woken.Set();
        }
    }
}
