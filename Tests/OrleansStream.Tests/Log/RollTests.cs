using System.Buffers.Binary;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Records;
using OrleansStream.Storage;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Log;

public sealed class RollTests
{
    private readonly LogRig _rig = new();

    [Fact]
    public async Task Append_WhenTheSegmentWouldOutgrowItsBytes_RollsFirst()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1000 };
        var log = await _rig.OpenAsync();
        for (var i = 0; i < 10; i++)
            await log.PutAsync(TestBatch.Of($"{i}" + new string('x', 200)));

        var manifest = await _rig.ReadManifestAsync();

        Assert.True(manifest.Segments.Count > 2);
        foreach (var segment in manifest.Segments)
            Assert.InRange((await _rig.ReadSegmentAsync(segment.Name)).Length, FenceBatch.LengthBytes, 1000);

        await AssertChainAsync(manifest);
        Assert.Equal(10, (await log.ReadAllAsync()).Count);
        Assert.Equal(10, (await (await _rig.TakeOverAsync()).ReadAllAsync()).Count);
    }

    [Fact]
    public async Task Append_WhenTheSegmentIsAged_RollsFirst()
    {
        _rig.Options = _rig.Options with { SegmentAge = TimeSpan.FromMinutes(2) };
        var log = await _rig.OpenAsync();
        await _rig.PassAsync(TimeSpan.FromMinutes(3));
        await log.PutAsync(TestBatch.Of("a")); // an empty one is left alone
        Assert.Equal(1, log.State.SegmentCount);
        await log.PutAsync(TestBatch.Of("b"));

        Assert.Equal(2, log.State.SegmentCount);
        await AssertChainAsync(await _rig.ReadManifestAsync());
    }

    [Fact]
    public async Task Append_WhenTheStoreTakesNoMoreAppends_RollsBefore()
    {
        var rig = new LogRig(new SegmentStoreLimits(4 * 1024 * 1024, 70, 1));
        var log = await rig.OpenAsync();
        for (var i = 0; i < 30; i++)
            Assert.Null((await log.PutAsync(TestBatch.Of($"{i}"))).Error);

        Assert.True(log.State.SegmentCount > 4);
        Assert.Equal(Enumerable.Range(0, 30).Select(i => $"{i}"), await log.ReadValuesAsync());
    }

    [Theory]
    [InlineData(AppendStatus.Sealed)]
    [InlineData(AppendStatus.SegmentFull)]
    public async Task Append_WhenTheSegmentTakesNoMore_RollsAndIsStoredInTheNext(AppendStatus status)
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        _rig.Segments.Answer(status);

        Assert.Equal(1, (await _rig.RunAsync(log.PutAsync(TestBatch.Of("b")))).BaseOffset);

        Assert.Equal(2, log.State.SegmentCount);
        Assert.Equal(["a", "b"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenTheSegmentIsSealedWhileATryIsOpen_IsStoredOnce()
    {
        var log = await _rig.OpenAsync();
        var held = _rig.Segments.Hold();
        var append = log.PutAsync(TestBatch.Of("a"));
        await _rig.StoredSegments.AppendAsync(held.Call!.Name, held.Call.Position, held.Call.Bytes);
        await _rig.StoredSegments.SealAsync(held.Call.Name);
        held.ReleaseAs(AppendStatus.Unknown);

        Assert.Equal(0, (await _rig.RunAsync(append)).BaseOffset);
        Assert.Equal(1, (await _rig.RunAsync(log.PutAsync(TestBatch.Of("b")))).BaseOffset);
        Assert.Equal(["a", "b"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Roll_WhenDone_SealsTheOldSegmentAndBeginsTheNewWithItsFence()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await log.PutAsync(TestBatch.Of("b"));

        var manifest = await _rig.ReadManifestAsync();

        Assert.True((await _rig.StoredSegments.GetExtentAsync(manifest.Segments[0].Name))!.Value.Sealed);
        var bytes = await _rig.ReadSegmentAsync(manifest.Active.Name);
        Assert.True(RecordBatchHeader.TryRead(bytes, out var first));
        Assert.True(FenceBatch.IsFence(first, out var epoch));
        Assert.Equal(1, epoch);
    }

    [Fact]
    public async Task Roll_OfASegmentThatHoldsMoreThanIntMaxOffsets_ComesBefore()
    {
        // Batches that an earlier version stored unopened: few bytes can claim many offsets.
        const int Count = 4_000_000, Left = 7;
        var claims = Enumerable.Repeat(Count, int.MaxValue / Count).Append((int.MaxValue % Count) - Left);
        await EarlierVersion.StoreAsync(
            _rig.StoredSegments, _rig.StoredDocuments, LogRig.Name, _rig.NowMs, [.. claims.Select(Claim)]);
        var log = await _rig.OpenAsync();

        await log.PutAsync(TestBatch.Of([.. Enumerable.Repeat("fits", Left)]));
        Assert.Equal(1, log.State.SegmentCount);
        await log.PutAsync(TestBatch.Of("last"));

        Assert.Equal((2, 1L + int.MaxValue), (log.State.SegmentCount, log.State.HighWatermark));
        log = await _rig.TakeOverAsync();
        var fetched = await log.GetAsync(log.State.HighWatermark - 1);
        Assert.Equal("last", Assert.Single(StoredRecords.Of(fetched.Batches)).Value);
    }

    private static byte[] Claim(int count)
    {
        var batch = TestBatch.Make(
            new RecordBatchOptions { Compression = CompressionType.Zstd }, [(TestBatch.TimestampMs, new string('x', 100))]);
        BinaryPrimitives.WriteInt32BigEndian(batch.AsSpan(RecordBatchHeader.RecordCountPosition), count);
        BinaryPrimitives.WriteInt32BigEndian(batch.AsSpan(RecordBatchHeader.LastOffsetDeltaPosition), count - 1);
        RecordBatchHeader.StampCrc(batch);
        return batch;
    }

    [Fact]
    public async Task Roll_WhenThereIsNoRoomForANewSegment_IsLeftAndTheOldOneGoesOn()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        _rig.Segments.CreateFailure = new StoreFullException("full");

        Assert.Equal(1, (await log.PutAsync(TestBatch.Of("b"))).BaseOffset);
        Assert.Equal(1, log.State.SegmentCount);
        _rig.Segments.CreateFailure = null;
        _rig.Documents.WriteFailure = new StoreFullException("full");
        Assert.Equal(2, (await log.PutAsync(TestBatch.Of("c"))).BaseOffset);
        Assert.Single(await _rig.ListSegmentsAsync());
        _rig.Documents.WriteFailure = null;

        Assert.Equal(3, (await log.PutAsync(TestBatch.Of("d"))).BaseOffset);
        Assert.Equal(2, log.State.SegmentCount);
        Assert.Equal(["a", "b", "c", "d"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Roll_WhenTheManifestsReplyIsLost_IsDoneOnce()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        _rig.Documents.BeforeWrite = name =>
        {
            if (name.EndsWith("manifest.json", StringComparison.Ordinal))
            {
                _rig.Documents.BeforeWrite = null;
                _rig.Documents.RepliesToLose = 1;
            }

            return Task.CompletedTask;
        };

        Assert.Equal(1, (await _rig.RunAsync(log.PutAsync(TestBatch.Of("b")))).BaseOffset);

        Assert.Equal(2, (await _rig.ReadManifestAsync()).Segments.Count);
        Assert.Equal(["a", "b"], await (await _rig.TakeOverAsync()).ReadValuesAsync());
    }

    [Fact]
    public async Task Roll_WhenItsFenceIsLost_SendsItAgain()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        _rig.Segments.LoseRequest();
        _rig.Segments.LoseReply();

        Assert.Equal(1, (await _rig.RunAsync(log.PutAsync(TestBatch.Of("b")))).BaseOffset);

        Assert.Equal(["a", "b"], await (await _rig.TakeOverAsync()).ReadValuesAsync());
    }

    [Fact]
    public async Task Roll_WhenTheNewSegmentVanishes_TakesTheLogOffline()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        _rig.Segments.Before(async () => await _rig.StoredSegments.DeleteAsync(_rig.Segments.Created[^1]));

        await _rig.RunAsync(log.PutAsync(TestBatch.Of("b")));

        Assert.Equal(LogEnd.Offline, await log.Ended);
    }

    [Fact]
    public async Task Roll_WhenTheManifestIsDamaged_TakesTheLogOffline()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await _rig.ReplaceDocumentAsync(SegmentName.ManifestOf(LogRig.Name), [1, 2, 3]);

        var result = await _rig.RunAsync(log.PutAsync(TestBatch.Of("b")));

        Assert.NotNull(result.Error);
        Assert.True((await log.Ended) is LogEnd.Offline or LogEnd.Fenced);
        await Assert.ThrowsAsync<LogCorruptException>(() => _rig.TakeOverAsync());
    }

    // Kills the owner at every changing call of a run of appends that roll, with and without that call taking effect.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Roll_WhenKilledBetweenAnyTwoSteps_LosesNothingThatWasAcked(bool appliesLast)
    {
        var survived = 0;
        for (var calls = 0; survived == 0; calls++)
        {
            Assert.InRange(calls, 0, 200);
            var rig = new LogRig();
            rig.Options = rig.Options with { SegmentBytes = 1 };
            var stop = new StoreStop(calls, appliesLast);
            (rig.Segments.Stop, rig.Documents.Stop) = (stop, stop);
            var acked = new List<string>();
            var opening = PartitionLog.OpenAsync(LogRig.Name, "first", rig.Options, rig.Segments, rig.Documents, rig.Time).AsTask();
            await rig.PassUntilAsync(() => opening.IsCompleted || stop.HasStopped);
            var sent = 0;
            if (opening.IsCompletedSuccessfully)
            {
                var log = await opening;
                for (; sent < 4 && !stop.HasStopped; sent++)
                {
                    var append = log.PutAsync(TestBatch.By(7, sent));
                    await rig.PassUntilAsync(() => append.IsCompleted || stop.HasStopped);
                    if (append.IsCompleted && (await append).Error is null)
                        acked.Add($"7/0/{sent}");
                }
            }

            survived = stop.HasStopped ? 0 : 1;
            var next = await rig.TakeOverAsync();
            var values = await next.ReadValuesAsync();
            Assert.Equal(acked, values.Take(acked.Count));
            Assert.InRange(values.Count, acked.Count, sent);
            await AssertChainAsync(await rig.ReadManifestAsync(), rig);
            for (var sequence = 0; sequence < 5; sequence++)
            {
                var result = await rig.RunAsync(next.PutAsync(TestBatch.By(7, sequence)));
                Assert.Null(result.Error);
                Assert.Equal(sequence, result.BaseOffset);
                Assert.Equal(sequence < values.Count, result.Duplicate);
            }

            Assert.Equal(Enumerable.Range(0, 5).Select(i => $"7/0/{i}"), await next.ReadValuesAsync());
        }

        Assert.Equal(1, survived);
    }

    private Task AssertChainAsync(PartitionManifest manifest) => AssertChainAsync(manifest, _rig);

    private static async Task AssertChainAsync(PartitionManifest manifest, LogRig rig)
    {
        for (var i = 1; i < manifest.Segments.Count; i++)
            Assert.Equal(manifest.Segments[i - 1].EndOffset, manifest.Segments[i].BaseOffset);

        foreach (var segment in manifest.Segments)
            Assert.NotNull(await rig.StoredSegments.GetExtentAsync(segment.Name));
    }
}
