using System.Buffers.Binary;
using OrleansStream.Log.Reading;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>What a read of a segment takes: a run of readers' batches that ends before a fence, so that no reader is given one.</summary>
public sealed class ReadCheckTests
{
    [Fact]
    public void Take_WhenAFenceComes_EndsBeforeIt()
    {
        var (a, b, c) = (At(5, "a"), At(6, "b", "c"), At(8, "d"));
        var bytes = TestBatch.Join(a, b, Fence(8), c);

        var taken = ReadCheck.Take(bytes, 5, 6, out _)!.Value;

        Assert.Equal((6L, 8L), (taken.Offset, taken.EndOffset));
        Assert.Equal(b, taken.Batches.ToArray());
    }

    [Fact]
    public void Take_WhenFencesAreBeforeTheOffset_BeginsBehindThem()
    {
        var (a, b) = (At(5, "a"), At(6, "b"));
        var bytes = TestBatch.Join(Fence(5), a, Fence(6), Fence(6), b, Fence(7));

        var taken = ReadCheck.Take(bytes, 5, 6, out _)!.Value;

        Assert.Equal((6L, 7L), (taken.Offset, taken.EndOffset));
        Assert.Equal(b, taken.Batches.ToArray());
    }

    private static byte[] At(long baseOffset, params string[] values)
    {
        var batch = TestBatch.Of(values);
        BinaryPrimitives.WriteInt64BigEndian(batch.AsSpan(RecordBatchHeader.BaseOffsetPosition), baseOffset);
        return batch;
    }

    private static byte[] Fence(long baseOffset)
    {
        var fence = new byte[FenceBatch.LengthBytes];
        FenceBatch.Write(fence, baseOffset, epoch: 2);
        return fence;
    }
}
