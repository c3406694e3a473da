using CsCheck;
using OrleansStream.Errors;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>Nothing that a batch's header says of its records is believed: look-ups and retention go by the records.</summary>
public sealed class BelievedHeaderTests
{
    private const long Start = TestBatch.TimestampMs;
    private const int SegmentBytes = 1500;

    private static readonly Gen<long> MaxTimestamp = Gen.OneOf(
        Gen.Const(-1L), Gen.Const(0L), Gen.Const(long.MaxValue), Gen.Const(long.MinValue), Gen.Long[Start - 3000, Start + 3000]);

    // Enough for several index entries and segments.
    private static readonly Gen<SentTimes[]> Sent = Gen.Select(
        Gen.Enum<CompressionType>(), Gen.Long[-2000, 2000].Array[1, 6], Gen.Long[-5000, 5000], MaxTimestamp,
        (codec, times, shift, max) => new SentTimes(codec, [.. times.Select(time => Start + time)], shift, max)).Array[1, 25];

    public static TheoryData<CompressionType> Codecs => TestRecords.Codecs;

    [Fact]
    public async Task Find_WhateverHeadersSaid_IsTheFirstRecordAtOrAfterATime() => await Sent.SampleAsync(
        async sent =>
        {
            var rig = new LogRig();
            rig.Options = rig.Options with { SegmentBytes = SegmentBytes };
            var log = await rig.OpenAsync();
            foreach (var one in sent)
                Assert.Null((await log.PutAsync(one.ToBatch())).Error);

            await AssertFindsAsync(log, sent);
            await AssertFindsAsync(await rig.TakeOverAsync(), sent);
            Assert.All(await FetchHeadersAsync(log, sent), pair => Assert.Equal(pair.Sent.Times.Max(), pair.Header.MaxTimestamp));
        },
        iter: 60);

    [Fact]
    public async Task Find_InSegmentsOfAnEarlierVersion_IsTheFirstRecordAtOrAfterATime() => await Gen.Select(Sent, Gen.Int[1, 4]).SampleAsync(
        async (sent, perSegment) =>
        {
            var rig = new LogRig();
            await StoreAsync(rig, sent, perSegment);
            var log = await rig.OpenAsync();
            await AssertFindsAsync(log, sent);

            // Once read, that is noted down, so that no owner reads them for it again.
            await rig.MaintainAsync(log);
            log = await rig.TakeOverAsync();
            await AssertFindsAsync(log, sent);
            Assert.False(log.IsMaintenanceDue);
            Assert.All((await rig.ReadManifestAsync()).Segments.Where(segment => segment.IsSealed), segment => Assert.True(segment.TimesChecked));

            // And with what an earlier version drops of it.
            await rig.CloseAsync(log);
            await rig.ReplaceDocumentAsync(
                SegmentName.ManifestOf(LogRig.Name), EarlierVersion.WithoutLaterFields((await rig.ReadManifestAsync()).ToBytes()));
            await AssertFindsAsync(await rig.TakeOverAsync(), sent);
        },
        iter: 40);

    [Fact]
    public async Task Retention_WhateverHeadersSaid_KeepsWhatIsNotDue() => await Gen.Select(Sent, Gen.Int[1, 4], Gen.Bool).SampleAsync(
        async (sent, perSegment, isOfEarlierVersion) =>
        {
            var rig = new LogRig();
            rig.Options = rig.Options with { SegmentBytes = SegmentBytes, SegmentAge = TimeSpan.FromSeconds(60) };
            if (isOfEarlierVersion)
                await StoreAsync(rig, sent, perSegment);

            var log = await rig.OpenAsync();
            foreach (var one in isOfEarlierVersion ? [] : sent)
                Assert.Null((await log.PutAsync(one.ToBatch())).Error);

            log.Configure(rig.Options with { RetentionAge = TimeSpan.FromMilliseconds(1000) });
            for (var round = 0; round < 8; round++)
            {
                await rig.MaintainAsync(log);
                var times = sent.SelectMany(one => one.Times).ToList();
                for (var offset = 0; offset < log.State.LogStartOffset; offset++)
                    Assert.True(times[offset] < rig.NowMs - 1000, $"{offset}, dated {times[offset]}, was deleted at {rig.NowMs}");

                rig.Time.Advance(TimeSpan.FromMilliseconds(500));
            }

            // Nothing stays for good, whatever was said.
            for (var minute = 0; minute < 3; minute++)
            {
                await rig.PassAsync(TimeSpan.FromMinutes(1));
                await rig.MaintainAsync(log);
            }

            Assert.Equal(log.State.HighWatermark, log.State.LogStartOffset);
        },
        iter: 40);

    [Fact]
    public async Task Retention_OfADamagedSegmentOfAnEarlierVersion_GoesNoEarlierThanByItsClosing()
    {
        var rig = new LogRig();
        SentTimes[] sent = [
            new(CompressionType.None, [Start], 0, 5), new(CompressionType.None, [Start], 0, 5), new(CompressionType.None, [Start], 0, 5)];
        await StoreAsync(rig, sent, perSegment: 1);
        var log = await rig.OpenAsync();
        var segment = (await rig.ReadManifestAsync()).Segments[0].Name;
        var bytes = await rig.ReadSegmentAsync(segment);
        bytes[^1] ^= 1;
        await rig.ReplaceSegmentAsync(segment, bytes);
        log.Configure(rig.Options with { RetentionAge = TimeSpan.FromHours(1) });

        await rig.MaintainAsync(log);
        Assert.Equal(0, log.State.LogStartOffset);
        Assert.Equal(StreamErrorCode.PartitionOffline, (await log.FindAsync(Start)).Error?.Code);

        rig.Time.Advance(TimeSpan.FromMinutes(61));
        await rig.MaintainAsync(log);
        Assert.Equal(3, log.State.LogStartOffset);
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public async Task Append_OfARecordTooFarAhead_IsRefusedWhateverTheHeaderSays(CompressionType codec)
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var aheadMs = (long)rig.Options.TimestampAheadMax.TotalMilliseconds;
        foreach (var max in (long[])[-1, 0, Start, Start + aheadMs + 1, long.MaxValue])
        {
            var refused = await log.PutAsync(new SentTimes(codec, [Start, Start + aheadMs + 1, Start], 77, max).ToBatch());
            Assert.Equal(StreamErrorCode.InvalidTimestamp, refused.Error?.Code);
            Assert.Null((await log.PutAsync(new SentTimes(codec, [Start, Start + aheadMs], 77, max).ToBatch())).Error);
        }
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public async Task Append_OfAnyLieInTheHeader_IsRefusedOrHarmless(CompressionType codec) => await Gen.Select(
        Gen.Int[RecordBatchHeader.AttributesPosition, RecordBatchHeader.HeaderLengthBytes - 1], Gen.Byte.Array[1, 8]).SampleAsync(
        async (position, bytes) =>
        {
            var rig = new LogRig();
            rig.Options = rig.Options with { TimestampAheadMax = TimeSpan.MaxValue };
            var log = await rig.OpenAsync();
            var sent = new SentTimes(codec, [Start, Start + 50, Start + 20], 0, Start + 50).ToBatch();
            var lying = LyingBatch.With(sent, position, bytes[..Math.Min(bytes.Length, RecordBatchHeader.HeaderLengthBytes - position)]);
            var result = await log.PutAsync(lying);
            if (result.Error is not null)
            {
                Assert.Empty(rig.Segments.Appends);
                return;
            }

            var records = await log.ReadAllAsync();
            Assert.Equal(["0", "1", "2"], records.Select(record => record.Value));
            foreach (var time in records.SelectMany(record => (long[])[record.TimestampMs, record.TimestampMs + 1]))
            {
                var expected = records.FindIndex(record => record.TimestampMs >= time);
                Assert.Equal(expected < 0 ? 3 : expected, (await log.FindAsync(time)).Offset);
            }
        },
        iter: 1000);

    private static async Task StoreAsync(LogRig rig, SentTimes[] sent, int perSegment) => await EarlierVersion.StoreAsync(
        rig.StoredSegments, rig.StoredDocuments, LogRig.Name, rig.NowMs,
        [.. sent.Chunk(perSegment).Select(chunk => chunk.Select(one => one.ToBatch()).ToList())]);

    private static async Task AssertFindsAsync(PartitionLog log, SentTimes[] sent)
    {
        var times = sent.SelectMany(one => one.Times).ToList();
        foreach (var time in times.SelectMany(time => (long[])[time - 1, time, time + 1]).Append(0).Append(Start).Distinct())
        {
            var expected = times.FindIndex(one => one >= time);
            var found = await log.FindAsync(time);
            Assert.Null(found.Error);
            Assert.Equal((expected < 0 ? times.Count : expected, expected < 0 ? -1 : times[expected]), (found.Offset, found.TimestampMs));
        }
    }

    private static async Task<List<(SentTimes Sent, RecordBatchHeader Header)>> FetchHeadersAsync(PartitionLog log, SentTimes[] sent)
    {
        var headers = new List<(SentTimes, RecordBatchHeader)>();
        for (long offset = 0; offset < log.State.HighWatermark;)
            offset = Read(await log.GetAsync(offset));

        return headers;

        long Read(LogFetchResult fetched)
        {
            var scanner = new RecordBatchScanner(fetched.Batches.Span);
            long next = 0;
            while (scanner.MoveNext())
            {
                headers.Add((sent[headers.Count], scanner.Header));
                next = scanner.Header.NextOffset;
            }

            return next;
        }
    }

    /// <summary>Records' true times, the base that their deltas count from, and what the header says of the latest.</summary>
    internal sealed record SentTimes(CompressionType Codec, long[] Times, long BaseShift, long MaxTimestampMs)
    {
        public byte[] ToBatch() => LyingBatch.Of(
            Codec, [.. Times.SelectMany((time, i) => LyingBatch.Record(i, time - Start - BaseShift, value: $"{i}"))],
            Times.Length, Start + BaseShift, MaxTimestampMs);
    }
}
