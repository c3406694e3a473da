using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Partitions;
using OrleansStream.Records;

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
    public Task<FoundOffset> FindStartAsync(Caller caller, string topic, int partition, CancellationToken cancellationToken) =>
        FindBoundAsync(caller, topic, partition, FetchRequest.Earliest, cancellationToken);

    /// <summary>Finds the offset behind the last durable record.</summary>
    /// <param name="caller">The caller of the request.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="partition">The partition's number.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public Task<FoundOffset> FindEndAsync(Caller caller, string topic, int partition, CancellationToken cancellationToken) =>
        FindBoundAsync(caller, topic, partition, FetchRequest.Latest, cancellationToken);

    /// <summary>Finds the first record whose timestamp is at or after a time.</summary>
    /// <param name="caller">The caller of the request.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="partition">The partition's number.</param>
    /// <param name="timestampMs">Milliseconds since the Unix epoch, or <see cref="FindOffsetResponse.MaxTimestamp"/>.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>The record's offset and timestamp, or neither when there is no such record.</returns>
    public async Task<FoundOffset> FindAsync(
        Caller caller, string topic, int partition, long timestampMs, CancellationToken cancellationToken)
    {
        await known.RequireAsync(caller, topic, cancellationToken);
        var found = await AskAsync(() => routes.Router(topic).FindOffsetAsync(partition, timestampMs, cancellationToken), cancellationToken);
        if (found.Error is { } error)
            throw new StreamException(error);
        return found.TimestampMs < 0
            ? FoundOffset.None with { LeaderEpoch = found.LeaderEpoch }
            : new FoundOffset(found.Offset, found.TimestampMs, found.Epoch, found.LeaderEpoch);
    }

    /// <summary>Finds where the batches end that the leader of an epoch stored.</summary>
    /// <param name="caller">The caller of the request.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="partition">The partition's number.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public async Task<EpochEndResponse> FindEpochEndAsync(Caller caller, string topic, int partition, int epoch, CancellationToken cancellationToken)
    {
        await known.RequireAsync(caller, topic, cancellationToken);
        var found = await AskAsync(() => routes.Router(topic).FindEpochEndAsync(partition, epoch, cancellationToken), cancellationToken);
        return found.Error is { } error ? throw new StreamException(error) : found;
    }

    private async Task<FoundOffset> FindBoundAsync(Caller caller, string topic, int partition, long bound, CancellationToken cancellationToken)
    {
        await known.RequireAsync(caller, topic, cancellationToken);
        var request = new FetchRequest(bound, BytesMax: 1, WaitMs: 0);
        var found = await AskAsync(() => routes.FetchAsync(topic, partition, request, cancellationToken), cancellationToken);
        if (found.Error is { } error)
            throw new StreamException(error);
        // At the start the first batch came along; the end is the leader's own.
        var epoch = RecordBatchHeader.TryRead(found.Batches.Span, out var first) ? first.PartitionLeaderEpoch : found.LeaderEpoch;
        return new FoundOffset(found.Offset, TimestampMs: -1, epoch, found.LeaderEpoch);
    }

    private async ValueTask<T> AskAsync<T>(Func<ValueTask<T>> ask, CancellationToken cancellationToken)
    {
        try
        {
            return await lost.RepeatAsync(ask, cancellationToken);
        }
        catch (Exception exception) when (LostCalls.IsLost(exception, cancellationToken))
        {
            throw new StreamException(new StreamError(StreamErrorCode.NotLeaderOrFollower, "The partition did not answer."));
        }
    }
}

/// <summary>An offset that was found.</summary>
/// <param name="Offset">The offset, or -1.</param>
/// <param name="TimestampMs">The record's timestamp; -1 for a bound of the log.</param>
/// <param name="Epoch">The epoch of the leader that stored what is there; 0 when it is not known.</param>
/// <param name="LeaderEpoch">The epoch of the leader that answered; 0 when it is not known.</param>
public readonly record struct FoundOffset(long Offset, long TimestampMs, int Epoch, int LeaderEpoch)
{
    /// <summary>No such record.</summary>
    public static readonly FoundOffset None = new(-1, -1, 0, 0);
}
