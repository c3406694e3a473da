using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Groups;
using OrleansStream.Randomness;

namespace OrleansStream.Gateway.Groups;

/// <summary>The partitions that a member has during a poll. It reads them directly from their leaders, all at once.</summary>
/// <param name="fetcher">Reads partitions.</param>
/// <param name="positions">Finds where reading starts and goes on.</param>
/// <param name="ends">Remembers how far logs reach.</param>
/// <param name="waits">The node's reads that wait.</param>
/// <param name="time">Times waits, and tells when a failed record is due.</param>
/// <param name="random">Chooses the partition that is read first.</param>
/// <param name="group">The group.</param>
/// <param name="bytesMax">The most bytes to read for an answer.</param>
internal sealed class PolledPartitions(
    PartitionFetcher fetcher, PollPositions positions, LogEnds ends, NodeWaits waits, TimeProvider time, RandomSource random, string group,
    int bytesMax)
{
    /// <summary>The partitions, by topic and number.</summary>
    public IReadOnlyList<PolledPartition> All { get; private set; } = [];

    /// <summary>True when there are records for the answer.</summary>
    public bool HasRecords => All.Any(partition => partition.HasRecords);

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>When the next waiting record is due, in milliseconds since the Unix epoch; null when none waits.</summary>
    private long? NextDueMs => All.SelectMany(partition => new[] { partition.DueMs, partition.Held.NextDueMs(NowMs) ?? 0 })
        .Where(dueMs => dueMs > NowMs).Min(dueMs => (long?)dueMs);

    /// <summary>Takes over the partitions that the group has assigned. Partitions that the member keeps go on where they are.</summary>
    /// <param name="response">The state of the member.</param>
    public void Assign(GroupMemberResponse response)
    {
        var before = All.ToDictionary(partition => (partition.Assigned.TopicId, partition.Assigned.Partition));
        All = [.. response.Assignment.Select(
            assigned => before.GetValueOrDefault((assigned.TopicId, assigned.Partition))
                ?? new PolledPartition(assigned, response.Retry is { } policy && RetryTopics.IsRetry(assigned.Topic, group)
                    ? new RetryWaits(group, policy) : null))];
        foreach ((var partition, var assigned) in All.Zip(response.Assignment))
            partition.Committed = assigned.CommittedOffset;
    }

    /// <summary>
    /// Reads the available records without waiting. It reads some partitions at a time until the answer is full, and starts at a random one. So each
    /// partition gets its turn, and a partition that does not answer delays the others only for a moment.
    /// </summary>
    /// <param name="cancellationToken">Ends the call.</param>
    public async Task FetchAvailableAsync(CancellationToken cancellationToken)
    {
        await FetchHeldAsync(cancellationToken);
        PolledPartition[] readable = [.. All.Where(IsReadable)];
        if (readable.Length == 0)
            return;
        var first = random.Next(readable.Length);
        PolledPartition[] inTurn = [.. readable[first..], .. readable[..first]];
        var share = Math.Max(1, bytesMax / Math.Min(inTurn.Length, PollLimits.PollFetchesAtOnce));
        var gathered = 0;
        foreach (var some in inTurn.Chunk(PollLimits.PollFetchesAtOnce))
        {
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var all = Task.WhenAll(some.Select(partition => FetchAsync(partition, share, waitMs: 0, isTimed: true, ended.Token)));
            await Task.WhenAny(all, Task.Delay(PollLimits.PollGatherMax, time, ended.Token));
            await ended.CancelAsync();
            await all;
            cancellationToken.ThrowIfCancellationRequested();
            gathered += some.Sum(partition => partition.Fetched?.Batches.Length ?? 0);
            if (gathered >= bytesMax)
                return;
        }
    }

    /// <summary>Shortens a wait: to the time when the next record is due, or when a partition that failed is asked again.</summary>
    /// <param name="waitMs">The longest wait, in milliseconds.</param>
    public int ClampWait(int waitMs)
    {
        if (All.Any(partition => partition.Error is not null))
            waitMs = Math.Min(waitMs, PollLimits.PollRetryMs);
        return NextDueMs is { } dueMs ? (int)Math.Clamp(dueMs - NowMs, 1, waitMs) : waitMs;
    }

    /// <summary>Waits on the group and on all partitions at once, or on as many of them as the node has waiting reads for.</summary>
    /// <param name="waitForNews">Waits until the group moves partitions.</param>
    /// <param name="waitMs">How long to wait, in milliseconds.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>The result of <paramref name="waitForNews"/>.</returns>
    public async Task<GroupWaitResponse?> WaitAsync(
        Func<int, CancellationToken, Task<GroupWaitResponse?>> waitForNews, int waitMs, CancellationToken cancellationToken)
    {
        PolledPartition[] readable = [.. All.Where(IsReadable)];
        var count = waits.TakeUpTo(readable.Length);
        try
        {
            // The other partitions are asked when this wait is over.
            if (count < readable.Length)
                waitMs = Math.Min(waitMs, PollLimits.PollRetryMs);
            return await WaitAsync(readable[..count], waitForNews, waitMs, cancellationToken);
        }
        finally
        {
            waits.Return(count);
        }
    }

    private async Task<GroupWaitResponse?> WaitAsync(
        PolledPartition[] partitions, Func<int, CancellationToken, Task<GroupWaitResponse?>> waitForNews, int waitMs,
        CancellationToken cancellationToken)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var news = waitForNews(waitMs, ended.Token);
        Task[] all = [news, .. partitions.Select(partition => FetchAsync(partition, bytesMax, waitMs, isTimed: false, ended.Token))];
        var open = all.ToList();
        var dueBefore = NextDueMs ?? long.MaxValue;
        // Ends the wait when a record has come that is due before the wait is over, so that a shorter wait can follow.
        while (!news.IsCompleted && !HasRecords && (NextDueMs ?? long.MaxValue) >= dueBefore && open.All(wait => !wait.IsFaulted))
            open.Remove(await Task.WhenAny(open));
        await ended.CancelAsync();
        await Task.WhenAll(all);
        cancellationToken.ThrowIfCancellationRequested();
        return await news;
    }

    /// <summary>Reads one partition. If it cannot be read, the partition keeps the error, and the others go on.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="partitionBytesMax">The most bytes.</param>
    /// <param name="waitMs">How long to wait for a record.</param>
    /// <param name="isTimed">
    /// True when a cancelled read is an error, because the partition did not answer; false when it is only no longer needed.
    /// </param>
    /// <param name="cancellationToken">Ends the call.</param>
    private async Task FetchAsync(PolledPartition partition, int partitionBytesMax, int waitMs, bool isTimed, CancellationToken cancellationToken)
    {
        var response = await fetcher.FetchAsync(partition.Assigned, partition.Position, partitionBytesMax, waitMs, cancellationToken);
        if (response.Error is { Code: StreamErrorCode.OffsetOutOfRange } error)
        {
            positions.Reset(partition, error);
            response = await fetcher.FetchAsync(partition.Assigned, partition.Position, partitionBytesMax, waitMs: 0, cancellationToken);
        }

        if (response.Error is null)
        {
            ends.Saw(partition.Assigned.TopicId, partition.Assigned.Partition, response.HighWatermark);
            partition.Take(response, NowMs);
            await positions.CheckCommittedAsync(partition, cancellationToken);
        }
        else if (isTimed || response.Error != PartitionFetcher.Ended)
        {
            partition.Error = response.Error;
        }
    }

    private bool IsReadable(PolledPartition partition) =>
        partition.Position != PolledPartition.Unknown && partition.DueMs <= NowMs && partition.Held.HasRoom;

    /// <summary>Reads the due records that wait in place, each by itself, because the partition has been read past them.</summary>
    private async Task FetchHeldAsync(CancellationToken cancellationToken)
    {
        foreach (var partition in All)
        {
            foreach (var held in partition.Held.Due(NowMs).Take(PollLimits.PollFetchesAtOnce).ToArray())
            {
                if (partition.Held.Fetched.Exists(one => one.Held == held))
                    continue;
                var response = await fetcher.FetchAsync(partition.Assigned, held.Offset, bytesMax: 1, waitMs: 0, cancellationToken);
                cancellationToken.ThrowIfCancellationRequested();
                if (response.Error is { Code: StreamErrorCode.OffsetOutOfRange } error)
                    Forget(partition, held, error);
                else if (response.Error is null)
                    partition.Held.Fetched.Add((held, response));
                else
                    partition.Error = response.Error;
            }
        }
    }

    // Retention has deleted the record, so there is nothing left to wait for.
    private void Forget(PolledPartition partition, HeldOffset held, StreamError error)
    {
        partition.Held.Deliver(held);
        positions.Tell(partition, held.Offset, error.LogStartOffset ?? held.Offset + 1);
    }
}
