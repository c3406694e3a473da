using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Partitions;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Reading;

/// <summary>Reads the records of partitions. Safe to call from any thread.</summary>
/// <param name="access">Checks callers' rights.</param>
/// <param name="routes">The way to the topics.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="waits">The node's reads that wait.</param>
/// <param name="lost">Repeats lost reads.</param>
public sealed class PartitionReader(AccessControl access, TopicRoutes routes, NodeAnswers node, NodeWaits waits, LostReads lost)
{
    /// <summary>Reads a partition for one answer. A read whose server died is repeated.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="partition">The partition's number.</param>
    /// <param name="start">The place to start at.</param>
    /// <param name="bytesMax">The most bytes of batches. The first batch is returned even if it is larger.</param>
    /// <param name="waitMs">How long to wait for a record when there is none yet, in milliseconds.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What was read. It holds memory of the node until it is disposed.</returns>
    /// <exception cref="StreamException">
    /// The partition cannot be read from there, or the node has no memory for what was read, or no room for another waiting read.
    /// </exception>
    /// <exception cref="OrleansException">The call was lost each time.</exception>
    /// <exception cref="TimeoutException">No answer came in time.</exception>
    public async ValueTask<PartitionRead> ReadAsync(
        Caller caller, string topic, int partition, ReadStart start, int bytesMax, int waitMs, CancellationToken cancellationToken)
    {
        access.DemandTopic(caller, AccessOperations.Read, topic);
        var response = await (waitMs == 0 ? lost.RepeatAsync(() => ReadOnceAsync(cancellationToken), cancellationToken) : ReadWatchedAsync());
        return response.Error is { } error ? throw new StreamException(error) : new PartitionRead(partition, response, node);

        async ValueTask<FetchResponse> ReadWatchedAsync()
        {
            using var watch = access.WatchTopic(caller, AccessOperations.Read, topic, cancellationToken, nameof(ReadAsync));
            return await watch.RunAsync(ended => lost.RepeatAsync(() => ReadOnceAsync(ended), ended));
        }

        async ValueTask<FetchResponse> ReadOnceAsync(CancellationToken ended)
        {
            (var offset, var topicId) = await FindStartAsync(topic, partition, start, ended);
            var request = new FetchRequest(offset, bytesMax, waitMs) { TopicId = topicId };
            return await (waitMs == 0 ? routes.FetchAsync(topic, partition, request, ended) : WaitAsync(topic, partition, request, ended));
        }
    }

    private async ValueTask<FetchResponse> WaitAsync(string topic, int partition, FetchRequest request, CancellationToken cancellationToken)
    {
        if (!waits.TryTake(1))
            throw new StreamException(waits.Refusal);
        try
        {
            return await routes.FetchAsync(topic, partition, request, cancellationToken);
        }
        finally
        {
            waits.Return(1);
        }
    }

    /// <returns>The offset, and the topic to which it belongs; null for the topic that has the name.</returns>
    private async ValueTask<(long Offset, Guid? TopicId)> FindStartAsync(
        string topic, int partition, ReadStart start, CancellationToken cancellationToken)
    {
        if (start.TimestampMs is not { } timestampMs)
            return (start.Offset, start.TopicId);
        var found = await routes.Router(topic).FindOffsetAsync(partition, timestampMs, cancellationToken);
        return found.Error is { } error ? throw new StreamException(error) : (found.Offset, start.TopicId ?? found.TopicId);
    }
}
