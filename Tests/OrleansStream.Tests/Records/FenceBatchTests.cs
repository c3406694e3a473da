using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Records;

public sealed class FenceBatchTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(17, 1)]
    [InlineData(long.MaxValue, int.MaxValue)]
    public void Write_WhenRead_IsAValidBatchThatUsesNoOffset(long baseOffset, int epoch)
    {
        var bytes = new byte[FenceBatch.LengthBytes];
        FenceBatch.Write(bytes, baseOffset, epoch);
        Assert.Equal(RecordBatchStatus.Valid, RecordBatchScanner.Validate(bytes, out var header, out var length));
        Assert.Equal(FenceBatch.LengthBytes, length);
        Assert.True(FenceBatch.IsFence(header, out var read));
        Assert.Equal((epoch, epoch), (read, header.PartitionLeaderEpoch));
        Assert.Equal((baseOffset - 1, baseOffset), (header.LastOffset, header.NextOffset));
        Assert.Equal((0, true, -1L, -1, -1L), (header.RecordCount, header.IsControl, header.ProducerId, header.LastSequence, header.MaxTimestamp));
        Assert.Empty(TestRecords.Decode(bytes));
    }

    [Fact]
    public void IsFence_WhenTheEpochOutsideTheChecksumIsAnother_DoesNotBelieveIt()
    {
        var bytes = new byte[FenceBatch.LengthBytes];
        FenceBatch.Write(bytes, 5, 2);
        RecordBatchHeader.StampPartitionLeaderEpoch(bytes, 3);
        Assert.Equal(RecordBatchStatus.Valid, RecordBatchScanner.Validate(bytes, out var header, out _));
        Assert.False(FenceBatch.IsFence(header, out var epoch));
        Assert.Equal(-1, epoch);
    }

    [Fact]
    public void IsFence_WhenBatchIsAnother_IsFalse()
    {
        byte[][] others =
        [
            TestRecords.Encode(new RecordBatchOptions(), TestRecords.Text("k", "v")),
            TestRecords.Encode(new RecordBatchOptions { IsControl = true }, TestRecords.Text("k", "v")),
            TestRecords.Encode(new RecordBatchOptions { BaseSequence = 0, PartitionLeaderEpoch = 0 }),
            // Emptied by compaction: control, but it still covers its offset.
            TestRecords.Forge([], recordCount: 0, lastOffsetDelta: 0),
        ];
        foreach (var batch in others)
        {
            Assert.Equal(RecordBatchStatus.Valid, RecordBatchScanner.Validate(batch, out var header, out _));
            Assert.False(FenceBatch.IsFence(header, out _));
        }
    }

    [Fact]
    public void Write_WhenDestinationIsShort_Refuses() =>
        Assert.Throws<ArgumentException>(() => FenceBatch.Write(new byte[FenceBatch.LengthBytes - 1], 0, 0));
}
