using System.Buffers.Binary;
using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

public sealed class AdmissionTests
{
    public static TheoryData<string, StreamErrorCode> Malformed { get; } = new()
    {
        { "empty", StreamErrorCode.InvalidRequest },
        { "flipped bit in the value", StreamErrorCode.CorruptMessage },
        { "cut short", StreamErrorCode.CorruptMessage },
        { "bytes behind", StreamErrorCode.CorruptMessage },
        { "negative length", StreamErrorCode.CorruptMessage },
        { "magic 1", StreamErrorCode.UnsupportedForMessageFormat },
        { "control", StreamErrorCode.InvalidRecord },
        { "transactional", StreamErrorCode.InvalidRecord },
        { "fence", StreamErrorCode.InvalidRecord },
        { "the log's own time", StreamErrorCode.InvalidTimestamp },
        { "delete horizon", StreamErrorCode.InvalidRecord },
        { "no record", StreamErrorCode.InvalidRecord },
        { "gap in offsets", StreamErrorCode.InvalidRecord },
        { "producer without sequence", StreamErrorCode.InvalidRecord },
        { "producer without epoch", StreamErrorCode.InvalidRecord },
        { "two producers", StreamErrorCode.InvalidRecord },
        { "gap in sequences", StreamErrorCode.InvalidRecord },
        { "too far ahead", StreamErrorCode.InvalidTimestamp },
        { "several records too large", StreamErrorCode.MessageTooLarge },
        { "one record too large", StreamErrorCode.MessageTooLarge },
        { "more than one append takes", StreamErrorCode.RecordListTooLarge },
        { "a good one and a bad one", StreamErrorCode.CorruptMessage },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public async Task Append_WhenBatchesAreMalformed_IsRefusedAndNothingIsStored(string what, StreamErrorCode code)
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();

        var result = await log.PutAsync(Make(what));

        Assert.Equal(code, result.Error?.Code);
        Assert.NotEmpty(result.Error!.Detail);
        Assert.False(result.Error.OutcomeUnknown);
        Assert.Empty(rig.Segments.Appends);
        Assert.Equal(0, (await log.PutAsync(TestBatch.Of("next"))).BaseOffset);
    }

    [Fact]
    public async Task Append_WhenCompressionIsUnknown_IsRefused()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();

        var result = await log.PutAsync(Change(TestBatch.Of("a"), RecordBatchHeader.AttributesPosition + 1, 5));

        Assert.True(result.Error?.Code is StreamErrorCode.UnsupportedCompressionType or StreamErrorCode.CorruptMessage);
    }

    [Fact]
    public async Task Append_WhenARecordIsJustWithinBounds_IsTaken()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();

        Assert.Null((await log.PutAsync(TestBatch.Sized(rig.Options.MessageBytesMax))).Error);
        Assert.Null((await log.PutAsync(TestBatch.At(rig.NowMs + (long)rig.Options.TimestampAheadMax.TotalMilliseconds, "a"))).Error);
    }

    [Fact]
    public async Task Configure_WhenSettingsChange_HoldFromTheNextAppendOn()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();

        log.Configure(rig.Options with { MessageBytesMax = 10 });

        Assert.Equal(
            StreamErrorCode.MessageTooLarge, (await log.PutAsync(TestBatch.Sized(10 + LogLimits.RecordFramingBytesMax))).Error?.Code);
    }

    private static byte[] Make(string what) => what switch
    {
        "empty" => [],
        "flipped bit in the value" => Flip(TestBatch.Of("abc")),
        "cut short" => TestBatch.Of("abc")[..^1],
        "bytes behind" => [.. TestBatch.Of("abc"), 0],
        "negative length" => Set(TestBatch.Of("abc"), RecordBatchHeader.BatchLengthPosition, -1),
        "magic 1" => SetByte(TestBatch.Of("abc"), RecordBatchHeader.MagicPosition, 1),
        "control" => TestBatch.Make(new RecordBatchOptions { IsControl = true }, [(TestBatch.TimestampMs, "a")]),
        "transactional" => TestBatch.Make(new RecordBatchOptions { IsTransactional = true }, [(TestBatch.TimestampMs, "a")]),
        "the log's own time" => TestBatch.Make(
            new RecordBatchOptions { TimestampType = TimestampType.LogAppendTime }, [(TestBatch.TimestampMs, "a")]),
        "delete horizon" => Change(TestBatch.Of("a"), RecordBatchHeader.AttributesPosition + 1, 0x40),
        "fence" => Fence(),
        "no record" => TestBatch.Of(),
        "gap in offsets" => Change(TestBatch.Of("a", "b"), RecordBatchHeader.LastOffsetDeltaPosition + 3, 5),
        "producer without sequence" => TestBatch.Make(
            new RecordBatchOptions { ProducerId = 3, ProducerEpoch = 0 }, [(TestBatch.TimestampMs, "a")]),
        "producer without epoch" => TestBatch.Make(
            new RecordBatchOptions { ProducerId = 3, BaseSequence = 0 }, [(TestBatch.TimestampMs, "a")]),
        "two producers" => TestBatch.Join(TestBatch.By(1, 0), TestBatch.By(2, 1)),
        "gap in sequences" => TestBatch.Join(TestBatch.By(1, 0), TestBatch.By(1, 2)),
        "too far ahead" => TestBatch.At(TestBatch.TimestampMs + 3_600_001, "a"),
        "several records too large" => TestBatch.Of(new string('a', 524_294), new string('b', 524_294)),
        "one record too large" => TestBatch.Sized(1_048_588 + LogLimits.RecordFramingBytesMax),
        "more than one append takes" => TestBatch.Join([.. Enumerable.Repeat(TestBatch.Sized(1_000_000), 5)]),
        "a good one and a bad one" => TestBatch.Join(TestBatch.Of("a"), Flip(TestBatch.Of("b"))),
        _ => throw new ArgumentOutOfRangeException(nameof(what), what, null),
    };

    private static byte[] Flip(byte[] batch)
    {
        batch[^2] ^= 1;
        return batch;
    }

    private static byte[] Set(byte[] batch, int position, int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(batch.AsSpan(position), value);
        return batch;
    }

    [Fact]
    public async Task Append_WhenTheFirstOfANewProducerWasThrottled_DoesNotLetLaterOnesPassIt()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();
        var early = log.PutAsync(TestBatch.By(8, 0));
        var taken = Enumerable.Range(0, LogLimits.PendingAppendsMax - 1).Select(_ => log.PutAsync(TestBatch.Of("x"))).ToList();
        taken.Add(log.PutAsync(TestBatch.By(9, 0)));
        Assert.Equal(StreamErrorCode.ThrottlingQuotaExceeded, (await log.PutAsync(TestBatch.By(7, 0))).Error?.Code);
        // These have something on its way, which is not disturbed.
        Assert.Equal(StreamErrorCode.ThrottlingQuotaExceeded, (await log.PutAsync(TestBatch.By(8, 1))).Error?.Code);
        Assert.Equal(StreamErrorCode.ThrottlingQuotaExceeded, (await log.PutAsync(TestBatch.By(9, 1))).Error?.Code);
        held.Release();
        Assert.All(await Task.WhenAll([early, .. taken]), result => Assert.Null(result.Error));

        foreach (var producer in (int[])[7, 8, 9])
        {
            var next = producer == 7 ? 0 : 1;
            Assert.Equal(
                StreamErrorCode.OutOfOrderSequenceNumber, (await log.PutAsync(TestBatch.By(producer, next + 1))).Error?.Code);
            Assert.Null((await log.PutAsync(TestBatch.By(producer, next))).Error);
            Assert.Null((await log.PutAsync(TestBatch.By(producer, next + 1))).Error);
        }
    }

    [Fact]
    public async Task Append_WhenAConditionalOneIsRepeated_IsAnsweredAsTheFirstTime()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        Assert.Equal(1, (await log.PutAsync(TestBatch.By(7, 0), expectedNextOffset: 1)).BaseOffset);
        await log.PutAsync(TestBatch.Of("b"));

        var repeated = await log.PutAsync(TestBatch.By(7, 0), expectedNextOffset: 1);
        var other = await log.PutAsync(TestBatch.By(7, 1), expectedNextOffset: 1);

        Assert.Equal((true, 1L), (repeated.Duplicate, repeated.BaseOffset));
        Assert.Equal(StreamErrorCode.OffsetConditionFailed, other.Error?.Code);
        Assert.Equal(["a", "7/0/0", "b"], await log.ReadValuesAsync());
    }

    private static byte[] SetByte(byte[] batch, int position, byte value)
    {
        batch[position] = value;
        return batch;
    }

    private static byte[] Change(byte[] batch, int position, byte value)
    {
        batch[position] = value;
        RecordBatchHeader.StampCrc(batch);
        return batch;
    }

    private static byte[] Fence()
    {
        var fence = new byte[FenceBatch.LengthBytes];
        FenceBatch.Write(fence, 0, 99);
        return fence;
    }
}
