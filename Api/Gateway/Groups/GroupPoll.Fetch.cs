using OrleansStream.Errors;
using OrleansStream.Groups;
using OrleansStream.Partitions;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Gateway.Groups;

/// <summary>The records of a poll: straight from the partitions, all at once.</summary>
public sealed partial class GroupPoll
{
    private long _heldBytes;

    /// <summary>
    /// Takes what is there without waiting, some partitions at a time until the answer is full, from a random one on: so each
    /// gets its turn, and a partition that does not answer holds up the others for a moment only.
    /// </summary>
    private async Task FetchAvailableAsync(CancellationToken cancellationToken)
    {
        await FetchHeldAsync(cancellationToken);
        PolledPartition[] readable = [.. Partitions.Where(IsReadable)];
        if (readable.Length == 0)
            return;
        int first = Random.Shared.Next(readable.Length);
        PolledPartition[] inTurn = [.. readable[first..], .. readable[..first]];
        int share = Math.Max(1, options.BytesMax / Math.Min(inTurn.Length, PollLimits.PollFetchesAtOnce));
        int gathered = 0;
        foreach (PolledPartition[] some in inTurn.Chunk(PollLimits.PollFetchesAtOnce))
        {
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            Task all = Task.WhenAll(some.Select(partition => FetchAsync(partition, share, waitMs: 0, isTimed: true, ended.Token)));
            await Task.WhenAny(all, Task.Delay(PollLimits.PollGatherMax, time, ended.Token));
            await ended.CancelAsync();
            await all;
            cancellationToken.ThrowIfCancellationRequested();
            gathered += some.Sum(partition => partition.Fetched?.Batches.Length ?? 0);
            if (gathered >= options.BytesMax)
                return;
        }
    }

    /// <summary>Waits on all partitions and on the group at once.</summary>
    /// <param name="leftMs">How long, in milliseconds; the lease is renewed more often.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>True when the group moves partitions, or the member is gone.</returns>
    private async Task<bool> ParkAsync(long leftMs, CancellationToken cancellationToken)
    {
        int sliceMs = (int)Math.Min(Math.Min(leftMs, GroupLimits.WaitMsMax), options.LeaseMs / PollLimits.PollRenewalsPerLease);
        if (Partitions.Any(partition => partition.Error is not null))
            sliceMs = Math.Min(sliceMs, PollLimits.PollRetryMs);
        if (NextDueMs is { } dueMs)
            sliceMs = (int)Math.Clamp(dueMs - NowMs, 1, sliceMs);
        PolledPartition[] readable = [.. Partitions.Where(IsReadable)];
        int count = waits.TakeUpTo(readable.Length);
        try
        {
            // The others are asked when this wait is over.
            if (count < readable.Length)
                sliceMs = Math.Min(sliceMs, PollLimits.PollRetryMs);
            return await ParkAsync(readable[..count], sliceMs, cancellationToken);
        }
        finally
        {
            waits.Return(count);
        }
    }

    private async Task<bool> ParkAsync(PolledPartition[] partitions, int sliceMs, CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<GroupWaitResponse?> news = WaitForNewsAsync(sliceMs, ended.Token);
        Task[] all = [news, .. partitions.Select(partition => FetchAsync(partition, options.BytesMax, sliceMs, isTimed: false, ended.Token))];
        var open = all.ToList();
        long dueBefore = NextDueMs ?? long.MaxValue;
        // A record that has just come to wait, and is due before this wait is over, asks for a shorter one.
        while (!news.IsCompleted && !HasRecords && (NextDueMs ?? long.MaxValue) >= dueBefore && open.All(wait => !wait.IsFaulted))
            open.Remove(await Task.WhenAny(open));
        await ended.CancelAsync();
        await Task.WhenAll(all);
        cancellationToken.ThrowIfCancellationRequested();
        if (await news is not { } told)
            return false;
        Renewed(told.LeaseLeftMs);
        _gone = told.Error;
        return told.HasNews;
    }

    private async Task<GroupWaitResponse?> WaitForNewsAsync(int waitMs, CancellationToken cancellationToken)
    {
        try
        {
            return await _group.WaitAsync(member, _token, waitMs, cancellationToken)
                .WaitAsync(TimeSpan.FromMilliseconds(waitMs) + PollLimits.PollAskMax, time, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception exception) when (IsMoving(exception) && !cancellationToken.IsCancellationRequested)
        {
            // The group is moving. Records can be read meanwhile; a moment later it is asked again.
            await Task.Delay(PollLimits.PollMoveRetry, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return null;
        }
    }

    /// <summary>Reads one partition. That it cannot be read is its own state: the others go on.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="bytesMax">The most bytes.</param>
    /// <param name="waitMs">How long to wait for a record.</param>
    /// <param name="isTimed">True when it is ended for not having answered, false when it is ended for being no longer of use.</param>
    /// <param name="cancellationToken">Ends it.</param>
    private async Task FetchAsync(
        PolledPartition partition, int bytesMax, int waitMs, bool isTimed, CancellationToken cancellationToken)
    {
        FetchResponse response = await CallAsync(partition, partition.Position, bytesMax, waitMs, cancellationToken);
        if (response.Error is { Code: StreamErrorCode.OffsetOutOfRange } error)
        {
            Reset(partition, error);
            response = await CallAsync(partition, partition.Position, bytesMax, waitMs: 0, cancellationToken);
        }

        if (response.Error is null)
        {
            ends.Saw(partition.Assigned.TopicId, partition.Assigned.Partition, response.HighWatermark);
            partition.Take(response, NowMs);
            await CheckCommittedAsync(partition, cancellationToken);
        }
        else if (isTimed || response.Error != Ended)
            partition.Error = response.Error;
    }

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>When the next record is due of those that wait, in milliseconds since the Unix epoch; null when none waits.</summary>
    private long? NextDueMs => Partitions.SelectMany(partition => new[] { partition.DueMs, partition.Held.NextDueMs(NowMs) ?? 0 })
        .Where(dueMs => dueMs > NowMs).Min(dueMs => (long?)dueMs);

    private bool IsReadable(PolledPartition partition) => partition.Position != PolledPartition.Unknown && partition.DueMs <= NowMs && partition.Held.HasRoom;

    private static StreamError Ended { get; } = new(StreamErrorCode.RequestTimedOut, "The partition did not answer in time. It is asked again.");

    private async Task<FetchResponse> CallAsync(
        PolledPartition partition, long offset, int bytesMax, int waitMs, CancellationToken cancellationToken)
    {
        var request = new FetchRequest(offset, bytesMax, waitMs) { TopicId = partition.Assigned.TopicId };
        StreamError failure;
        try
        {
            FetchResponse response = await grains.GetGrain<ITopicRouterGrain>(partition.Assigned.Topic)
                .FetchAsync(partition.Assigned.Partition, request, cancellationToken);
            if (TryHold(response.Batches.Length))
                return response;
            failure = load.Refusal;
        }
        catch (OperationCanceledException)
        {
            failure = Ended;
        }
        catch (Exception exception) when (exception is TimeoutException or OrleansException)
        {
            failure = new StreamError(StreamErrorCode.NotLeaderOrFollower, exception.Message);
        }

        return new FetchResponse(failure, offset, default, HighWatermark: -1, LogStartOffset: -1);
    }

    private bool TryHold(int bytes)
    {
        if (!load.TryTake(bytes))
            return false;
        Interlocked.Add(ref _heldBytes, bytes);
        return true;
    }

    /// <summary>Gives back the memory of what was read: it has been answered, or is of no use.</summary>
    private void Release() => load.Return(Interlocked.Exchange(ref _heldBytes, 0));
}
