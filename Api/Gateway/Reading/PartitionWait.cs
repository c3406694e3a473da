using OrleansStream.Errors;
using OrleansStream.Gateway.Routing;
using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Reading;

/// <summary>A wait for the next batch of one partition. It only signals that a batch may have come, and does not return it.</summary>
internal sealed class PartitionWait : IDisposable
{
    private readonly CancellationTokenSource _ended = new();
    private volatile bool _isOver;

    /// <summary>Starts the wait.</summary>
    /// <param name="routes">Routes calls to the topics' partitions.</param>
    /// <param name="waits">The node's bound of waiting reads. The caller has taken one for this wait, which returns it at its end.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="offset">The offset whose record ends the wait.</param>
    /// <param name="before">The partition's last response, without batches.</param>
    /// <param name="woken">Is set when the wait is over.</param>
    public PartitionWait(TopicRoutes routes, NodeWaits waits, PartitionToRead partition, long offset, in FetchResponse before, WakeSignal woken)
    {
        Offset = offset;
        Before = before;
        _ = RunAsync(routes, waits, partition, woken);
    }

    /// <summary>The offset whose record ends the wait.</summary>
    public long Offset { get; }

    /// <summary>The partition's last response before the wait, without batches.</summary>
    public FetchResponse Before { get; }

    /// <summary>True when the wait is over, so the partition must be read again.</summary>
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
                partition.Topic, partition.Partition,
                new FetchRequest(Offset, BytesMax: 1, PartitionLimits.FetchWaitMsMax) { TopicId = partition.TopicId },
                _ended.Token);
        }
        catch (Exception exception) when (LostCalls.IsLost(exception) || exception is StreamException)
        {
            // The next read of the partition returns its error.
        }
        finally
        {
            waits.Return(1);
            _isOver = true;
            woken.Set();
        }
    }
}
