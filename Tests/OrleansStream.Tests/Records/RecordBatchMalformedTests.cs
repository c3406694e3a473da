using CsCheck;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Records;

public sealed class RecordBatchMalformedTests
{
    // Length, attributes, timestamp delta, offset delta, key "k", value "v", no headers.
    private const string Good = "10" + "00" + "00" + "00" + "026B" + "0276" + "00";

    [Theory]
    [InlineData("", 1, RecordFormatError.BadRecordCount)]
    [InlineData(Good, 2, RecordFormatError.BadRecordCount)]
    [InlineData(Good + Good, 1, RecordFormatError.BadRecordCount)]
    [InlineData(Good + "00", 1, RecordFormatError.BadRecordCount)]
    [InlineData("10" + "00" + "00" + "00" + "026B" + "0276", 1, RecordFormatError.BadRecordLength)]
    [InlineData("0E" + "00" + "00" + "00" + "026B" + "0276" + "00", 1, RecordFormatError.BadVarint)]
    [InlineData("12" + "00" + "00" + "00" + "026B" + "0276" + "0000", 1, RecordFormatError.BadRecordLength)]
    [InlineData("01" + "00" + "00" + "00" + "01" + "01" + "00", 1, RecordFormatError.BadRecordLength)]
    [InlineData("0A" + "00" + "00" + "00" + "01" + "01" + "00", 1, RecordFormatError.BadRecordLength)]
    [InlineData("FEFFFFFF0F" + "00" + "00" + "00" + "01" + "01" + "00", 1, RecordFormatError.BadRecordLength)]
    [InlineData("FFFFFFFF1F" + "00" + "00" + "00" + "01" + "01" + "00", 1, RecordFormatError.BadVarint)]
    [InlineData("808080808000" + "00" + "00" + "00" + "01", 1, RecordFormatError.BadVarint)]
    [InlineData("10" + "00" + "00" + "00" + "036B" + "0276" + "00", 1, RecordFormatError.BadFieldLength)]
    [InlineData("10" + "00" + "00" + "00" + "146B" + "0276" + "00", 1, RecordFormatError.BadFieldLength)]
    [InlineData("10" + "00" + "00" + "00" + "026B" + "0876" + "00", 1, RecordFormatError.BadFieldLength)]
    [InlineData("12" + "00" + "00" + "00" + "01" + "FEFFFFFF0F", 1, RecordFormatError.BadFieldLength)]
    [InlineData("12" + "00" + "FFFFFFFFFFFFFFFF", 1, RecordFormatError.BadVarint)]
    [InlineData("10" + "00" + "00" + "00" + "026B" + "0276" + "01", 1, RecordFormatError.BadHeaderCount)]
    [InlineData("10" + "00" + "00" + "00" + "026B" + "0276" + "02", 1, RecordFormatError.BadHeaderCount)]
    [InlineData("18" + "00" + "00" + "00" + "026B" + "0276" + "FEFFFFFF0F", 1, RecordFormatError.BadHeaderCount)]
    [InlineData("14" + "00" + "00" + "00" + "026B" + "0276" + "02" + "01" + "01", 1, RecordFormatError.BadFieldLength)]
    [InlineData("14" + "00" + "00" + "00" + "026B" + "0276" + "02" + "00" + "03", 1, RecordFormatError.BadFieldLength)]
    [InlineData("14" + "00" + "00" + "00" + "026B" + "0276" + "02" + "10" + "01", 1, RecordFormatError.BadFieldLength)]
    [InlineData("10" + "00" + "00" + "01" + "026B" + "0276" + "00", 1, RecordFormatError.BadOffsetDelta)]
    [InlineData("10" + "00" + "00" + "02" + "026B" + "0276" + "00", 1, RecordFormatError.BadOffsetDelta)]
    [InlineData(Good + Good, 2, RecordFormatError.BadOffsetDelta)]
    public void Decode_WhenRecordsLieUnderAGoodChecksum_SaysWhatIsWrong(string records, int count, RecordFormatError expected)
    {
        var batch = TestRecords.Forge(Convert.FromHexString(records), count);
        if (RecordBatchScanner.Validate(batch, out _, out _) != RecordBatchStatus.Valid)
            Assert.Equal(RecordFormatError.BadRecordCount, expected);
        Assert.Equal(expected, Assert.Throws<RecordFormatException>(() => TestRecords.Decode(batch)).Error);
        Assert.Equal(expected, Assert.Throws<RecordFormatException>(() => RecordBatchReader.ValidateRecords(batch)).Error);
    }

    [Fact]
    public void Decode_WhenRecordsAreGood_ReadsThem() =>
        Assert.Equal([TestRecords.Text("k", "v", -1)], TestRecords.Decode(TestRecords.Forge(Convert.FromHexString(Good), 1)));

    [Fact]
    public void Decode_WhenTimestampDoesNotFit_Refuses()
    {
        // The batch's base is -1, and this delta is the least there is.
        var batch = TestRecords.Forge(Convert.FromHexString("22" + "00" + "FFFFFFFFFFFFFFFFFF01" + "00" + "026B" + "0276" + "00"), 1);
        Assert.Equal(RecordFormatError.BadTimestamp, Assert.Throws<RecordFormatException>(() => TestRecords.Decode(batch)).Error);
    }

    [Fact]
    public void ValidateRecords_WhenOffsetsHaveGaps_RefusesWhatReadingAccepts()
    {
        var second = "10" + "00" + "00" + "04" + "026B" + "0276" + "00";
        var compacted = TestRecords.Forge(Convert.FromHexString(Good + second), 2, lastOffsetDelta: 7);
        Assert.Equal(2, TestRecords.Decode(compacted).Count);
        Assert.Equal(
            RecordFormatError.BadOffsetDelta, Assert.Throws<RecordFormatException>(() => RecordBatchReader.ValidateRecords(compacted)).Error);
        var empty = TestRecords.Encode(new RecordBatchOptions());
        Assert.Equal(
            RecordFormatError.BadRecordCount, Assert.Throws<RecordFormatException>(() => RecordBatchReader.ValidateRecords(empty)).Error);
    }

    [Theory]
    [MemberData(nameof(TestRecords.Codecs), MemberType = typeof(TestRecords))]
    public void Decode_WhenCutAnywhere_Refuses(CompressionType codec)
    {
        var batch = Sample(codec);
        for (var length = 0; length < batch.Length; length++)
        {
            var cut = batch[..length];
            Assert.Throws<RecordFormatException>(() => TestRecords.Decode(cut));
        }
    }

    [Theory]
    [MemberData(nameof(TestRecords.Codecs), MemberType = typeof(TestRecords))]
    public void Decode_WhenRecordsAreCutAnywhereUnderAGoodChecksum_Refuses(CompressionType codec)
    {
        var batch = Sample(codec);
        ReadOnlySpan<byte> records = batch.AsSpan(RecordBatchHeader.HeaderLengthBytes);
        for (var length = 0; length < records.Length; length++)
        {
            var forged = TestRecords.Forge(records[..length], 30, codec);
            var thrown = Record.Exception(() => TestRecords.Decode(forged));
            // What cuts off only the codec's own trailer may still hold every record.
            Assert.True(thrown is RecordFormatException || (thrown is null && length >= records.Length - 16), $"{length}: {thrown}");
        }
    }

    [Theory]
    [MemberData(nameof(TestRecords.Codecs), MemberType = typeof(TestRecords))]
    public void Decode_WhenAnyBitOfTheRecordsIsFlippedUnderAGoodChecksum_ThrowsNothingElse(CompressionType codec)
    {
        var batch = Sample(codec);
        var refused = 0;
        for (var bit = RecordBatchHeader.HeaderLengthBytes * 8; bit < batch.Length * 8; bit++)
        {
            byte[] flipped = [.. batch];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            var thrown = Record.Exception(() => TestRecords.Decode(flipped));
            Assert.True(thrown is null or RecordFormatException, $"bit {bit}: {thrown}");
            refused += thrown is null ? 0 : 1;
        }

        Assert.True(refused > 0);
    }

    [Theory]
    [MemberData(nameof(TestRecords.Codecs), MemberType = typeof(TestRecords))]
    public void Decode_WhenRecordsAreGarbage_ThrowsNothingElse(CompressionType codec) =>
        Gen.Select(Gen.Byte.Array[0, 120], Gen.Int[0, 8], Gen.Int[0, 60]).Sample(
            (garbage, count, kept) =>
            {
                // With the start of true data, which gets past the codec's signature.
                ReadOnlySpan<byte> start = Sample(codec).AsSpan(RecordBatchHeader.HeaderLengthBytes, kept);
                var batch = TestRecords.Forge([.. start, .. garbage], count, codec);
                var thrown = Record.Exception(() => TestRecords.Decode(batch));
                Assert.True(thrown is null or RecordFormatException, $"{thrown}");
            },
            iter: 2000);

    private static byte[] Sample(CompressionType codec) =>
        TestRecords.Encode(
            new RecordBatchOptions { Compression = codec },
            Enumerable.Range(0, 30).Select(i => new TestRecord(1000 + i, "key"u8.ToArray(), "a value that comes again"u8.ToArray(), [("h", null)])));
}
