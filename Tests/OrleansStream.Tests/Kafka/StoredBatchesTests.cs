using OrleansStream.Gateway.Reading;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Kafka;

/// <summary>
/// Readers are given their batches and none of the log's own: some clients ask without a pause at an empty one, others take it for a record.
/// </summary>
public sealed class StoredBatchesTests
{
    private static readonly byte[] Fence = MakeFence();

    [Fact]
    public void VisibleIn_LeavesFencesOut()
    {
        var (a, b) = (TestBatch.Of("a"), TestBatch.Of("b", "c"));

        Assert.Equal([TestBatch.Join(a, b)], Visible(a, b));
        Assert.Equal([a, b], Visible(a, Fence, b));
        Assert.Equal([TestBatch.Join(a, b)], Visible(Fence, a, b, Fence));
        Assert.Empty(Visible(Fence, Fence));
        Assert.Empty(Visible());
    }

    private static byte[][] Visible(params byte[][] batches) =>
        [.. StoredBatches.VisibleIn(TestBatch.Join(batches)).Select(piece => piece.ToArray())];

    private static byte[] MakeFence()
    {
        var fence = new byte[FenceBatch.LengthBytes];
        FenceBatch.Write(fence, baseOffset: 5, epoch: 1);
        return fence;
    }
}
