using System.Text;
using OrleansStream.Errors;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Records;
using OrleansStream.Storage;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

public sealed class RecoveryTests
{
    private readonly LogRig _rig = new();

    [Fact]
    public async Task Open_AfterAnything_ContinuesOffsetsAndKeepsEveryRecord()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 400 };
        var expected = new List<string>();
        for (var owner = 0; owner < 6; owner++)
        {
            var log = await _rig.TakeOverAsync();
            Assert.Equal(expected.Count, log.State.HighWatermark);
            for (var i = 0; i < 4; i++)
            {
                Assert.Equal(expected.Count, (await log.PutAsync(TestBatch.Of($"{owner}-{i}"))).BaseOffset);
                expected.Add($"{owner}-{i}");
            }
        }

        Assert.Equal(expected, await (await _rig.TakeOverAsync()).ReadValuesAsync());
    }

    [Fact]
    public async Task Open_WithoutManifestButWithBytes_RefusesToBeginAnew()
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await _rig.StoredDocuments.DeleteAsync(SegmentName.ManifestOf(LogRig.Name), null, TestContext.Current.CancellationToken);

        var refused = await Assert.ThrowsAsync<LogCorruptException>(() => _rig.TakeOverAsync());

        Assert.Contains("manifest", refused.Message, StringComparison.Ordinal);
        Assert.Single(await _rig.ListSegmentsAsync());
    }

    [Fact]
    public async Task Open_BesideTheEmptySegmentOfAnOwnerThatDiedWhileItBegan_Begins()
    {
        await _rig.StoredSegments.CreateAsync(SegmentName.Make(LogRig.Name, 0, 1, Guid.NewGuid()));

        Assert.Equal(0, (await (await _rig.OpenAsync()).PutAsync(TestBatch.Of("a"))).BaseOffset);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("{}")]
    [InlineData("""{"format":2,"epoch":1,"owner":"x","revision":1,"log_start_offset":0,"segments":[]}""")]
    [InlineData("""{"format":1,"epoch":1,"owner":"x","revision":1,"log_start_offset":0,"segments":[]}""")]
    [InlineData("""{"format":1,"epoch":1,"owner":"x","revision":1,"log_start_offset":0,"segments":[{"name":"a","base_offset":0,"created_at_ms":1,"end_offset":5}]}""")]
    [InlineData("""{"format":1,"epoch":1,"owner":"x","revision":1,"log_start_offset":0,"segments":[{"name":"a","base_offset":0,"created_at_ms":1,"end_offset":5},{"name":"b","base_offset":6,"created_at_ms":1}]}""")]
    public async Task Open_WhenTheManifestIsDamaged_IsCorruptAndLeavesEverything(string manifest)
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await _rig.ReplaceDocumentAsync(SegmentName.ManifestOf(LogRig.Name), Encoding.UTF8.GetBytes(manifest));

        await Assert.ThrowsAsync<LogCorruptException>(() => _rig.TakeOverAsync());

        Assert.Single(await _rig.ListSegmentsAsync());
    }

    [Fact]
    public async Task Open_WhenASegmentIsMissing_IsCorrupt()
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await _rig.StoredSegments.DeleteAsync((await _rig.ReadManifestAsync()).Active.Name, TestContext.Current.CancellationToken);

        await Assert.ThrowsAsync<LogCorruptException>(() => _rig.TakeOverAsync());
    }

    [Fact]
    public async Task Open_WhenADurableByteIsFlipped_IsCorruptAndDoesNotShortenTheLog()
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await log.PutAsync(TestBatch.Of("b"));
        var segment = (await _rig.ReadManifestAsync()).Active.Name;
        var bytes = await _rig.ReadSegmentAsync(segment);
        bytes[^3] ^= 0x10;
        await _rig.ReplaceSegmentAsync(segment, bytes);

        var corrupt = await Assert.ThrowsAsync<LogCorruptException>(() => _rig.TakeOverAsync());

        Assert.Contains(segment, corrupt.Message, StringComparison.Ordinal);
        Assert.True((await _rig.ReadSegmentAsync(segment)).Length >= bytes.Length);
    }

    [Fact]
    public async Task Open_WhenDataOfALowerEpochFollowsAFence_IsCorrupt()
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await _rig.TakeOverAsync();
        var zombie = TestBatch.Of("zombie");
        RecordBatchHeader.StampBaseOffset(zombie, 1);
        RecordBatchHeader.StampPartitionLeaderEpoch(zombie, 1);
        await _rig.StoredSegments.AppendAnywhereAsync(
            (await _rig.ReadManifestAsync()).Active.Name, zombie, TestContext.Current.CancellationToken);

        await Assert.ThrowsAsync<LogCorruptException>(() => _rig.TakeOverAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Open_ForProducers_KnowsTheirBatchesAgain(bool rolls)
    {
        _rig.Options = _rig.Options with { SegmentBytes = rolls ? 1 : 100_000 };
        var log = await _rig.OpenAsync();
        for (var i = 0; i < 7; i++)
            await log.PutAsync(TestBatch.By(7, i));

        await log.PutAsync(TestBatch.By(8, 0, epoch: 3));
        log = await _rig.TakeOverAsync();

        await AssertProducersAsync(log);
    }

    [Theory]
    [InlineData("damaged")]
    [InlineData("missing")]
    [InlineData("all damaged")]
    [InlineData("all missing")]
    [InlineData("empty")]
    public async Task Open_WhenAProducerSnapshotIsBad_RebuildsItFromTheLog(string how)
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        for (var i = 0; i < 7; i++)
            await log.PutAsync(TestBatch.By(7, i));

        await log.PutAsync(TestBatch.By(8, 0, epoch: 3));
        var segments = (await _rig.ReadManifestAsync()).Segments;
        foreach (var segment in how.StartsWith("all", StringComparison.Ordinal) ? segments.Where(s => s.HasProducers) : [segments[^1]])
            await SpoilAsync(SegmentName.ProducersOf(segment.Name), how);

        await AssertProducersAsync(await _rig.TakeOverAsync());
    }

    [Fact]
    public async Task Open_AfterRetentionTookAProducersBatches_KnowsItByTheSnapshot()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.By(7, 0));
        await log.PutAsync(TestBatch.Of("b"));
        await log.PutAsync(TestBatch.Of("c"));
        await _rig.DeleteRecordsAsync(log, 2);

        log = await _rig.TakeOverAsync();

        var repeated = await log.PutAsync(TestBatch.By(7, 0));
        Assert.True(repeated.Duplicate);
        Assert.Equal(0, repeated.BaseOffset);
    }

    [Fact]
    public async Task Open_WhenTheStoreFails_ThrowsAndALaterTrySucceeds()
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        _rig.Connect();
        _rig.Segments.ReadsToFail = 1;

        await Assert.ThrowsAsync<StoreUnavailableException>(() => _rig.OpenAsync());

        Assert.Equal(["a"], await (await _rig.OpenAsync()).ReadValuesAsync());
    }

    [Fact]
    public async Task Open_OfALongLog_ReadsTheActiveSegmentOnly()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 20_000 };
        var log = await _rig.OpenAsync();
        for (var i = 0; i < 200; i++)
            await log.PutAsync(TestBatch.Sized(1000));

        await _rig.TakeOverAsync();

        Assert.InRange(_rig.Segments.ReadCount, 1, 4);
    }

    [Fact]
    public async Task Fetch_FromADamagedSealedSegment_NamesThePlaceAndServesAllOthers()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        foreach (var value in (string[])["a", "b", "c"])
            await log.PutAsync(TestBatch.Of(value));

        var segment = (await _rig.ReadManifestAsync()).Segments[1].Name;
        var bytes = await _rig.ReadSegmentAsync(segment);
        bytes[^1] ^= 1;
        await _rig.ReplaceSegmentAsync(segment, bytes);
        log = await _rig.TakeOverAsync();

        var damaged = await log.GetAsync(1);

        Assert.Equal(StreamErrorCode.PartitionOffline, damaged.Error?.Code);
        Assert.Contains(segment, damaged.Error!.Detail, StringComparison.Ordinal);
        Assert.Contains("position", damaged.Error.Detail, StringComparison.Ordinal);
        Assert.Equal("a", Assert.Single(StoredRecords.Of((await log.GetAsync(0)).Batches)).Value);
        Assert.Equal("c", Assert.Single(StoredRecords.Of((await log.GetAsync(2)).Batches)).Value);
        Assert.Equal(3, (await log.PutAsync(TestBatch.Of("d"))).BaseOffset);
    }

    [Theory]
    [InlineData(7, 0x40)] // base offset
    [InlineData(8, 0x01)] // length far beyond the segment
    [InlineData(10, 0x01)] // length a little beyond it
    [InlineData(11, 0x01)] // length one byte off
    [InlineData(16, 0x01)] // magic
    [InlineData(57, 0x40)] // record count
    public async Task Fetch_WhenAHeaderInASealedSegmentIsDamaged_EndsWithAnError(int position, byte flip)
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await log.PutAsync(TestBatch.Of("b"));
        var segment = (await _rig.ReadManifestAsync()).Segments[0].Name;
        var bytes = await _rig.ReadSegmentAsync(segment);
        bytes[FenceBatch.LengthBytes + position] ^= flip;
        await _rig.ReplaceSegmentAsync(segment, bytes);
        log = await _rig.TakeOverAsync();

        Assert.Equal(StreamErrorCode.PartitionOffline, (await log.GetAsync(0)).Error?.Code);
        Assert.Equal("b", Assert.Single(StoredRecords.Of((await log.GetAsync(1)).Batches)).Value);
    }

    [Fact]
    public async Task Fetch_WhenASealedSegmentIsShorterThanRecorded_EndsWithAnError()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await log.PutAsync(TestBatch.Of("b"));
        var segment = (await _rig.ReadManifestAsync()).Segments[0].Name;
        await _rig.ReplaceSegmentAsync(segment, (await _rig.ReadSegmentAsync(segment))[..^5]);
        log = await _rig.TakeOverAsync();

        Assert.Equal(StreamErrorCode.PartitionOffline, (await log.GetAsync(0)).Error?.Code);
    }

    private async Task SpoilAsync(string name, string how)
    {
        if (how.EndsWith("missing", StringComparison.Ordinal))
        {
            await _rig.StoredDocuments.DeleteAsync(name, null);
            return;
        }

        var document = await _rig.StoredDocuments.ReadAsync(name);
        var bytes = document!.Value.Bytes.ToArray();
        bytes[^2] ^= 1;
        await _rig.ReplaceDocumentAsync(name, how == "empty" ? [] : bytes);
    }

    private static async Task AssertProducersAsync(PartitionLog log)
    {
        for (var i = 0; i < 7; i++)
        {
            var repeated = await log.PutAsync(TestBatch.By(7, i));
            Assert.True(repeated.Duplicate);
            Assert.Equal(i, repeated.BaseOffset);
        }

        Assert.Equal(StreamErrorCode.OutOfOrderSequenceNumber, (await log.PutAsync(TestBatch.By(7, 8))).Error?.Code);
        Assert.Equal(StreamErrorCode.InvalidProducerEpoch, (await log.PutAsync(TestBatch.By(8, 1, epoch: 2))).Error?.Code);
        Assert.Equal(8, (await log.PutAsync(TestBatch.By(7, 7))).BaseOffset);
    }
}
