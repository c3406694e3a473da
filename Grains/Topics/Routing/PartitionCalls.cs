using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.Partitions;

namespace OrleansStream.Topics.Routing;

/// <summary>
/// The calls to partitions other than appends: a partition that this process leads is read from directly, any other through its grain. Failures are
/// made into errors, and a call is tried again when a silo has gone: repeating it is harmless. Safe to call from any thread.
/// </summary>
/// <param name="partitions">Reaches the partitions' grains.</param>
/// <param name="led">The partitions that this process leads.</param>
/// <param name="time">Times waits, and the pauses between tries.</param>
/// <param name="logger">Logs failures that nobody foresaw.</param>
internal sealed class PartitionCalls(GrainLookup<IPartitionGrain> partitions, OpenPartitionIndex led, TimeProvider time, ILogger logger)
{
    private const long None = -1;

    private static readonly TimeSpan LocalFetchTimeout =
        TimeSpan.Parse(PartitionLimits.FetchTimeout, System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Reads from a partition.</summary>
    /// <param name="key">The partition.</param>
    /// <param name="request">What to read.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<FetchResponse> FetchAsync(PartitionKey key, FetchRequest request, CancellationToken cancellationToken) =>
        led.Find(key) is { } here ? FetchHereAsync(here, request, cancellationToken) : FetchByGrainAsync(key, request, cancellationToken);

    private async ValueTask<FetchResponse> FetchHereAsync(OpenPartition here, FetchRequest request, CancellationToken cancellationToken)
    {
        try
        {
            var fetch = here.FetchAsync(request, cancellationToken);
            // A call to a grain has an end by itself.
            var response = fetch.IsCompleted ? await fetch : await fetch.AsTask().WaitAsync(LocalFetchTimeout, time, cancellationToken);
            // It is leaving: its grain finds it where it goes.
            return response.Error is { Code: StreamErrorCode.NotLeaderOrFollower }
                ? await FetchByGrainAsync(here.Key, request, cancellationToken)
                : response;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // As a call to a grain that is given up: its caller knows why.
            throw;
        }
        catch (Exception e)
        {
            return new FetchResponse(PartitionErrors.Explain(e, isWrite: false, logger), request.Offset, default, None, None);
        }
    }

    private ValueTask<FetchResponse> FetchByGrainAsync(PartitionKey key, FetchRequest request, CancellationToken cancellationToken) => TryAsync(
        token => Partition(key).FetchAsync(request, token),
        response => response.Error,
        error => new FetchResponse(error, request.Offset, default, None, None),
        cancellationToken);

    /// <summary>Finds the offset of a time in a partition.</summary>
    /// <param name="key">The partition.</param>
    /// <param name="timestampMs">Milliseconds since the Unix epoch.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    public ValueTask<FindOffsetResponse> FindOffsetAsync(PartitionKey key, long timestampMs, CancellationToken cancellationToken) => TryAsync(
        token => Partition(key).FindOffsetAsync(timestampMs, token),
        response => response.Error,
        error => new FindOffsetResponse(error, None, None),
        cancellationToken);

    /// <summary>Finds where the batches of a partition end that the leader of an epoch stored.</summary>
    /// <param name="key">The partition.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    public ValueTask<EpochEndResponse> FindEpochEndAsync(PartitionKey key, int epoch, CancellationToken cancellationToken) => TryAsync(
        token => Partition(key).FindEpochEndAsync(epoch, token),
        response => response.Error,
        error => new EpochEndResponse(error, -1, None, LeaderEpoch: 0),
        cancellationToken);

    /// <summary>Deletes the records of a partition below an offset. Repeating it is harmless, so it is tried again as a read is.</summary>
    /// <param name="key">The partition.</param>
    /// <param name="beforeOffset">The new log start offset; -1 for the high watermark.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    public ValueTask<PartitionDescription> DeleteRecordsAsync(
        PartitionKey key, long beforeOffset, CancellationToken cancellationToken) => TryAsync(
        token => Partition(key).DeleteRecordsAsync(beforeOffset, token),
        response => response.Error,
        error => PartitionConversions.Unavailable(key.Partition, error with { OutcomeUnknown = true }),
        cancellationToken);

    /// <summary>Describes a partition.</summary>
    /// <param name="key">The partition.</param>
    public ValueTask<PartitionDescription> DescribeAsync(PartitionKey key) => TryAsync(
        _ => Partition(key).DescribeAsync(),
        response => response.Error,
        error => PartitionConversions.Unavailable(key.Partition, error),
        CancellationToken.None);

    private async ValueTask<T> TryAsync<T>(
        Func<CancellationToken, ValueTask<T>> call, Func<T, StreamError?> errorOf, Func<StreamError, T> fail,
        CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var mayRetry = attempt < TopicGrainLimits.AttemptsMax;
            try
            {
                var response = await call(cancellationToken);
                if (!mayRetry || errorOf(response) is not { Code: StreamErrorCode.NotLeaderOrFollower })
                    return response;
            }
            catch (Exception e) when (mayRetry && e is not TimeoutException && LostCalls.IsLost(e, cancellationToken))
            {
                // Its silo has just gone, and another takes the partition over.
            }
            catch (Exception e)
            {
                return fail(PartitionErrors.Explain(e, isWrite: false, logger));
            }

            try
            {
                await Task.Delay(TopicGrainLimits.RetryPause, time, cancellationToken);
            }
            catch (OperationCanceledException e)
            {
                return fail(PartitionErrors.Explain(e, isWrite: false, logger));
            }
        }
    }

    private IPartitionGrain Partition(PartitionKey key) => partitions.Get(key.ToString());
}
