using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Records;

public sealed class AppendBatchesTests
{
    private static readonly byte[] Source = TestRecords.Encode(
        new RecordBatchOptions(), TestRecords.Text("a", "1"), TestRecords.Text("b", "22"), TestRecords.Text("c", "333"));

    private static readonly byte[] Two =
        [.. TestRecords.Encode(new RecordBatchOptions(), TestRecords.Text("x", "1")), .. TestRecords.Encode(new RecordBatchOptions(), TestRecords.Text("y", "2"))];

    [Fact]
    public void Batches_OfSeveralPieces_AreWalkedAndCopiedInOrder()
    {
        using var first = Select(0, 2);
        using var last = Select(1);
        var batches = new AppendBatches([new(first), Two, new(last)]);

        byte[] expected = [.. Written(first), .. Two, .. Written(last)];
        Assert.Equal(expected.Length, batches.LengthBytes);
        Assert.Equal(expected, batches.ToArray());
        var counts = new List<int>();
        for (var left = batches; !left.IsEmpty;)
        {
            Assert.Equal(RecordBatchStatus.Valid, left.Validate(out var header, out var lengthBytes));
            Assert.True(left.TryReadFirst(out var same));
            Assert.Equal((header.LengthBytes, header.RecordCount), (same.LengthBytes, same.RecordCount));
            Assert.Equal(expected[^left.LengthBytes..], left.ToArray());
            counts.Add(header.RecordCount);
            left = left.WithoutFirst(lengthBytes);
        }

        Assert.Equal([2, 1, 1, 1], counts);
        Assert.False(default(AppendBatches).TryReadFirst(out _));
    }

    [Fact]
    public void ToMemory_OfBytes_IsTheirOwnMemory()
    {
        ReadOnlyMemory<byte> memory = Two;
        Assert.Equal(memory, new AppendBatches(memory).ToMemory());
        using var selection = Select(0);
        Assert.Equal(Written(selection), new AppendBatches(selection).ToMemory().ToArray());
    }

    [Fact]
    public void Validate_OfDamagedBytes_SaysSo()
    {
        byte[] damaged = [.. Two];
        damaged[^1] ^= 1;
        AppendBatches batches = damaged;
        Assert.Equal(RecordBatchStatus.Valid, batches.Validate(out _, out var lengthBytes));
        Assert.Equal(RecordBatchStatus.BadCrc, batches.WithoutFirst(lengthBytes).Validate(out _, out _));
    }

    [Fact]
    public void WithoutFirst_OfMoreThanThereIs_IsRefused()
    {
        AppendBatches batches = Two;
        Assert.Throws<ArgumentOutOfRangeException>(() => batches.WithoutFirst(Two.Length + 1));
    }

    private static RecordSelection Select(params int[] records)
    {
        var selection = new RecordSelection(new RecordBatchOptions(), Source);
        using var reader = new RecordBatchReader(Source);
        for (var i = 0; reader.TryReadNext(out var view); i++)
        {
            if (records.Contains(i))
                selection.Add(reader.RecordPosition, view.TimestampMs);
        }

        return selection;
    }

    private static byte[] Written(RecordSelection selection)
    {
        var written = new byte[selection.LengthBytes];
        selection.WriteTo(written);
        return written;
    }
}
