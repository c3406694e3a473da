using System.Buffers;
using CsCheck;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Records;

public sealed class RecordBatchRoundTripTests
{
    [Theory]
    [MemberData(nameof(TestRecords.Codecs), MemberType = typeof(TestRecords))]
    public void Decode_WhenEncoded_GivesTheRecordsBack(CompressionType codec) =>
        TestRecords.Some.Sample(
            records =>
            {
                var options = new RecordBatchOptions { Compression = codec };
                var batch = TestRecords.Encode(options, records);
                Assert.Equal(RecordBatchStatus.Valid, RecordBatchScanner.Validate(batch, out var header, out var length));
                Assert.Equal(batch.Length, length);
                Assert.Equal(records, TestRecords.Decode(batch));
                Assert.Equal(records.Max(r => r.TimestampMs), header.MaxTimestamp);
                Assert.Equal(records[0].TimestampMs, header.BaseTimestamp);
                var summary = RecordBatchReader.ValidateRecords(batch);
                var unfolded = header.Compression == CompressionType.None
                    ? 0
                    : TestRecords.Encode(new RecordBatchOptions(), records).Length - RecordBatchHeader.HeaderLengthBytes;
                Assert.Equal(
                    new RecordBatchSummary(
                        records.Length, records.Min(r => r.TimestampMs), records.Max(r => r.TimestampMs), UnfoldedBytes: unfolded),
                    summary);
            },
            iter: 150);

    [Fact]
    public void Header_WhenEncoded_HoldsEveryOption() =>
        Gen.Select(Gen.Long[0, long.MaxValue / 2], Gen.Int, Gen.Long[0, long.MaxValue], Gen.Short[0, short.MaxValue], Gen.Int[0, int.MaxValue],
            Gen.Bool, Gen.Bool)
            .Sample((baseOffset, epoch, producer, producerEpoch, sequence, transactional, control) =>
            {
                var batch = TestRecords.Encode(
                    new RecordBatchOptions
                    {
                        BaseOffset = baseOffset, PartitionLeaderEpoch = epoch, ProducerId = producer, ProducerEpoch = producerEpoch,
                        BaseSequence = sequence, IsTransactional = transactional, IsControl = control,
                        TimestampType = TimestampType.LogAppendTime,
                    },
                    TestRecords.Text("k", "v"), TestRecords.Text("k", "w"));
                Assert.True(RecordBatchHeader.TryRead(batch, out var header));
                Assert.Equal((baseOffset, baseOffset + 1, baseOffset + 2), (header.BaseOffset, header.LastOffset, header.NextOffset));
                Assert.Equal((epoch, producer, producerEpoch, sequence),
                    (header.PartitionLeaderEpoch, header.ProducerId, header.ProducerEpoch, header.BaseSequence));
                Assert.Equal((transactional, control, false), (header.IsTransactional, header.IsControl, header.HasDeleteHorizon));
                Assert.Equal(TimestampType.LogAppendTime, header.TimestampType);
                Assert.Equal((2, 1, batch.Length), (header.RecordCount, header.LastOffsetDelta, header.LengthBytes));
            });

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(7, 4, 11)]
    [InlineData(int.MaxValue, 1, 0)]
    [InlineData(int.MaxValue - 1, 1, int.MaxValue)]
    [InlineData(-1, 3, -1)]
    public void LastSequence_WhenItPassesTheGreatest_GoesOnAtZero(int baseSequence, int lastOffsetDelta, int expected)
    {
        TestRecord[] records = [.. Enumerable.Repeat(TestRecords.Text("k", "v"), lastOffsetDelta + 1)];
        var batch = TestRecords.Encode(new RecordBatchOptions { BaseSequence = baseSequence }, records);
        Assert.True(RecordBatchHeader.TryRead(batch, out var header));
        Assert.Equal(expected, header.LastSequence);
    }

    [Theory]
    [MemberData(nameof(TestRecords.Codecs), MemberType = typeof(TestRecords))]
    public void Decode_WhenRecordIsAsLongAsABatchMay_GivesItBack(CompressionType codec)
    {
        var value = new byte[RecordLimits.BatchBytesMax - RecordBatchHeader.HeaderLengthBytes - 13];
        new Random(3).NextBytes(value);
        var record = new TestRecord(5, null, value, []);
        var batch = TestRecords.Encode(new RecordBatchOptions { Compression = codec }, record);
        Assert.Equal(RecordLimits.BatchBytesMax, batch.Length);
        Assert.Equal([record], TestRecords.Decode(batch));
    }

    [Fact]
    public void Append_WhenValueLiesInPieces_EncodesTheSame()
    {
        var expected = TestRecords.Encode(new RecordBatchOptions(), TestRecords.Text("key", "one two three", 9));
        var first = new Piece("one "u8.ToArray(), null);
        var last = new Piece("three"u8.ToArray(), new Piece("two "u8.ToArray(), first));
        using var writer = new RecordBatchWriter();
        writer.Append(9, "key"u8, true, new ReadOnlySequence<byte>(first, 0, last, 5));
        writer.Finish();
        Assert.Equal(expected, writer.ToArray());
    }

    [Fact]
    public void TimestampMs_WhenLogAppendTimeIsStamped_IsTheLogsForEveryRecord()
    {
        var batch = TestRecords.Encode(new RecordBatchOptions(), TestRecords.Text("a", "1", 100), TestRecords.Text("b", "2", 50));
        RecordBatchHeader.StampLogAppendTime(batch, 777);
        Assert.Equal(RecordBatchStatus.Valid, RecordBatchScanner.Validate(batch, out _, out _));
        Assert.All(TestRecords.Decode(batch), record => Assert.Equal(777, record.TimestampMs));
    }

    private sealed class Piece : ReadOnlySequenceSegment<byte>
    {
        public Piece(byte[] bytes, Piece? previous)
        {
            Memory = bytes;
            if (previous is null)
                return;
            RunningIndex = previous.RunningIndex + previous.Memory.Length;
            previous.Next = this;
        }
    }
}
