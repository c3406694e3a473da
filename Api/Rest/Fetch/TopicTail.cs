using System.Buffers;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Json;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Fetch;

/// <summary>
/// One live tail: a parked read per partition, and one writer that they take turns at. It holds at most one read's bytes per
/// partition, and a slow client slows the reads. It is bound to the topic's id: of a topic that was deleted and created anew its client is told.
/// </summary>
internal sealed partial class TopicTail(
    IGrainFactory grains, string topic, TimeProvider time, AnswerWriter answer, AnswerLoad load, NodeWaits waits, PayloadViews views, long limit) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly ArrayBufferWriter<byte> _token = new();
    private readonly ITopicRouterGrain _router = grains.GetGrain<ITopicRouterGrain>(topic);
    private Guid _topicId;
    private long[] _positions = [];
    private long _left = limit;
    private int _waitCount;

    /// <summary>Finds where every partition is to be read from; nothing of the answer is sent yet.</summary>
    /// <param name="start">Where to start.</param>
    /// <param name="cancellationToken">Ends the tail.</param>
    /// <exception cref="RequestException">The topic, or one of its partitions, cannot be read.</exception>
    public async Task OpenAsync(TailStart start, CancellationToken cancellationToken)
    {
        TopicDescription description = await _router.DescribeAsync(cancellationToken);
        if (description.Topic is not { } found)
            throw new RequestException(description.Error!);
        _topicId = found.Id;
        _resumed = start.Place;
        if (!TryWaitOn(description.Partitions.Length))
            throw new RequestException(waits.Refusal);
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
        try
        {
            // Tells a client at once that it is connected, and how soon to come back.
            await SendAsync("retry: 1000\n\n"u8.ToArray(), ended.Token);
            await TellOfResumedPlaceAsync(ended.Token);
            while (!ended.IsCancellationRequested)
            {
                await FollowTopicAsync(ended);
                await FindTopicAnewAsync(ended);
            }
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The client has gone, the service stops, or all that was asked for has been sent.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        waits.Return(_waitCount);
        _turn.Dispose();
    }

    /// <summary>Has as many reads wait as the topic has partitions by now; false when the node has no room for them.</summary>
    private bool TryWaitOn(int partitionCount)
    {
        int more = partitionCount - _waitCount;
        if (more > 0 && !waits.TryTake(more))
            return false;
        if (more < 0)
            waits.Return(-more);
        _waitCount = partitionCount;
        return true;
    }

    private async ValueTask<long> StartOfAsync(PartitionDescription partition, TailStart start, CancellationToken cancellationToken)
    {
        if (start.Place is { } place)
        {
            // A partition that the token does not know came into being after it: all its records are new. So are those of another topic.
            bool isOfThisTopic = place.TopicId is null || place.TopicId == _topicId;
            return isOfThisTopic && place.Offsets.TryGetValue(partition.Partition, out long offset) ? offset : 0;
        }

        if (start.TimestampMs is { } timestampMs)
        {
            FindOffsetResponse found = await _router.FindOffsetAsync(partition.Partition, timestampMs, cancellationToken);
            if (found.Error is null && found.TopicId != _topicId)
                throw new RequestException(new StreamError(StreamErrorCode.NotLeaderOrFollower, $"The topic '{topic}' has just been created anew. Try again."));
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

    /// <summary>Follows the topic until it is gone or the tail ends.</summary>
    /// <param name="ended">Ends the tail.</param>
    private async Task FollowTopicAsync(CancellationTokenSource ended)
    {
        if (!TryWaitOn(_positions.Length))
        {
            await FailAsync(waits.Refusal, ended);
            return;
        }

        using var left = CancellationTokenSource.CreateLinkedTokenSource(ended.Token);
        var readers = new List<Task>();
        try
        {
            for (int partition = 0; partition < _positions.Length; partition++)
                readers.Add(FollowAsync(partition, left, ended));
            while (!left.IsCancellationRequested)
            {
                await Task.Delay(ReadingLimits.TailHeartbeat, time, left.Token);
                await SendAsync(": heartbeat\n\n"u8.ToArray(), ended.Token);
                int count = await CountPartitionsAsync(left);
                if (count > readers.Count && !TryWaitOn(count))
                    await FailAsync(waits.Refusal, ended);
                while (readers.Count < count && !left.IsCancellationRequested)
                {
                    await GrowAsync(readers.Count + 1, ended.Token);
                    readers.Add(FollowAsync(readers.Count, left, ended));
                }
            }
        }
        catch (OperationCanceledException) when (left.IsCancellationRequested)
        {
            // As in RunAsync; or a reader has found the topic gone.
        }
        finally
        {
            await left.CancelAsync();
            await Task.WhenAll(readers);
        }
    }

    /// <summary>Follows a partition.</summary>
    /// <param name="partition">Which.</param>
    /// <param name="left">Ends the reads of the topic; the reader that finds it gone cancels it. Not for writes: to cancel one cuts the connection.</param>
    /// <param name="ended">Ends the tail.</param>
    private async Task FollowAsync(int partition, CancellationTokenSource left, CancellationTokenSource ended)
    {
        try
        {
            var outage = new Outage(time);
            while (!left.IsCancellationRequested)
            {
                FetchResponse response = await FetchAsync(partition, left.Token);
                if (response.Error is { } error && error.Code != StreamErrorCode.OffsetOutOfRange)
                {
                    if (IsTopicGone(error))
                        await left.CancelAsync();
                    else if (ErrorMap.Of(error.Code).Retriable)
                        await WaitAsync(partition, error, outage, left.Token, ended.Token);
                    else
                        await FailAsync(error, ended);
                    continue;
                }

                if (response.Error is { } gap)
                    await SkipGapAsync(partition, gap, ended.Token);
                else if (!await SendRecordsAsync(partition, response, ended))
                {
                    await WaitAsync(partition, load.Refusal, outage, left.Token, ended.Token);
                    continue;
                }

                outage.End();
            }
        }
        catch (OperationCanceledException) when (left.IsCancellationRequested)
        {
            // As in FollowTopicAsync.
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
        var request = new FetchRequest(_positions[partition], ReadingLimits.TailFetchBytes, FetchLimits.FetchWaitMsMax) { TopicId = _topicId };
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

    /// <returns>False when the node had no memory for it, or for a part of it: that is read again.</returns>
    private async ValueTask<bool> SendRecordsAsync(int partition, FetchResponse response, CancellationTokenSource ended)
    {
        if (!load.TryTake(response.Batches.Length))
            return false;
        var budget = new UnfoldingBudget(load);
        // What is left when the budget is spent is read again in the next turn.
        var cursor = new BatchCursor(response, budget);
        try
        {
            while (cursor.OpenNext() is { } batch)
                await SendBatchAsync(partition, batch, cursor, ended);
        }
        finally
        {
            load.Return(response.Batches.Length);
        }

        return !budget.IsRefused;
    }

    private async ValueTask SendBatchAsync(int partition, OpenBatch batch, BatchCursor cursor, CancellationTokenSource ended)
    {
        try
        {
            await _turn.WaitAsync(ended.Token);
            try
            {
                await WriteBatchAsync(partition, batch, cursor);
                _positions[partition] = cursor.NextOffset;
                await answer.FlushAsync();
                if (_left == 0)
                    await ended.CancelAsync();
            }
            finally
            {
                _turn.Release();
            }
        }
        finally
        {
            cursor.Close(batch);
        }
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> text, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            answer.WriteText(text.Span);
            await answer.FlushAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    private async ValueTask<int> CountPartitionsAsync(CancellationTokenSource left)
    {
        TopicResponse? response = await AskTopicAsync(left.Token);
        if (response?.Topic is { } found && found.Id == _topicId)
            return found.PartitionCount;
        if (response?.Topic is not null || response?.Error is { } error && IsTopicGone(error))
            await left.CancelAsync();
        return 0;
    }

    /// <summary>The topic that has the name now, or the error that there is none; null when nobody could tell.</summary>
    private async ValueTask<TopicResponse?> AskTopicAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await grains.GetGrain<ITopicGrain>(topic).GetAsync().WaitAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException or StreamException)
        {
            return null;
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
