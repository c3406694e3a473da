using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>Reads of what is there.</summary>
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
}
