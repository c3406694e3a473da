using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>The judge of segments finds what it is there for.</summary>
public sealed class ClusterSegmentsTests
{
    [Theory]
    [InlineData(1, 2, 2, 0)]
    [InlineData(1, 2, 1, 1)]
    public void Walk_WhenABatchFollowsAFence_IsContentOnlyWithTheFencesEpoch(int first, int fence, int last, int expected)
    {
        var findings = new List<string>();
        Assert.Equal(fence, ClusterSegments.Walk("segment", [.. Batch(0, first), .. Fence(1, fence), .. Batch(1, last)], 0, findings));
        Assert.Equal(expected, findings.Count);
    }

    [Fact]
    public void Walk_WhenAnOffsetIsTwice_SaysSo()
    {
        var findings = new List<string>();
        ClusterSegments.Walk("segment", [.. Batch(0, 1), .. Batch(0, 1)], 0, findings);
        Assert.Single(findings);
    }

    private static byte[] Fence(long offset, int epoch)
    {
        var bytes = new byte[FenceBatch.LengthBytes];
        FenceBatch.Write(bytes, offset, epoch);
        return bytes;
    }

    private static byte[] Batch(long offset, int epoch)
    {
        var bytes = TestBatch.Of("x");
        RecordBatchHeader.StampBaseOffset(bytes, offset);
        RecordBatchHeader.StampPartitionLeaderEpoch(bytes, epoch);
        return bytes;
    }
}
