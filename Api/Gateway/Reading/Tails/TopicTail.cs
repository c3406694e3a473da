using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Reading.Tails;

/// <summary>
/// One live tail: a waiting read for each partition, and one writer that the reads use in turn. It holds at most one read's bytes for each partition,
/// and a slow client slows the reads. It is bound to the topic's id: when the topic is deleted and created again, the client is told.
/// </summary>
public sealed class TopicTail : IDisposable
{
    private readonly ITopicGrain _topic;
    private readonly TopicRoutes _routes;
    private readonly string _name;
    private readonly Guid _topicId;
    private readonly long[] _positions;
    private readonly TailPlace? _resumed;
    private readonly AnswerLoad _load;
    private readonly TailWaits _waits;
    private readonly TimeProvider _time;
    private readonly Action _release;
    private readonly AccessWatch _watch;

    /// <summary>Makes a tail.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="routes">The way to its partitions.</param>
    /// <param name="name">The topic's name.</param>
    /// <param name="topicId">The topic that has the name.</param>
    /// <param name="positions">The offset from which each partition is read.</param>
    /// <param name="resumed">The place with which the client came back; null when the client is new.</param>
    /// <param name="load">The memory of what is read.</param>
    /// <param name="waits">Its waiting reads, one for each partition that was found.</param>
    /// <param name="time">Times heartbeats and outages.</param>
    /// <param name="release">Called when the tail is disposed.</param>
    /// <param name="watch">Watches the caller's right to read the topic. It is disposed with the tail.</param>
    internal TopicTail(
        ITopicGrain topic, TopicRoutes routes, string name, Guid topicId, long[] positions, TailPlace? resumed, AnswerLoad load, TailWaits waits,
        TimeProvider time, Action release, AccessWatch watch)
    {
        (_topic, _routes, _name, _topicId, _positions) = (topic, routes, name, topicId, positions);
        (_resumed, _load, _waits, _time, _release, _watch) = (resumed, load, waits, time, release, watch);
    }

    /// <summary>Sends events until the client or the service ends the tail, or the limit is reached. Call it once.</summary>
    /// <param name="sink">Takes the events.</param>
    /// <param name="recordsMax">The most records.</param>
    /// <param name="cancellationToken">Ends the tail.</param>
    public async Task RunAsync(ITailSink sink, long recordsMax, CancellationToken cancellationToken)
    {
        using var feed = new TailFeed(sink, _topicId, _positions, recordsMax);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            await feed.SendAsync(static sink => sink.WriteConnected(), ended.Token);
            await TellOfResumedPlaceAsync(feed, ended.Token);
            while (!ended.IsCancellationRequested)
            {
                await FollowTopicAsync(feed, ended);
                if (_watch.Refusal is { } refusal)
                    await FailAsync(feed, refusal, ended);
                await FindTopicAnewAsync(feed, ended);
            }
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The client has gone, the service stops, or all records that the client asked for have been sent.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _watch.Dispose();
        _load.Dispose();
        _waits.Dispose();
        _release();
    }

    private static bool IsTopicGone(StreamError error) =>
        error.Code is StreamErrorCode.UnknownTopicOrPartition or StreamErrorCode.UnknownTopicId;

    /// <summary>Tells a resumed client when its place belongs to a topic that was deleted since, or when that cannot be known.</summary>
    private async ValueTask TellOfResumedPlaceAsync(TailFeed feed, CancellationToken cancellationToken)
    {
        if (_resumed is { TopicId: null })
            await feed.TellUnboundAsync(cancellationToken);
        else if (_resumed is not null && _resumed.TopicId != feed.TopicId)
            await feed.TellRecreatedAsync(_resumed.Offsets.OrderBy(pair => pair.Key), cancellationToken);
    }

    /// <summary>Follows the topic until it is gone or the tail ends.</summary>
    /// <param name="feed">Sends the events.</param>
    /// <param name="ended">Ends the tail.</param>
    private async Task FollowTopicAsync(TailFeed feed, CancellationTokenSource ended)
    {
        if (!_waits.TryWaitOn(feed.PartitionCount))
        {
            await FailAsync(feed, _waits.Refusal, ended);
            return;
        }

        using var left = CancellationTokenSource.CreateLinkedTokenSource(ended.Token, _watch.Token);
        var readers = new List<Task>();
        try
        {
            for (var partition = 0; partition < feed.PartitionCount; partition++)
                readers.Add(FollowAsync(feed, partition, left, ended));
            while (!left.IsCancellationRequested)
            {
                await Task.Delay(ReadingLimits.TailHeartbeat, _time, left.Token);
                await feed.SendAsync(static sink => sink.WriteHeartbeat(), ended.Token);
                var count = await CountPartitionsAsync(feed.TopicId, left);
                if (count > readers.Count && !_waits.TryWaitOn(count))
                    await FailAsync(feed, _waits.Refusal, ended);
                while (readers.Count < count && !left.IsCancellationRequested)
                {
                    await feed.GrowAsync(readers.Count + 1, ended.Token);
                    readers.Add(FollowAsync(feed, readers.Count, left, ended));
                }
            }
        }
        catch (OperationCanceledException) when (left.IsCancellationRequested)
        {
            // As in RunAsync, or a reader has found that the topic is gone.
        }
        finally
        {
            await left.CancelAsync();
            await Task.WhenAll(readers);
        }
    }

    /// <summary>Follows a partition.</summary>
    /// <param name="feed">Sends the events.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="left">
    /// Ends the reads of the topic. The reader that finds the topic gone cancels it. Writes do not use it, because cancelling a write cuts the
    /// connection.
    /// </param>
    /// <param name="ended">Ends the tail.</param>
    private async Task FollowAsync(TailFeed feed, int partition, CancellationTokenSource left, CancellationTokenSource ended)
    {
        try
        {
            var outage = new PartitionOutage(_time);
            while (!left.IsCancellationRequested)
            {
                var response = await FetchAsync(feed, partition, left.Token);
                if (response.Error is { } error && error.Code != StreamErrorCode.OffsetOutOfRange)
                {
                    if (IsTopicGone(error))
                        await left.CancelAsync();
                    else if (error.Code.IsRetriable())
                        await WaitAsync(feed, partition, error, outage, left.Token, ended.Token);
                    else
                        await FailAsync(feed, error, ended);
                    continue;
                }

                if (response.Error is { } gap)
                {
                    await feed.SkipGapAsync(partition, gap, ended.Token);
                }
                else if (!await SendRecordsAsync(feed, partition, response, ended))
                {
                    await WaitAsync(feed, partition, _load.Refusal, outage, left.Token, ended.Token);
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
            // The connection broke during a write. Without this the other readers would learn it only at the next heartbeat.
            await ended.CancelAsync();
            throw;
        }
    }

    private async ValueTask<FetchResponse> FetchAsync(TailFeed feed, int partition, CancellationToken cancellationToken)
    {
        var request =
            new FetchRequest(feed.PositionOf(partition), ReadingLimits.TailFetchBytes, PartitionLimits.FetchWaitMsMax) { TopicId = feed.TopicId };
        try
        {
            var response = await _routes.FetchAsync(_name, partition, request, cancellationToken);
            _watch.ThrowIfRefused();
            return response;
        }
        catch (StreamException refused)
        {
            return new FetchResponse(refused.Error, request.Offset, default, -1, -1);
        }
        catch (Exception exception) when (LostCalls.IsLost(exception, cancellationToken))
        {
            var error = new StreamError(StreamErrorCode.NotLeaderOrFollower, exception.Message);
            return new FetchResponse(error, request.Offset, default, -1, -1);
        }
    }

    /// <returns>False when the node had no memory for the records, or for some of them. They are then read again.</returns>
    private async ValueTask<bool> SendRecordsAsync(TailFeed feed, int partition, FetchResponse response, CancellationTokenSource ended)
    {
        if (!_load.TryTake(response.Batches.Length))
            return false;
        var budget = new UnfoldingBudget(_load);
        // Records that are left when the budget is spent are read again in the next turn.
        var cursor = new BatchCursor(response, budget);
        try
        {
            while (cursor.OpenNext() is { } batch)
                await SendBatchAsync(feed, partition, batch, cursor, ended);
        }
        finally
        {
            _load.Return(response.Batches.Length);
        }

        return !budget.IsRefused;
    }

    private static async ValueTask SendBatchAsync(TailFeed feed, int partition, OpenBatch batch, BatchCursor cursor, CancellationTokenSource ended)
    {
        try
        {
            await feed.SendRecordsAsync(partition, batch, cursor, ended);
        }
        finally
        {
            cursor.Close(batch);
        }
    }

    /// <summary>
    /// Pauses after a failed read of a partition, before the next read. The client is not told about a partition that is moving, because that takes
    /// only a moment. It is told once when the partition needs an operator or stays unavailable. The other partitions go on.
    /// </summary>
    private async ValueTask WaitAsync(
        TailFeed feed, int partition, StreamError error, PartitionOutage outage, CancellationToken left, CancellationToken ended)
    {
        var needsOperator = error.Code == StreamErrorCode.PartitionOffline || error.Damage is not null;
        if (outage.IsToBeTold(needsOperator))
            await feed.SendAsync(sink => sink.WriteUnavailable(partition, feed.PositionOf(partition), error), ended);
        await Task.Delay(ReadingLimits.TailRetry, _time, left);
    }

    private static async ValueTask FailAsync(TailFeed feed, StreamError error, CancellationTokenSource ended)
    {
        try
        {
            await feed.SendAsync(sink => sink.WriteError(error), ended.Token);
        }
        catch (OperationCanceledException)
        {
            // Another reader failed first, and the stream is ending.
        }

        await ended.CancelAsync();
    }

    private async ValueTask<int> CountPartitionsAsync(Guid topicId, CancellationTokenSource left)
    {
        var response = await AskTopicAsync(left.Token);
        if (response?.Topic is { } found && found.Id == topicId)
            return found.PartitionCount;
        if (response?.Topic is not null || response?.Error is { } error && IsTopicGone(error))
            await left.CancelAsync();
        return 0;
    }

    /// <summary>Goes on at the start of the topic that has the name now; ends the tail when there is none.</summary>
    private async ValueTask FindTopicAnewAsync(TailFeed feed, CancellationTokenSource ended)
    {
        var response = await AskTopicAsync(ended.Token);
        if (response?.Error is { } error && !error.Code.IsRetriable())
            await FailAsync(feed, error, ended);
        else if (response?.Topic is { } found && found.Id != feed.TopicId)
            await feed.RestartAsync(found.Id, found.PartitionCount, ended.Token);
        else
            // A part of the cluster does not know yet whether the topic is gone.
            await Task.Delay(ReadingLimits.TailRetry, _time, ended.Token);
    }

    /// <summary>The topic that has the name now, or the error that there is none; null when no answer came.</summary>
    private async ValueTask<TopicResponse?> AskTopicAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _topic.GetAsync().WaitAsync(cancellationToken);
        }
        catch (Exception exception) when (LostCalls.IsLost(exception, cancellationToken) || exception is StreamException)
        {
            return null;
        }
    }
}
