using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Reading;

/// <summary>Finds the bounds of partitions' logs, and the offset that belongs to a time. Safe for any thread.</summary>
/// <remarks>Every method throws <see cref="StreamException"/> when the topic or the partition does not exist or does not answer.</remarks>
/// <param name="routes">Routes calls to the topics' partitions.</param>
/// <param name="known">Knows which topics exist.</param>
/// <param name="lost">Repeats reads whose reply was lost.</param>
public sealed class PartitionOffsets(TopicRoutes routes, KnownTopics known, LostReads lost)
{
    /// <summary>Finds the first readable offset.</summary>
    /// <param name="caller">The caller of the request.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="partition">The partition's number.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public Task<long> FindStartAsync(Caller caller, string topic, int partition, CancellationToken cancellationToken) =>
        FindBoundAsync(caller, topic, partition, FetchRequest.Earliest, cancellationToken);

    /// <summary>Finds the offset behind the last durable record.</summary>
    /// <param name="caller">The caller of the request.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="partition">The partition's number.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public Task<long> FindEndAsync(Caller caller, string topic, int partition, CancellationToken cancellationToken) =>
        FindBoundAsync(caller, topic, partition, FetchRequest.Latest, cancellationToken);

    /// <summary>Finds the first record whose timestamp is at or after a time.</summary>
    /// <param name="caller">The caller of the request.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="partition">The partition's number.</param>
    /// <param name="timestampMs">Milliseconds since the Unix epoch.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>The record's offset and timestamp; null when there is no such record.</returns>
    public async Task<(long Offset, long TimestampMs)?> FindAsync(Caller caller, string topic, int partition, long timestampMs,
        CancellationToken cancellationToken)
    {
        await known.RequireAsync(caller, topic, cancellationToken);
        var found = await AskAsync(() => routes.Router(topic).FindOffsetAsync(partition, timestampMs, cancellationToken), cancellationToken);
        if (found.Error is { } error)
            throw new StreamException(error);
        return found.TimestampMs < 0 ? null : (found.Offset, found.TimestampMs);
    }

    private async Task<long> FindBoundAsync(Caller caller, string topic, int partition, long bound, CancellationToken cancellationToken)
    {
        await known.RequireAsync(caller, topic, cancellationToken);
        var request = new FetchRequest(bound, BytesMax: 1, WaitMs: 0);
        var found = await AskAsync(() => routes.FetchAsync(topic, partition, request, cancellationToken), cancellationToken);
        return found.Error is { } error ? throw new StreamException(error) : found.Offset;
    }

    private async ValueTask<T> AskAsync<T>(Func<ValueTask<T>> ask, CancellationToken cancellationToken)
    {
        try
        {
            return await lost.RepeatAsync(ask, cancellationToken);
        }
        catch (Exception exception) when (exception is OrleansException or TimeoutException)
        {
            throw new StreamException(new StreamError(StreamErrorCode.NotLeaderOrFollower, "The partition did not answer."));
        }
    }
}
