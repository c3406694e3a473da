using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Records;
using OrleansStream.Storage;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>What an append waits for, what it is answered, and how appends share a write.</summary>
public sealed partial class AppendTests
{
    [Fact]
    public async Task Append_WhileTheStoreHasNotConfirmed_IsNeitherAckedNorVisible()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();

        var append = log.PutAsync(TestBatch.Of("a"));

        Assert.True(held.HasArrived);
        Assert.False(append.IsCompleted);
        Assert.Equal(0, log.State.HighWatermark);
        Assert.True((await log.GetAsync(-2)).Batches.IsEmpty);
        Assert.Equal(StreamErrorCode.OffsetOutOfRange, (await log.GetAsync(1)).Error?.Code);
        held.Release();
        Assert.Equal(0, (await append).BaseOffset);
        Assert.Equal(["a"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenAcksAreOrdered_IsAnsweredWithItsOffsetBeforeTheStore()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();

        var append = log.PutAsync(TestBatch.Of("a", "b"), LogAcks.Ordered);

        Assert.True(append.IsCompleted);
        Assert.Equal(0, (await append).BaseOffset);
        Assert.Equal(0, log.State.HighWatermark);
        held.Release();
        Assert.Equal(2, log.State.HighWatermark);
    }

    [Fact]
    public async Task Append_WhenAcksAreAdmitted_IsAnsweredAtOnceWithoutOffsetAndKeepsWhatItWasGiven()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();
        _ = log.PutAsync(TestBatch.Of("first"));

        var batch = TestBatch.Of("a");
        var append = log.PutAsync(batch, LogAcks.Admitted);

        Assert.True(append.IsCompleted);
        Assert.Equal(-1, (await append).BaseOffset);
        batch.AsSpan().Fill(0xFF);
        held.Release();
        Assert.Equal(["first", "a"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenManyArriveDuringOneWrite_GoInOneNextWrite()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();
        var appends = new List<Task<LogAppendResult>> { log.PutAsync(TestBatch.Of("0")) };

        for (var i = 1; i < 50; i++)
            appends.Add(log.PutAsync(TestBatch.Of($"{i}")));

        Assert.Single(rig.Segments.Appends);
        held.Release();
        var results = await Task.WhenAll(appends);
        Assert.Equal(2, rig.Segments.Appends.Count);
        Assert.Equal(Enumerable.Range(0, 50).Select(i => (long)i), results.Select(result => result.BaseOffset));
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"{i}"), await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenTheQueueIsOverAnAppendsBound_GoesInSeveralWritesInOrder()
    {
        var batch = TestBatch.Sized(100);
        var rig = new LogRig(new SegmentStoreLimits(batch.Length * 3, 50_000, 1));
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();
        var appends = Enumerable.Range(0, 8).Select(_ => log.PutAsync(batch)).ToList();

        held.Release();
        var results = await Task.WhenAll(appends);

        Assert.Equal([1, 3, 3, 1], rig.Segments.Appends.Select(call => call.Bytes.Length / batch.Length));
        Assert.Equal(Enumerable.Range(0, 8).Select(i => (long)i), results.Select(result => result.BaseOffset));
    }

    [Fact]
    public async Task Append_WhenRejectedByWhatIsInTheOpenGroup_WaitsForIt()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();
        _ = log.PutAsync(TestBatch.Of("x"));
        var first = log.PutAsync(TestBatch.By(7, 0));
        var gap = log.PutAsync(TestBatch.By(7, 5));
        var condition = log.PutAsync(TestBatch.Of("y"), expectedNextOffset: 1);
        var second = rig.Segments.Hold();
        held.Release();

        Assert.False(gap.IsCompleted);
        Assert.False(condition.IsCompleted);
        second.Release();
        Assert.Equal(1, (await first).BaseOffset);
        Assert.Equal(StreamErrorCode.OutOfOrderSequenceNumber, (await gap).Error?.Code);
        Assert.Equal(StreamErrorCode.OffsetConditionFailed, (await condition).Error?.Code);
        Assert.False((await gap).Error!.OutcomeUnknown);
    }

    [Fact]
    public async Task Append_WhenRejectedByWhatIsDurable_IsAnsweredWithoutAWrite()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        await log.PutAsync(TestBatch.By(7, 0));
        var writes = rig.Segments.Appends.Count;

        Assert.Equal(StreamErrorCode.OutOfOrderSequenceNumber, (await log.PutAsync(TestBatch.By(7, 5))).Error?.Code);
        Assert.True((await log.PutAsync(TestBatch.By(7, 0))).Duplicate);
        Assert.Equal(
            StreamErrorCode.OffsetConditionFailed, (await log.PutAsync(TestBatch.Of("y"), expectedNextOffset: 0)).Error?.Code);
        Assert.Equal(writes, rig.Segments.Appends.Count);
    }

    [Fact]
    public async Task Append_WhenConditionHolds_IsStored()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();

        Assert.Equal(0, (await log.PutAsync(TestBatch.Of("a", "b"), expectedNextOffset: 0)).BaseOffset);
        Assert.Equal(2, (await log.PutAsync(TestBatch.Of("c"), expectedNextOffset: 2)).BaseOffset);
    }

    [Fact]
    public async Task Append_WhenOneRequestHasSeveralBatches_StoresThemNextToEachOther()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var request = TestBatch.Join(TestBatch.By(7, 0, 2), TestBatch.By(7, 2, 3), TestBatch.By(7, 5));

        Assert.Equal(0, (await log.PutAsync(request)).BaseOffset);
        var repeated = await log.PutAsync(request);

        Assert.True(repeated.Duplicate);
        Assert.Equal(0, repeated.BaseOffset);
        Assert.Equal(Enumerable.Range(0, 6).Select(i => $"7/0/{i}"), await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenPendingBytesAreAtTheirBound_IsThrottledWithATimeAndLosesNothing()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();
        var batch = TestBatch.Sized(1_000_000);
        var taken = new List<Task<LogAppendResult>>();
        for (var pending = 0L; pending + batch.Length <= LogLimits.PendingBytesMax; pending += batch.Length)
            taken.Add(log.PutAsync(batch));

        var refused = await log.PutAsync(batch);

        Assert.Equal(StreamErrorCode.ThrottlingQuotaExceeded, refused.Error?.Code);
        Assert.True(refused.Error!.RetryAfter > TimeSpan.Zero);
        Assert.False(refused.Error.OutcomeUnknown);
        held.Release();
        Assert.All(await Task.WhenAll(taken), result => Assert.Null(result.Error));
        Assert.Null((await log.PutAsync(batch)).Error);
        Assert.Equal(taken.Count + 1, log.State.HighWatermark);
    }

    [Fact]
    public async Task Append_WhenAppendsAreAtTheirBound_IsThrottled()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();
        var batch = TestBatch.Of("x");
        var taken = Enumerable.Range(0, LogLimits.PendingAppendsMax + 1).Select(_ => log.PutAsync(batch)).ToList();

        Assert.Equal(StreamErrorCode.ThrottlingQuotaExceeded, (await log.PutAsync(batch)).Error?.Code);
        held.Release();
        Assert.All(await Task.WhenAll(taken), result => Assert.Null(result.Error));
    }

    [Theory]
    [InlineData(CompressionType.None)]
    [InlineData(CompressionType.Gzip)]
    [InlineData(CompressionType.Snappy)]
    [InlineData(CompressionType.Lz4)]
    [InlineData(CompressionType.Zstd)]
    public async Task Append_WhenTheLogStampsTheTime_EveryRecordHasItAndTheChecksumHolds(CompressionType compression)
    {
        var rig = new LogRig();
        rig.Options = rig.Options with { StampsAppendTime = true };
        var log = await rig.OpenAsync();
        rig.Time.Advance(TimeSpan.FromHours(3));
        var text = new string('a', 200);
        var batch = TestBatch.Make(
            new RecordBatchOptions { Compression = compression }, [(5, text), (TestBatch.TimestampMs + 99_999_999_999, text)]);

        var result = await log.PutAsync(batch);

        Assert.Equal(rig.NowMs, result.AppendTimeMs);
        var records = await log.ReadAllAsync();
        Assert.Equal([rig.NowMs, rig.NowMs], records.Select(record => record.TimestampMs));
    }

    [Fact]
    public async Task Append_WhenFlushIntervalIsSet_WaitsBetweenWrites()
    {
        var rig = new LogRig();
        rig.Options = rig.Options with { FlushInterval = TimeSpan.FromSeconds(1) };
        var log = await rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));

        var second = log.PutAsync(TestBatch.Of("b"));
        var third = log.PutAsync(TestBatch.Of("c"));

        Assert.Single(rig.Segments.Appends);
        rig.Time.Advance(TimeSpan.FromSeconds(1));
        await rig.RunAsync(Task.WhenAll(second, third));
        Assert.Equal(2, rig.Segments.Appends.Count);
    }
}
