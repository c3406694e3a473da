using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

public sealed class FetchTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Fetch_OfStoredBatches_ReturnsThemAsSentButForOffsetAndEpoch(bool fromStore)
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var sent = TestBatch.Make(
            new RecordBatchOptions { Compression = CompressionType.Zstd },
            Enumerable.Range(0, 100).Select(i => (TestBatch.TimestampMs, new string((char)('a' + (i % 20)), 50))));
        await log.PutAsync(TestBatch.Of("x", "y"));
        await log.PutAsync(sent);
        if (fromStore)
            log = await rig.TakeOverAsync();

        var fetched = await log.GetAsync(2);

        RecordBatchHeader.StampBaseOffset(sent, 2);
        RecordBatchHeader.StampPartitionLeaderEpoch(sent, 1);
        Assert.Equal(sent, fetched.Batches.ToArray());
        Assert.Equal(RecordBatchStatus.Valid, RecordBatchScanner.Validate(fetched.Batches.Span, out _, out _));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Fetch_InTheMiddleOfABatch_ReturnsTheWholeBatch(bool fromStore)
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a", "b", "c"));
        await log.PutAsync(TestBatch.Of("d"));
        log = fromStore ? await rig.TakeOverAsync() : log;

        var fetched = await log.GetAsync(1);

        Assert.Equal(1, fetched.Offset);
        Assert.Equal([0L, 1, 2, 3], StoredRecords.Of(fetched.Batches).Select(record => record.Offset));
    }

    [Theory]
    [InlineData(false, 1, 1)]
    [InlineData(false, 2, 2)]
    [InlineData(true, 1, 1)]
    [InlineData(true, 2, 2)]
    public async Task Fetch_WithABound_ReturnsWholeBatchesAndTheFirstAlways(bool fromStore, int batches, int expected)
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var batch = TestBatch.Sized(500);
        for (var i = 0; i < 5; i++)
            await log.PutAsync(batch);

        log = fromStore ? await rig.TakeOverAsync() : log;

        Assert.Equal(expected * batch.Length, (await log.GetAsync(1, batch.Length * batches)).Batches.Length);
        Assert.Equal(expected * batch.Length, (await log.GetAsync(1, (batch.Length * batches) + 1)).Batches.Length);
        Assert.Equal(batch.Length, (await log.GetAsync(1, 1)).Batches.Length);
        Assert.Equal(batch.Length, (await log.GetAsync(1, 0)).Batches.Length);
    }

    [Fact]
    public async Task Fetch_OutsideTheLog_IsOutOfRangeWithBothBounds()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a", "b", "c"));
        Assert.Null(await rig.DeleteRecordsAsync(log, 2));

        foreach (var offset in (long[])[0, 1, 4, 99, -3])
        {
            var fetched = await log.GetAsync(offset);
            Assert.Equal(StreamErrorCode.OffsetOutOfRange, fetched.Error?.Code);
            Assert.Equal((2, 3), (fetched.LogStartOffset, fetched.HighWatermark));
            Assert.Contains("2", fetched.Error!.Detail, StringComparison.Ordinal);
            Assert.Contains("3", fetched.Error!.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Fetch_OfEarliestAndLatest_ResolvesThem()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a", "b", "c"));
        await rig.DeleteRecordsAsync(log, 1);

        var earliest = await log.GetAsync(-2);
        var latest = await log.GetAsync(-1);

        Assert.Equal(1, earliest.Offset);
        Assert.False(earliest.Batches.IsEmpty);
        Assert.Equal(3, latest.Offset);
        Assert.True(latest.Batches.IsEmpty);
        Assert.Null(latest.Error);
    }

    [Fact]
    public async Task Fetch_OverManyOwners_NeverReturnsAFence()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        for (var i = 0; i < 5; i++)
        {
            await log.PutAsync(TestBatch.Of($"{i}"));
            log = await rig.TakeOverAsync();
        }

        var records = await log.ReadAllAsync(); // fails on a fence
        Assert.Equal(["0", "1", "2", "3", "4"], records.Select(record => record.Value));
        Assert.Equal([1, 2, 3, 4, 5], records.Select(record => record.Epoch));
        Assert.Equal(6, log.State.Epoch);
    }

    [Fact]
    public async Task Fetch_WhenTheStoreFails_SaysSoAndSucceedsLater()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        log = await rig.TakeOverAsync();
        rig.Segments.ReadsToFail = 1;

        Assert.Equal(StreamErrorCode.KafkaStorageError, (await log.GetAsync(0)).Error?.Code);
        Assert.Null((await log.GetAsync(0)).Error);
    }

    [Fact]
    public async Task Fetch_OfOlderData_ReadsAheadForTheNext()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        for (var i = 0; i < 100; i++)
            await log.PutAsync(TestBatch.Sized(1000));

        log = await rig.TakeOverAsync();
        var before = rig.Segments.ReadCount;
        await log.ReadAllAsync(bytesMax: 1);

        Assert.Equal(1, rig.Segments.ReadCount - before);
    }

    [Fact]
    public async Task Fetch_OfOlderDataByManyInTurn_ReadsEachOnesPartOnce()
    {
        const int Readers = 12;
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        for (var i = 0; i < 4 * Readers; i++)
            await log.PutAsync(TestBatch.Sized(LogLimits.ReadAheadBytes / 4));

        log = await rig.TakeOverAsync();
        var before = rig.Segments.ReadCount;
        for (var step = 0; step < 3; step++)
        {
            for (var reader = 0; reader < Readers; reader++)
                Assert.Equal((4 * reader) + step, (await log.GetAsync((4 * reader) + step, 1)).Offset);
        }

        Assert.Equal(Readers, rig.Segments.ReadCount - before);
    }

    [Fact]
    public async Task Fetch_OfABatchLargerThanAReadAhead_ReturnsItWhole()
    {
        var rig = new LogRig();
        rig.Options = rig.Options with { MessageBytesMax = 3_500_000 };
        var log = await rig.OpenAsync();
        await log.PutAsync(TestBatch.Sized(3_400_000));
        await log.PutAsync(TestBatch.Of("b"));
        log = await rig.TakeOverAsync();

        var fetched = await log.GetAsync(0, 1);

        Assert.Equal(3_400_000, Assert.Single(StoredRecords.Of(fetched.Batches)).Value.Length);
    }

    [Fact]
    public async Task Fetch_WhenTheTailOutgrowsTheMemory_FindsTheRestInTheStore()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var count = (LogLimits.TailCacheBytesMax / 500_000) + 5;
        for (var i = 0; i < count; i++)
            await log.PutAsync(TestBatch.Of($"{i}" + new string('x', 500_000)));

        var records = await log.ReadAllAsync();

        Assert.Equal(count, records.Count);
        Assert.All(records, record => Assert.StartsWith($"{record.Offset}x", record.Value, StringComparison.Ordinal));
        Assert.True(rig.Segments.ReadCount > 0);
    }

    [Fact]
    public async Task LongPoll_WhenSomethingIsAppended_Wakes()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var fetch = log.GetAsync(0, wait: TimeSpan.FromSeconds(10));
        Assert.False(fetch.IsCompleted);
        var held = rig.Segments.Hold();
        _ = log.PutAsync(TestBatch.Of("a"));
        Assert.False(fetch.IsCompleted); // not before it is durable

        held.Release();

        Assert.True(fetch.IsCompleted);
        Assert.Equal("a", Assert.Single(StoredRecords.Of((await fetch).Batches)).Value);
        Assert.Equal(1, (await fetch).HighWatermark);
    }

    [Fact]
    public async Task LongPoll_WhenNothingComes_IsEmptyWhenItsTimeIsUp()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var fetch = log.GetAsync(-1, wait: TimeSpan.FromSeconds(3));

        rig.Time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.False(fetch.IsCompleted);
        rig.Time.Advance(TimeSpan.FromSeconds(0.1));

        var fetched = await rig.RunAsync(fetch);
        Assert.Null(fetched.Error);
        Assert.True(fetched.Batches.IsEmpty);
    }

    [Fact]
    public async Task LongPoll_WhenItsWaitIsOverTheBound_EndsAtTheBound()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var fetch = log.GetAsync(-1, wait: TimeSpan.FromHours(1));

        rig.Time.Advance(LogLimits.FetchWaitMax);

        Assert.True((await rig.RunAsync(fetch)).Batches.IsEmpty);
        Assert.True(rig.NowMs - TestBatch.TimestampMs < 21_000);
    }

    [Fact]
    public async Task LongPoll_WhenCancelled_Ends()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        using var cancel = new CancellationTokenSource();
        var fetch = log.FetchAsync(0, 1000, TimeSpan.FromSeconds(10), cancel.Token).AsTask();

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetch);
    }

    [Fact]
    public async Task LongPoll_WhenTheLogEnds_EndsWithTheReason()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var fetch = log.GetAsync(0, wait: TimeSpan.FromSeconds(10));

        await rig.CloseAsync(log);

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, (await fetch).Error?.Code);
    }

    [Fact]
    public async Task LongPoll_OfThousands_ParksNoThread()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        ThreadPool.GetAvailableThreads(out var before, out _);

        var fetches = Enumerable.Range(0, 5000).Select(_ => log.GetAsync(0, wait: TimeSpan.FromSeconds(10))).ToList();

        ThreadPool.GetAvailableThreads(out var after, out _);
        Assert.InRange(before - after, int.MinValue, 50);
        Assert.DoesNotContain(fetches, fetch => fetch.IsCompleted);
        await log.PutAsync(TestBatch.Of("a"));
        Assert.All(await Task.WhenAll(fetches), fetched => Assert.Equal(1, fetched.HighWatermark));
    }

    [Fact]
    public async Task LongPoll_WhenTooManyWait_IsThrottled()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var fetches = Enumerable.Range(0, LogLimits.ParkedFetchesMax)
            .Select(_ => log.GetAsync(0, wait: TimeSpan.FromSeconds(10))).ToList();

        var refused = await log.GetAsync(0, wait: TimeSpan.FromSeconds(10));

        Assert.Equal(StreamErrorCode.ThrottlingQuotaExceeded, refused.Error?.Code);
        Assert.NotNull(refused.Error!.RetryAfter);
        await log.PutAsync(TestBatch.Of("a"));
        await Task.WhenAll(fetches);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task Fetch_OfNothingNewAfterFiveSeconds_LooksWhoseLogItIs(long offset)
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        var documents = rig.Documents;
        await log.GetAsync(offset);
        var before = documents.ReadCount;
        Assert.Null((await log.GetAsync(offset)).Error);
        Assert.Equal(before, documents.ReadCount);
        await rig.PassAsync(TimeSpan.FromSeconds(6));

        Assert.Null((await log.GetAsync(offset)).Error);
        Assert.Equal(before + 1, documents.ReadCount);

        var other = await rig.TakeOverAsync();
        await other.PutAsync(TestBatch.Of("b"));
        await rig.PassAsync(TimeSpan.FromSeconds(6));
        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, (await log.GetAsync(offset)).Error?.Code);
        Assert.Equal(LogEnd.Fenced, await log.Ended);
    }

    [Fact]
    public async Task LongPoll_OfAStaleOwner_NeverSaysThatThereIsNothing()
    {
        var rig = new LogRig();
        var stale = await rig.OpenAsync();
        var fetch = stale.GetAsync(-1, wait: TimeSpan.FromSeconds(8));
        var owner = await rig.TakeOverAsync();
        await owner.PutAsync(TestBatch.Of("b"));

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, (await rig.RunAsync(fetch)).Error?.Code);
    }

    [Fact]
    public async Task Fetch_OfNothingNewWhenTheManifestCannotBeRead_SaysSo()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        await rig.PassAsync(TimeSpan.FromSeconds(6));
        rig.Documents.ReadsToFail = 1;

        Assert.Equal(StreamErrorCode.KafkaStorageError, (await log.GetAsync(-1)).Error?.Code);
        Assert.Null((await log.GetAsync(-1)).Error);
    }
}
