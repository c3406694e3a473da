using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Routing;
using OrleansStream.Groups;
using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Groups;

/// <summary>
/// Reads partitions for a poll, and counts the memory of what was read. A partition that cannot be read gives an error as its answer, and the others
/// go on.
/// </summary>
/// <param name="routes">The way to the partitions.</param>
/// <param name="load">The memory of the answer.</param>
internal sealed class PartitionFetcher(TopicRoutes routes, AnswerLoad load)
{
    private long _heldBytes;

    /// <summary>The error of a partition that had not answered when the read was cancelled.</summary>
    public static StreamError Ended { get; } = new(StreamErrorCode.RequestTimedOut, "The partition did not answer in time. It is asked again.");

    /// <summary>Reads a partition.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="offset">The offset to read from.</param>
    /// <param name="bytesMax">The most bytes.</param>
    /// <param name="waitMs">How long to wait for a record, in milliseconds.</param>
    /// <param name="cancellationToken">Ends the read; the result is then <see cref="Ended"/>.</param>
    /// <returns>What was read, or the error.</returns>
    public async Task<FetchResponse> FetchAsync(AssignedPartition partition, long offset, int bytesMax, int waitMs,
        CancellationToken cancellationToken)
    {
        var request = new FetchRequest(offset, bytesMax, waitMs) { TopicId = partition.TopicId };
        StreamError failure;
        try
        {
            var response = await routes.FetchAsync(partition.Topic, partition.Partition, request, cancellationToken);
            if (TryHold(response.Batches.Length))
                return response;
            failure = load.Refusal;
        }
        catch (Exception exception) when (LostCalls.IsLost(exception, cancellationToken))
        {
            failure = new StreamError(StreamErrorCode.NotLeaderOrFollower, exception.Message);
        }
        catch (OperationCanceledException)
        {
            failure = Ended;
        }

        return new FetchResponse(failure, offset, default, HighWatermark: -1, LogStartOffset: -1);
    }

    /// <summary>Gives back the memory of what was read, after it was answered or when it is not needed.</summary>
    public void Release() => load.Return(Interlocked.Exchange(ref _heldBytes, 0));

    private bool TryHold(int bytes)
    {
        if (!load.TryTake(bytes))
            return false;
        Interlocked.Add(ref _heldBytes, bytes);
        return true;
    }
}
