using System.Text;
using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

public sealed class FindOffsetTests
{
    private const long Start = TestBatch.TimestampMs;
    private readonly LogRig _rig = new();

    [Theory]
    [InlineData(CompressionType.None, 1)]
    [InlineData(CompressionType.None, 100_000)]
    [InlineData(CompressionType.Zstd, 1)]
    [InlineData(CompressionType.Gzip, 100_000)]
    [InlineData(CompressionType.Lz4, 2000)]
    [InlineData(CompressionType.Snappy, 2000)]
    public async Task Find_OfEveryTime_IsTheFirstRecordAtOrAfterIt(CompressionType compression, int segmentBytes)
    {
        _rig.Options = _rig.Options with { SegmentBytes = segmentBytes };
        var log = await _rig.OpenAsync();
        var random = new Random(5);
        var times = new List<long>();
        for (var i = 0; i < 20; i++)
        {
            var batch = Enumerable.Range(0, 5).Select(_ => Start + (i * 100) + random.Next(-250, 250)).ToList();
            times.AddRange(batch);
            await log.PutAsync(TestBatch.Make(
                new RecordBatchOptions { Compression = compression }, batch.Select(time => (time, new string('x', 300)))));
        }

        for (var owner = 0; owner < 2; owner++)
        {
            for (var time = Start - 300; time < Start + 2400; time += 13)
            {
                var expected = times.FindIndex(t => t >= time);
                var found = await log.FindAsync(time);
                Assert.Null(found.Error);
                Assert.Equal(expected < 0 ? 100 : expected, found.Offset);
                Assert.Equal(expected < 0 ? -1 : times[expected], found.TimestampMs);
            }

            log = await _rig.TakeOverAsync();
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1_500)]
    [InlineData(100_000)]
    public async Task Find_OfTheLatestTime_IsTheFirstRecordThatHasIt(int segmentBytes)
    {
        _rig.Options = _rig.Options with { SegmentBytes = segmentBytes };
        var log = await _rig.OpenAsync();
        Assert.Equal(new LogFindResult(null, 0, -1), await log.FindAsync(LogOffsets.MaxTimestamp));
        long[] times = [Start + 5, Start + 90, Start + 7, Start + 90, Start + 100, Start + 60, Start + 100, Start + 1];
        foreach (var time in times)
            await log.PutAsync(TestBatch.Make(new RecordBatchOptions(), [(time, new string('x', 300))]));

        for (var owner = 1; owner <= 2; owner++)
        {
            Assert.Equal(new LogFindResult(null, 4, Start + 100) { Epoch = 1 }, await log.FindAsync(LogOffsets.MaxTimestamp));
            log = await _rig.TakeOverAsync();
        }

        // The latest ones go; the time of their segment may be theirs still.
        await _rig.DeleteRecordsAsync(log, 7);
        Assert.Equal(new LogFindResult(null, 7, Start + 1) { Epoch = 1 }, await log.FindAsync(LogOffsets.MaxTimestamp));
    }

    [Fact]
    public async Task Find_BelowTheLogStart_IsAtOrAboveIt()
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a", "b", "c"));
        await _rig.DeleteRecordsAsync(log, 1);

        Assert.Equal(1, (await log.FindAsync(0)).Offset);
    }

    [Fact]
    public async Task Find_WhereTheLogStampsTimes_GoesByThose()
    {
        _rig.Options = _rig.Options with { StampsAppendTime = true };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        _rig.Time.Advance(TimeSpan.FromSeconds(10));
        await log.PutAsync(TestBatch.Of("b"));

        Assert.Equal((1, _rig.NowMs), ((await log.FindAsync(Start + 1)).Offset, (await log.FindAsync(Start + 1)).TimestampMs));
    }

    [Fact]
    public async Task Find_InADamagedSegment_NamesItAndDoesNotSkipIt()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await log.PutAsync(TestBatch.Of("b"));
        var segment = (await _rig.ReadManifestAsync()).Segments[0].Name;
        var bytes = await _rig.ReadSegmentAsync(segment);
        bytes[^1] ^= 1;
        await _rig.ReplaceSegmentAsync(segment, bytes);
        log = await _rig.TakeOverAsync();

        var found = await log.FindAsync(Start);

        Assert.Equal(StreamErrorCode.PartitionOffline, found.Error?.Code);
        Assert.Contains(segment, found.Error!.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Find_OfNothingByAStaleOwner_IsRefused()
    {
        var stale = await _rig.OpenAsync();
        var other = await _rig.TakeOverAsync();
        await other.PutAsync(TestBatch.Of("a"));
        await _rig.PassAsync(TimeSpan.FromSeconds(6));

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, (await stale.FindAsync(Start)).Error?.Code);
    }

    [Theory]
    [InlineData("missing")]
    [InlineData("damaged")]
    [InlineData("empty")]
    [InlineData("text")]
    public async Task Fetch_WhenAStoredIndexIsBad_MakesItAgain(string how)
    {
        _rig.Options = _rig.Options with { SegmentBytes = 60_000 };
        var log = await _rig.OpenAsync();
        for (var i = 0; i < 100; i++)
            await log.PutAsync(TestBatch.At(Start + i, $"{i}" + new string('x', 1000)));

        foreach (var segment in (await _rig.ReadManifestAsync()).Segments.Where(s => s.IsSealed))
        {
            var name = SegmentName.IndexOf(segment.Name);
            var bytes = (await _rig.StoredDocuments.ReadAsync(name, TestContext.Current.CancellationToken))!.Value.Bytes.ToArray();
            if (how == "missing")
            {
                await _rig.StoredDocuments.DeleteAsync(name, null, TestContext.Current.CancellationToken);
                continue;
            }

            bytes[20] ^= 0x40;
            await _rig.ReplaceDocumentAsync(
                name, how == "damaged" ? bytes : how == "empty" ? [] : Encoding.UTF8.GetBytes("no index at all, but text"));
        }

        log = await _rig.TakeOverAsync();

        for (var i = 99; i >= 0; i -= 7)
        {
            var fetched = StoredRecords.Of((await log.GetAsync(i, 1)).Batches);
            Assert.StartsWith($"{i}x", Assert.Single(fetched).Value, StringComparison.Ordinal);
            Assert.Equal(i, (await log.FindAsync(Start + i)).Offset);
        }
    }

    [Fact]
    public void Index_OfManyBatches_FindsAPlaceCloseBeforeEach()
    {
        var index = new SegmentIndex(1000);
        for (var i = 0; i < 1000; i++)
            index.Add(1000 + (i * 3), i * 500, Start + i);

        var read = SegmentIndex.TryParse(1000, index.ToBytes())!;

        Assert.InRange(index.Count, 1000 * 500 / (LogLimits.IndexIntervalBytes + 500), 1000 * 500 / LogLimits.IndexIntervalBytes);
        for (var i = 0; i < 1000; i++)
        {
            foreach (var found in (IndexedPlace[])[read.FindPosition(1000 + (i * 3) + 2), read.FindPositionByTime(Start + i)])
            {
                Assert.InRange(found.Position, (i * 500) - LogLimits.IndexIntervalBytes - 500, i * 500);
                Assert.Equal(1000 + (found.Position / 500 * 3), found.Offset);
            }
        }
    }
}
