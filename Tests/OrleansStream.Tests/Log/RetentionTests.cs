using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>Retention deletes by size and by age, in whole segments, and what nobody owns.</summary>
public sealed class RetentionTests
{
    private static readonly TimeSpan Grace = LogLimits.DeletionGrace + TimeSpan.FromSeconds(1);
    private readonly LogRig _rig = new();

    [Fact]
    public async Task Maintain_WhenOverRetentionBytes_KeepsAtLeastThatMuchInWholeSegments()
    {
        var log = await _rig.GrowAsync(10);
        var length = (await _rig.ReadManifestAsync()).Segments[0].Length;
        log.Configure(_rig.Options with { RetentionBytes = (length * 4) + 1 });

        await _rig.MaintainAsync(log);

        Assert.Equal(5, log.State.SegmentCount);
        Assert.Equal(5, log.State.LogStartOffset);
        Assert.True(log.State.SizeBytes >= (length * 4) + 1);
        Assert.Equal(Enumerable.Range(5, 5).Select(i => $"{i}"), await log.ReadValuesAsync());
        Assert.Equal(StreamErrorCode.OffsetOutOfRange, (await log.GetAsync(4)).Error?.Code);
    }

    [Fact]
    public async Task Maintain_WhenExactlyAtRetentionBytes_DeletesWhatIsOver()
    {
        var log = await _rig.GrowAsync(4);
        var length = (await _rig.ReadManifestAsync()).Segments[0].Length;
        log.Configure(_rig.Options with { RetentionBytes = length * 3 });

        await _rig.MaintainAsync(log);

        Assert.Equal(3, log.State.SegmentCount);
    }

    [Fact]
    public async Task Maintain_WhenSegmentsAreAged_DeletesThemButStopsAtTheFirstThatIsNot()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.At(_rig.NowMs - 1000, "old"));
        await log.PutAsync(TestBatch.At(_rig.NowMs, "young"));
        await log.PutAsync(TestBatch.At(_rig.NowMs - 1000, "old behind a young one"));
        await log.PutAsync(TestBatch.At(_rig.NowMs, "active"));
        log.Configure(_rig.Options with { RetentionAge = TimeSpan.FromMilliseconds(500) });

        await log.MaintainAsync(TestContext.Current.CancellationToken);

        Assert.Equal(["young", "old behind a young one", "active"], await log.ReadValuesAsync());
        Assert.Equal(1, log.State.LogStartOffset);
    }

    [Fact]
    public async Task Maintain_WhenTheActiveSegmentIsAged_RollsAndDeletesIt()
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        log.Configure(_rig.Options with { RetentionAge = TimeSpan.FromHours(1) });
        await _rig.MaintainAsync(log);
        Assert.Equal(0, log.State.LogStartOffset);
        await _rig.PassAsync(TimeSpan.FromMinutes(61));

        await _rig.MaintainAsync(log);
        await _rig.MaintainAsync(log);

        Assert.Equal((1, 1), (log.State.LogStartOffset, log.State.HighWatermark));
        Assert.Equal(1, (await log.PutAsync(TestBatch.Of("b"))).BaseOffset);
        Assert.Equal(["b"], await (await _rig.TakeOverAsync()).ReadValuesAsync());
    }

    [Fact]
    public async Task Maintain_OfRecordsWithoutATime_CountsFromWhenTheirSegmentWasClosed()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1, RetentionAge = TimeSpan.FromHours(1) };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.At(-1, "a"));
        await _rig.MaintainAsync(log);
        Assert.Equal(1, log.State.SegmentCount);
        await log.PutAsync(TestBatch.At(_rig.NowMs + 3_000_000, "b"));
        await _rig.MaintainAsync(log);
        Assert.Equal(0, log.State.LogStartOffset);
        await _rig.PassAsync(TimeSpan.FromMinutes(61));

        await _rig.MaintainAsync(log);

        Assert.Equal(1, log.State.LogStartOffset);
    }

    [Fact]
    public async Task Maintain_AfterItDeleted_MovesTheLogStartBeforeItFreesBytes()
    {
        var log = await _rig.GrowAsync(3);
        var first = (await _rig.ReadManifestAsync()).Segments[0].Name;
        Assert.Null(await _rig.DeleteRecordsAsync(log, 1));
        Assert.Equal(1, (await _rig.ReadManifestAsync()).LogStartOffset);
        Assert.Contains(first, await _rig.ListSegmentsAsync());
        await _rig.MaintainAsync(log);
        Assert.Contains(first, await _rig.ListSegmentsAsync()); // readers under way may finish

        await _rig.PassAsync(Grace);
        await _rig.MaintainAsync(log);

        Assert.DoesNotContain(first, await _rig.ListSegmentsAsync());
        Assert.Null(await _rig.StoredDocuments.ReadAsync(SegmentName.IndexOf(first), TestContext.Current.CancellationToken));
        Assert.Empty((await _rig.ReadManifestAsync()).Deleting);
        Assert.Equal(["1", "2"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Open_AfterRetention_KeepsTheLogStart()
    {
        var log = await _rig.GrowAsync(3);
        await log.PutAsync(TestBatch.Of("3", "4", "5"));
        await _rig.DeleteRecordsAsync(log, 4);

        log = await _rig.TakeOverAsync();

        Assert.Equal((4, 6), (log.State.LogStartOffset, log.State.HighWatermark));
        Assert.Equal(["4", "5"], await log.ReadValuesAsync());
        Assert.Equal(StreamErrorCode.OffsetOutOfRange, (await log.GetAsync(3)).Error?.Code);
    }

    [Fact]
    public async Task Maintain_WhenTheManifestIsDamaged_TakesTheLogOfflineAndFreesNothing()
    {
        var log = await _rig.GrowAsync(3);
        await _rig.DeleteRecordsAsync(log, 2);
        await _rig.PassAsync(Grace);
        await _rig.ReplaceDocumentAsync(SegmentName.ManifestOf(LogRig.Name), [1, 2, 3]);

        await _rig.MaintainAsync(log);

        Assert.Equal(LogEnd.Offline, await log.Ended);
        Assert.Empty(_rig.Segments.Deleted);
    }

    [Fact]
    public async Task Maintain_WhenTheManifestCannotBeRead_FreesNothing()
    {
        var log = await _rig.GrowAsync(3);
        await _rig.DeleteRecordsAsync(log, 2);
        await _rig.PassAsync(Grace);
        _rig.Documents.ReadsToFail = 100;

        await _rig.MaintainAsync(log);

        Assert.Empty(_rig.Segments.Deleted);
        Assert.False(log.Ended.IsCompleted);
    }

    [Fact]
    public async Task Maintain_OfOrphans_FreesThoseOfOlderEpochsOnly()
    {
        var log = await _rig.GrowAsync(2);
        var old = SegmentName.Make(LogRig.Name, 9, 1, Guid.NewGuid());
        var own = SegmentName.Make(LogRig.Name, 9, 2, Guid.NewGuid());
        var newer = SegmentName.Make(LogRig.Name, 9, 3, Guid.NewGuid());
        var foreign = LogRig.Name + "/foreign.bin";
        log = await _rig.TakeOverAsync();
        foreach (var name in (string[])[old, own, newer, foreign])
            await _rig.StoredSegments.CreateAsync(name, TestContext.Current.CancellationToken);

        await _rig.MaintainAsync(log);
        Assert.Contains(old, await _rig.ListSegmentsAsync());
        await _rig.PassAsync(Grace);
        await _rig.MaintainAsync(log);

        var left = await _rig.ListSegmentsAsync();
        Assert.DoesNotContain(old, left);
        Assert.Contains(own, left);
        Assert.Contains(newer, left);
        Assert.Contains(foreign, left);
        Assert.Equal(["0", "1"], await log.ReadValuesAsync());
        Assert.Equal(["0", "1"], await (await _rig.TakeOverAsync()).ReadValuesAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Maintain_OfOrphans_WhenItCannotProveThatItOwnsTheLog_FreesNothing(bool isReplaced)
    {
        await _rig.GrowAsync(2);
        var log = await _rig.TakeOverAsync();
        var orphan = SegmentName.Make(LogRig.Name, 9, 1, Guid.NewGuid());
        await _rig.StoredSegments.CreateAsync(orphan, TestContext.Current.CancellationToken);
        await _rig.PassAsync(Grace);
        if (isReplaced)
            await _rig.TakeOverAsync();
        else
            _rig.Documents.ReadsToFail = 100;

        await _rig.MaintainAsync(log);

        Assert.Contains(orphan, await _rig.ListSegmentsAsync());
        Assert.Equal(isReplaced, log.Ended.IsCompleted);
    }

    [Fact]
    public async Task Maintain_WhenIdle_GivesCachedBytesBackAndReadsStillWork()
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await _rig.PassAsync(LogLimits.CacheIdleMax + TimeSpan.FromSeconds(1));
        await _rig.MaintainAsync(log);
        var before = _rig.Segments.ReadCount;

        Assert.Equal(["a"], await log.ReadValuesAsync());
        Assert.True(_rig.Segments.ReadCount > before);
        await log.PutAsync(TestBatch.Of("b"));
        Assert.Equal(["a", "b"], await log.ReadValuesAsync());
    }
}
