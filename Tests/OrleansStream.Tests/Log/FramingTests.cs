using OrleansStream.Errors;
using OrleansStream.Maintenance.Verification;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>Records that are not framed as they are to be come into no log, and where they lie in one they are told of.</summary>
public sealed class FramingTests
{
    private static readonly byte[] NullHeaderKey = [2, 1, 1], NegativeHeaderCount = [1], EndlessHeaderCount = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

    public static TheoryData<string, CompressionType> Kinds
    {
        get
        {
            var kinds = new TheoryData<string, CompressionType>();
            foreach (var kind in Framings.Keys)
            {
                foreach (var codec in Enum.GetValues<CompressionType>())
                    kinds.Add(kind, codec);
            }

            return kinds;
        }
    }

    // Each of three records, under a header that says three; and the first offset that cannot be served.
    private static Dictionary<string, (byte[][] Records, long? Unreadable)> Framings { get; } = new()
    {
        ["offsets swapped"] = ([LyingBatch.Record(1), LyingBatch.Record(0), LyingBatch.Record(2)], 0),
        ["offsets backwards"] = ([LyingBatch.Record(2), LyingBatch.Record(1), LyingBatch.Record(0)], 0),
        ["last two swapped"] = ([LyingBatch.Record(0), LyingBatch.Record(2), LyingBatch.Record(1)], 1),
        ["offset twice"] = ([LyingBatch.Record(0), LyingBatch.Record(0), LyingBatch.Record(2)], 1),
        ["all at one offset"] = ([LyingBatch.Record(2), LyingBatch.Record(2), LyingBatch.Record(2)], 0),
        ["gap"] = ([LyingBatch.Record(0), LyingBatch.Record(2), LyingBatch.Record(3)], 1),
        ["negative offset"] = ([LyingBatch.Record(-1), LyingBatch.Record(1), LyingBatch.Record(2)], 0),
        ["offset beyond 31 bits"] = ([LyingBatch.Record(0), LyingBatch.Record(1), LyingBatch.Record(2 + (1L << 32))], 2),
        ["one too few"] = ([LyingBatch.Record(0), LyingBatch.Record(1, value: "a record as long as two")], 2),
        ["one too many"] = ([LyingBatch.Record(0), LyingBatch.Record(1), LyingBatch.Record(2), LyingBatch.Record(3)], null),
        ["header count -1"] = ([LyingBatch.Record(0), LyingBatch.Record(1, headers: NegativeHeaderCount), LyingBatch.Record(2)], 1),
        ["header count too long"] = ([LyingBatch.Record(0, headers: EndlessHeaderCount), LyingBatch.Record(1), LyingBatch.Record(2)], 0),
        ["header count without headers"] = ([LyingBatch.Record(0, headers: [4]), LyingBatch.Record(1), LyingBatch.Record(2)], 0),
        ["null header key"] = ([LyingBatch.Record(0, headers: NullHeaderKey), LyingBatch.Record(1), LyingBatch.Record(2)], 0),
        ["length too short"] = ([LyingBatch.Record(0, length: 5), LyingBatch.Record(1), LyingBatch.Record(2)], 0),
        ["length too long"] = ([LyingBatch.Record(0), LyingBatch.Record(1), LyingBatch.Record(2, length: 100)], 2),
        ["length negative"] = ([LyingBatch.Record(0), LyingBatch.Record(1, length: -3), LyingBatch.Record(2)], 1),
        ["byte behind the fields"] = ([LyingBatch.Record(0, headers: [0, 0]), LyingBatch.Record(1), LyingBatch.Record(2)], 0),
        ["byte behind the last"] = ([LyingBatch.Record(0), LyingBatch.Record(1), LyingBatch.Record(2), [0]], null),
        ["time that overflows"] = ([LyingBatch.Record(0), LyingBatch.Record(1, long.MaxValue), LyingBatch.Record(2)], 1),
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Append_OfBadFraming_IsRefusedAndNothingIsStored(string kind, CompressionType codec)
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var good = TestBatch.Of("good");

        foreach (var batches in (byte[][])[Make(kind, codec), TestBatch.Join(good, Make(kind, codec)), TestBatch.Join(Make(kind, codec), good)])
        {
            var result = await log.PutAsync(batches);
            Assert.Equal(StreamErrorCode.CorruptMessage, result.Error?.Code);
        }

        Assert.Empty(rig.Segments.Appends);
        Assert.Equal(0, (await log.PutAsync(good)).BaseOffset);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Verify_OfBadFramingThatIsStored_TellsWhichOffsetsAreLost(string kind, CompressionType codec)
    {
        var rig = new LogRig();
        var good = TestBatch.Of("good");
        await EarlierVersion.StoreAsync(
            rig.StoredSegments, rig.StoredDocuments, LogRig.Name, rig.NowMs, [good, Make(kind, codec), good], [good, Make(kind, codec)]);

        var verification = await LogVerification.RunAsync(
            LogRig.Name, rig.StoredSegments, rig.StoredDocuments, TestContext.Current.CancellationToken);

        var lost = Framings[kind].Unreadable;
        Assert.Equal([lost + 1, lost + 6], verification.Faults.Select(fault => fault.Offset));
        Assert.All(verification.Faults, fault => Assert.False(fault.IsHarmless));
        Assert.All(verification.Faults, fault => Assert.True(fault.Position > 0));

        // And the log is opened and goes on.
        var log = await rig.OpenAsync();
        Assert.Equal(9, (await log.PutAsync(good)).BaseOffset);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Read_OfBadFramingThatIsStored_GivesOrNamesEveryOffsetOnce(string kind, CompressionType codec)
    {
        using var reader = new StoredBatchReader(Make(kind, codec));
        long next = 0;
        while (reader.TryReadNext(out var record))
            Assert.Equal(next++, record.Offset);
        var lost = Framings[kind].Unreadable;
        Assert.Equal(lost ?? 3, next);
        Assert.Equal(lost is null ? null : ((long, long)?)(lost.Value, 2),
            reader.UnreadableFrom(0) is { } rest ? (rest.Offset, rest.LastOffset) : null);
        Assert.NotNull(reader.Fault);
    }

    [Fact]
    public async Task Append_OfRecordsWithAttributes_IsRefused()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        for (var bit = 0; bit < 8; bit++)
        {
            var batch = LyingBatch.Of(CompressionType.None, LyingBatch.Record(0, attributes: (byte)(1 << bit)), 1);
            Assert.Equal(StreamErrorCode.CorruptMessage, (await log.PutAsync(batch)).Error?.Code);
        }

        for (var bit = 7; bit < 16; bit++)
        {
            byte[] attributes = [(byte)((1 << bit) >> 8), (byte)(1 << bit)];
            var batch = LyingBatch.With(TestBatch.Of("a"), RecordBatchHeader.AttributesPosition, attributes);
            Assert.Equal(StreamErrorCode.InvalidRecord, (await log.PutAsync(batch)).Error?.Code);
        }
    }

    [Fact]
    public async Task Append_OfSeveralGzipMembers_StoresOne()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        byte[] records = [.. Enumerable.Range(0, 9).SelectMany(i => LyingBatch.Record(i, value: $"{i}"))];
        for (var first = 0; first <= records.Length; first++)
        {
            var at = first;
            var sent = LyingBatch.Of(
                CompressionType.Gzip, records, 9, pack: all => LyingBatch.PackTwice(CompressionType.Gzip, all, at), maxTimestampMs: 3);
            var batches = TestBatch.Join(TestBatch.Of("before"), sent, TestBatch.Of("behind"));
            Assert.Equal(first * 11, (await log.PutAsync(batches)).BaseOffset);
        }

        var values = await log.ReadValuesAsync();
        Assert.Equal(
            Enumerable.Range(0, records.Length + 1).SelectMany(_ => (string[])["before", .. Enumerable.Range(0, 9).Select(i => $"{i}"), "behind"]),
            values);
        AssertOneMemberEach((await log.GetAsync(0)).Batches);
    }

    private static void AssertOneMemberEach(ReadOnlyMemory<byte> batches)
    {
        var scanner = new RecordBatchScanner(batches.Span);
        while (scanner.MoveNext())
        {
            var summary = RecordBatchReader.ValidateRecords(scanner.Batch);
            Assert.False(summary.HasSeveralGzipMembers);
            Assert.Equal(summary.MaxTimestampMs, scanner.Header.MaxTimestamp);
        }
    }

    private static byte[] Make(string kind, CompressionType codec) =>
        LyingBatch.Of(codec, [.. Framings[kind].Records.SelectMany(record => record)], 3);
}
