using System.Buffers;
using System.IO.Pipelines;
using OrleansStream.Api.Errors;
using OrleansStream.Api.Mapping;
using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Topics;

namespace OrleansStream.Api.Endpoints;

/// <summary>
/// One live tail: a parked read per partition, and one writer that they take turns at. It holds at most one read's bytes per
/// partition, and a slow client slows the reads.
/// </summary>
internal sealed partial class TopicTail(
    IGrainFactory grains, string topic, TimeProvider time, PipeWriter output, PayloadViews views, long limit) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly ArrayBufferWriter<byte> _record = new();
    private readonly ArrayBufferWriter<byte> _token = new();
    private readonly ITopicRouterGrain _router = grains.GetGrain<ITopicRouterGrain>(topic);
    private long[] _positions = [];
    private long _left = limit;

    /// <summary>Finds where every partition is to be read from; nothing of the answer is sent yet.</summary>
    /// <param name="start">Where to start.</param>
    /// <param name="cancellationToken">Ends the tail.</param>
    /// <exception cref="RequestException">The topic, or one of its partitions, cannot be read.</exception>
    public async Task OpenAsync(TailStart start, CancellationToken cancellationToken)
    {
        TopicDescription description = await _router.DescribeAsync(cancellationToken);
        if (description.Error is { } error)
            throw new RequestException(error);
        var positions = new long[description.Partitions.Length];
        foreach (PartitionDescription partition in description.Partitions)
            positions[partition.Partition] = await StartOfAsync(partition, start, cancellationToken);
        _positions = positions;
    }

    /// <summary>Sends events until the client or the service ends it, or the limit is reached.</summary>
    /// <param name="cancellationToken">Ends the tail.</param>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var readers = new List<Task>();
        try
        {
            // Tells a client at once that it is connected, and how soon to come back.
            await SendAsync("retry: 1000\n\n"u8.ToArray(), ended.Token);
            for (int partition = 0; partition < _positions.Length; partition++)
                readers.Add(FollowAsync(partition, ended));
            while (!ended.IsCancellationRequested)
            {
                await Task.Delay(Limits.TailHeartbeat, time, ended.Token);
                await SendAsync(": heartbeat\n\n"u8.ToArray(), ended.Token);
                int count = await CountPartitionsAsync(ended);
                while (readers.Count < count)
                {
                    await GrowAsync(readers.Count + 1, ended.Token);
                    readers.Add(FollowAsync(readers.Count, ended));
                }
            }
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The client has gone, the service stops, or all that was asked for has been sent.
        }
        finally
        {
            await ended.CancelAsync();
            await Task.WhenAll(readers);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private async ValueTask<long> StartOfAsync(PartitionDescription partition, TailStart start, CancellationToken cancellationToken)
    {
        if (start.Positions is not null)
        {
            // A partition that the token does not know came into being after it: all its records are new.
            return start.Positions.TryGetValue(partition.Partition, out long position) ? position : 0;
        }

        if (start.TimestampMs is { } timestampMs)
        {
            FindOffsetResponse found = await _router.FindOffsetAsync(partition.Partition, timestampMs, cancellationToken);
            return found.Error is { } fault ? throw new RequestException(fault) : found.Offset;
        }

        if (partition.Error is { } error)
        {
            // From the first offset on is a place whatever the log's state: the others need not wait for it. The end of one that is not
            // open is not known.
            return start.End == FetchRequest.Earliest && ErrorMap.Of(error.Code).Retriable ? 0 : throw new RequestException(error);
        }

        return start.End == FetchRequest.Earliest ? partition.LogStartOffset : partition.HighWatermark;
    }

    private async Task FollowAsync(int partition, CancellationTokenSource ended)
    {
        try
        {
            var outage = new Outage(time);
            while (!ended.IsCancellationRequested)
            {
                FetchResponse response = await FetchAsync(partition, ended.Token);
                if (response.Error is { } error && error.Code != StreamErrorCode.OffsetOutOfRange)
                {
                    if (ErrorMap.Of(error.Code).Retriable)
                        await WaitAsync(partition, error, outage, ended.Token);
                    else
                        await FailAsync(error, ended);
                    continue;
                }

                outage.End();
                if (response.Error is { } gap)
                    await SkipGapAsync(partition, gap, ended.Token);
                else
                    await SendRecordsAsync(partition, response, ended);
            }
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // As in RunAsync.
        }
        catch
        {
            // The connection broke under a write: the other readers must not wait for the next heartbeat to learn it.
            await ended.CancelAsync();
            throw;
        }
    }

    private async ValueTask<FetchResponse> FetchAsync(int partition, CancellationToken cancellationToken)
    {
        var request = new FetchRequest(_positions[partition], Limits.TailFetchBytes, Limits.FetchWaitMsMax);
        try
        {
            return await _router.FetchAsync(partition, request, cancellationToken);
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException)
        {
            var error = new StreamError(StreamErrorCode.NotLeaderOrFollower, exception.Message);
            return new FetchResponse(error, request.Offset, default, -1, -1);
        }
    }

    private async ValueTask SendRecordsAsync(int partition, FetchResponse response, CancellationTokenSource ended)
    {
        // What is left when the budget is spent is read again in the next turn.
        var cursor = new BatchCursor(response, new UnfoldingBudget());
        while (cursor.TryTakeBatch(out ReadOnlyMemory<byte> batch))
        {
            await _turn.WaitAsync(ended.Token);
            try
            {
                WriteBatch(partition, batch.Span, cursor);
                _positions[partition] = cursor.NextOffset;
                await output.FlushAsync(ended.Token);
                if (_left == 0)
                    await ended.CancelAsync();
            }
            finally
            {
                _turn.Release();
            }
        }
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> text, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await output.WriteAsync(text, cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async ValueTask<int> CountPartitionsAsync(CancellationTokenSource ended)
    {
        try
        {
            TopicResponse response = await grains.GetGrain<ITopicGrain>(topic).GetAsync().WaitAsync(ended.Token);
            if (response.Error is { Code: StreamErrorCode.UnknownTopicOrPartition } error)
                await FailAsync(error, ended);
            return response.Topic?.PartitionCount ?? 0;
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException)
        {
            return 0;
        }
    }

    // Readers change their position only in their turn, so that none is lost in the copy.
    private async ValueTask GrowAsync(int count, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            Array.Resize(ref _positions, count);
        }
        finally
        {
            _turn.Release();
        }
    }
}
