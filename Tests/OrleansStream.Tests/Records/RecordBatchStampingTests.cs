using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Records;

public sealed class RecordBatchStampingTests
{
    private readonly byte[] _batch = TestRecords.Encode(
        new RecordBatchOptions { Compression = CompressionType.Gzip },
        Enumerable.Range(0, 50).Select(i => TestRecords.Text($"k{i}", new string('v', 100), 1000 + i)));

    [Fact]
    public void Stamp_WhenLeaderSetsOffsetAndEpoch_KeepsTheChecksum()
    {
        Assert.True(RecordBatchHeader.TryRead(_batch, out var before));
        RecordBatchHeader.StampBaseOffset(_batch, 123_456_789_012);
        RecordBatchHeader.StampPartitionLeaderEpoch(_batch, 9);
        var after = Valid();
        Assert.Equal((before.Crc, 123_456_789_012, 9), (after.Crc, after.BaseOffset, after.PartitionLeaderEpoch));
    }

    [Fact]
    public void Stamp_WhenFieldIsInsideTheChecksum_SumsAgain()
    {
        RecordBatchHeader.StampProducer(_batch, 77, 3, 2_000_000_000);
        RecordBatchHeader.StampMaxTimestamp(_batch, 5000);
        var stamped = Valid();
        Assert.Equal((77L, 3, 2_000_000_000), (stamped.ProducerId, stamped.ProducerEpoch, stamped.BaseSequence));
        Assert.Equal((5000L, TimestampType.CreateTime), (stamped.MaxTimestamp, stamped.TimestampType));

        RecordBatchHeader.StampLogAppendTime(_batch, 6000);
        stamped = Valid();
        Assert.Equal((6000L, TimestampType.LogAppendTime), (stamped.MaxTimestamp, stamped.TimestampType));
        Assert.Equal((CompressionType.Gzip, 50), (stamped.Compression, stamped.RecordCount));
    }

    [Fact]
    public void Stamp_WhenBytesAreNotOneWholeBatch_Refuses()
    {
        byte[] longer = [.. _batch, 0];
        Assert.Throws<ArgumentException>(() => RecordBatchHeader.StampProducer(longer, 1, 1, 1));
        Assert.Throws<ArgumentException>(() => RecordBatchHeader.StampLogAppendTime(_batch.AsSpan(0, _batch.Length - 1), 1));
        Assert.Throws<ArgumentException>(() => RecordBatchHeader.StampBaseOffset(new byte[60], 1));
        Assert.Equal(RecordBatchStatus.Valid, RecordBatchScanner.Validate(longer, out _, out _));
    }

    private RecordBatchHeader Valid()
    {
        Assert.Equal(RecordBatchStatus.Valid, RecordBatchScanner.Validate(_batch, out var header, out _));
        return header;
    }
}
