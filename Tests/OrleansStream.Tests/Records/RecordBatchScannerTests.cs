using System.Buffers.Binary;
using CsCheck;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Records;

public sealed class RecordBatchScannerTests
{
    private static readonly byte[] Batch =
        TestRecords.Encode(new RecordBatchOptions { BaseOffset = 40 }, TestRecords.Text("a", "1"), TestRecords.Text(null, "22"));

    [Fact]
    public void MoveNext_WhenBatchesLieBackToBack_GivesEachAndEnds()
    {
        var fence = new byte[FenceBatch.LengthBytes];
        FenceBatch.Write(fence, 42, 3);
        byte[] bytes = [.. Batch, .. fence, .. Batch];
        var scanner = new RecordBatchScanner(bytes);
        var found = new List<(int, int, int)>();
        while (scanner.MoveNext())
            found.Add((scanner.Position, scanner.NextPosition, scanner.Header.RecordCount));
        Assert.Equal([(0, Batch.Length, 2), (Batch.Length, Batch.Length + 61, 0), (Batch.Length + 61, bytes.Length, 2)], found);
        Assert.Equal(RecordBatchStatus.End, scanner.Status);
        Assert.False(scanner.MoveNext());
    }

    [Fact]
    public void MoveNext_WhenTailIsCutAnywhere_StopsAtTheLastWholeBatch()
    {
        byte[] bytes = [.. Batch, .. Batch];
        for (var length = Batch.Length + 1; length < bytes.Length; length++)
        {
            var scanner = new RecordBatchScanner(bytes.AsSpan(0, length));
            Assert.True(scanner.MoveNext());
            Assert.False(scanner.MoveNext());
            Assert.Equal((RecordBatchStatus.Incomplete, Batch.Length), (scanner.Status, scanner.NextPosition));
        }
    }

    [Fact]
    public void Validate_WhenIncomplete_SaysHowManyBytesAreNeeded()
    {
        Assert.Equal(RecordBatchStatus.Incomplete, RecordBatchScanner.Validate(Batch.AsSpan(0, 11), out _, out var unknown));
        Assert.Equal(RecordBatchStatus.Incomplete, RecordBatchScanner.Validate(Batch.AsSpan(0, 12), out _, out var known));
        Assert.Equal((0, Batch.Length), (unknown, known));
    }

    [Theory]
    [InlineData(0, RecordBatchStatus.BadLength)]
    [InlineData(-1, RecordBatchStatus.BadLength)]
    [InlineData(int.MinValue, RecordBatchStatus.BadLength)]
    [InlineData(48, RecordBatchStatus.BadLength)]
    [InlineData(int.MaxValue, RecordBatchStatus.BadLength)]
    [InlineData(RecordLimits.BatchBytesMax - 11, RecordBatchStatus.BadLength)]
    [InlineData(RecordLimits.BatchBytesMax - 12, RecordBatchStatus.Incomplete)]
    [InlineData(49, RecordBatchStatus.BadCrc)]
    public void Validate_WhenLengthLies_SaysSo(int batchLength, RecordBatchStatus expected)
    {
        byte[] bytes = [.. Batch];
        BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(RecordBatchHeader.BatchLengthPosition), batchLength);
        Assert.Equal(expected, RecordBatchScanner.Validate(bytes, out _, out _));
    }

    [Theory]
    [InlineData(RecordBatchHeader.AttributesPosition + 1, 5, RecordBatchStatus.BadCompression)]
    [InlineData(RecordBatchHeader.RecordCountPosition, 0x80, RecordBatchStatus.BadCount)]
    [InlineData(RecordBatchHeader.RecordCountPosition + 3, 3, RecordBatchStatus.BadCount)]
    [InlineData(RecordBatchHeader.LastOffsetDeltaPosition, 0x80, RecordBatchStatus.BadHeader)]
    [InlineData(RecordBatchHeader.BaseOffsetPosition, 0x80, RecordBatchStatus.BadHeader)]
    [InlineData(RecordBatchHeader.ProducerIdPosition, 0x80, RecordBatchStatus.BadHeader)]
    [InlineData(RecordBatchHeader.ProducerEpochPosition, 0x80, RecordBatchStatus.BadHeader)]
    [InlineData(RecordBatchHeader.BaseSequencePosition, 0x80, RecordBatchStatus.BadHeader)]
    [InlineData(RecordBatchHeader.MagicPosition, 1, RecordBatchStatus.BadMagic)]
    [InlineData(RecordBatchHeader.MagicPosition, 3, RecordBatchStatus.BadMagic)]
    public void Validate_WhenFieldLiesUnderAGoodChecksum_SaysWhich(int position, byte value, RecordBatchStatus expected)
    {
        byte[] bytes = [.. Batch];
        bytes[position] = value;
        RecordBatchHeader.StampCrc(bytes);
        Assert.Equal(expected, RecordBatchScanner.Validate(bytes, out _, out _));
        Assert.ThrowsAny<RecordFormatException>(() => TestRecords.Decode(bytes));
    }

    [Fact]
    public void Validate_WhenCountPassesWhatTheBytesHold_SaysSo()
    {
        var bytes = TestRecords.Forge(new byte[70], recordCount: 11);
        Assert.Equal(RecordBatchStatus.BadCount, RecordBatchScanner.Validate(bytes, out _, out _));
    }

    [Fact]
    public void Validate_WhenMessageIsOfAnOldFormat_SaysBadMagic()
    {
        // Offset, size 14+3, CRC, magic 0, attributes, null key, three bytes of value.
        var old = Convert.FromHexString("0000000000000000" + "00000011" + "FEB01DBF" + "00" + "00" + "FFFFFFFF" + "00000003" + "313233");
        Assert.Equal(RecordBatchStatus.BadMagic, RecordBatchScanner.Validate(old, out _, out _));
    }

    [Fact]
    public void Validate_WhenAnyBitIsFlipped_AcceptsItOnlyOutsideTheChecksum()
    {
        for (var bit = 0; bit < Batch.Length * 8; bit++)
        {
            byte[] bytes = [.. Batch];
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            var status = RecordBatchScanner.Validate(bytes, out var header, out _);
            var isStamp = bit / 8 < RecordBatchHeader.BatchLengthPosition
                || bit / 8 is >= RecordBatchHeader.PartitionLeaderEpochPosition and < RecordBatchHeader.MagicPosition;
            // The sign bit of the base offset is the one stamp that no log has.
            var isAccepted = isStamp && bit != 7;
            Assert.True(isAccepted == (status == RecordBatchStatus.Valid), $"bit {bit}: {status} {header.BaseOffset}");
        }
    }

    [Fact]
    public void MoveNext_WhenBytesAreGarbage_NeverThrows() =>
        Gen.Select(Gen.Byte.Array[0, 200], Gen.Int[0, 3], Gen.Bool).Sample((garbage, kind, checkCrc) =>
        {
            var bytes = kind switch
            {
                0 => garbage,
                1 => [.. Batch, .. garbage],
                // Garbage with a believable length and magic, to get past the first checks.
                2 => [.. Batch.AsSpan(0, 17), .. garbage],
                _ => [.. Batch.AsSpan(0, RecordBatchHeader.CrcPosition + 4), .. garbage, .. Batch],
            };
            var scanner = new RecordBatchScanner(bytes, checkCrc);
            var batches = 0;
            while (scanner.MoveNext())
            {
                batches++;
                Assert.True(scanner.NextPosition > scanner.Position);
            }

            Assert.NotEqual(RecordBatchStatus.Valid, scanner.Status);
            Assert.InRange(batches, kind == 1 ? 1 : 0, 10);
        });
}
