using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.History;

/// <summary>The judge of segments finds what it is there for.</summary>
public sealed class StoredLogTests
{
    private readonly StoredLog _log = new();

    [Theory]
    [InlineData(1, 2, 2, 0)]
    [InlineData(1, 2, 1, 1)]
    public void Walk_WhenABatchFollowsAFence_IsContentOnlyWithTheFencesEpoch(int first, int fence, int last, int expected)
    {
        _log.Walk("segment", [.. Batch(0, first), .. Fence(1, fence), .. Batch(1, last)]);

        Assert.Equal(fence, _log.Epoch);
        Assert.Equal(expected, _log.Findings.Count);
    }

    [Fact]
    public void Walk_WhenAnOffsetIsTwice_SaysSo()
    {
        _log.Walk("segment", [.. Batch(0, 1), .. Batch(0, 1)]);
        Assert.Single(_log.Findings);
    }

    [Fact]
    public void Walk_WhenASegmentDoesNotFollowTheOneBefore_SaysSo()
    {
        _log.Walk("first", Batch(0, 1));
        _log.Walk("second", Batch(2, 1));
        Assert.Contains("second", Assert.Single(_log.Findings), StringComparison.Ordinal);
    }

    [Fact]
    public void Walk_WhenAByteIsFlipped_SaysWhere()
    {
        byte[] bytes = [.. Batch(0, 1), .. Batch(1, 1)];
        bytes[^1] ^= 1;
        _log.Walk("segment", bytes);
        Assert.Equal($"segment at {bytes.Length / 2}: {RecordBatchStatus.BadCrc}", Assert.Single(_log.Findings));
    }

    private static byte[] Fence(long offset, int epoch)
    {
        var bytes = new byte[FenceBatch.LengthBytes];
        FenceBatch.Write(bytes, offset, epoch);
        return bytes;
    }

    private static byte[] Batch(long offset, int epoch)
    {
        var bytes = TestBatch.Of(HistoryRecord.MakeValue(new Sending(1, offset), 0).ToJsonString());
        RecordBatchHeader.StampBaseOffset(bytes, offset);
        RecordBatchHeader.StampPartitionLeaderEpoch(bytes, epoch);
        return bytes;
    }
}
