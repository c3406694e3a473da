using CsCheck;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Records;

/// <summary>What a producer sends is looked at to its last byte, and what is taken reads as it was sent.</summary>
public sealed class SentBatchTests
{
    private static readonly Gen<CompressionType> Codec = Gen.Enum<CompressionType>();

    public static TheoryData<CompressionType> Frames => [CompressionType.Lz4, CompressionType.Zstd];

    [Fact]
    public void Validate_OfAnyRecords_TellsTheirTimes() => Gen.Select(Codec, TestRecords.Some).Sample((codec, records) =>
    {
        var batch = TestRecords.Encode(new RecordBatchOptions { Compression = codec }, records);
        var summary = RecordBatchReader.ValidateRecords(batch);
        Assert.Equal(
            (records.Length, records.Min(record => record.TimestampMs), records.Max(record => record.TimestampMs)),
            (summary.RecordCount, summary.MinTimestampMs, summary.MaxTimestampMs));
    });

    [Fact]
    public void Validate_OfAnyMutationOfTheFraming_RefusesOrDecodesToTheSame()
    {
        const int mutationCount = 20_000, eachMin = 100;
        var (taken, refused) = (0, 0);
        Gen.Select(Codec, TestRecords.Some, Gen.Int[0, 100_000], Gen.Byte, Gen.Int[0, 3]).Sample(
            (codec, records, at, with, how) =>
            {
                if (Mutate(records, at, with, how) is not { } mutated)
                    return;
                if (IsTakenAsItReads(LyingBatch.Of(codec, mutated, records.Length, records[0].TimestampMs)))
                    Interlocked.Increment(ref taken);
                else
                    Interlocked.Increment(ref refused);
            },
            iter: mutationCount);

        // A mutation of a value's bytes is another value, and most others are no record.
        Assert.InRange(taken, eachMin, mutationCount);
        Assert.InRange(refused, eachMin, mutationCount);
    }

    /// <returns>The records' bytes with a byte changed, put in or left out, or with a part of them twice; null when that changed nothing.</returns>
    private static byte[]? Mutate(TestRecord[] records, int at, byte with, int how)
    {
        var plain = TestRecords.Encode(new RecordBatchOptions(), records)[RecordBatchHeader.HeaderLengthBytes..];
        at %= plain.Length;
        byte[] mutated = how switch
        {
            0 => [.. plain[..at], (byte)(plain[at] ^ Math.Max((byte)1, with)), .. plain[(at + 1)..]],
            1 => [.. plain[..at], with, .. plain[at..]],
            2 => [.. plain[..at], .. plain[(at + 1)..]],
            _ => [.. plain[..at], .. plain[..(with % plain.Length)], .. plain[at..]],
        };
        return mutated.AsSpan().SequenceEqual(plain) ? null : mutated;
    }

    /// <returns>True when the batch is taken, and every reader gets what was taken; false when it is refused.</returns>
    private static bool IsTakenAsItReads(byte[] batch)
    {
        if (RecordBatchScanner.Validate(batch, out var header, out _) != RecordBatchStatus.Valid)
            return false;
        try
        {
            RecordBatchReader.ValidateRecords(batch);
        }
        catch (RecordFormatException)
        {
            return false;
        }

        // What was taken is what every reader gets: the same bytes, each offset in turn, and nothing left over.
        using var reader = RecordBatchReader.OfSent(batch);
        var next = 0;
        while (reader.TryReadNext(out var record))
            Assert.Equal((next++, (sbyte)0), (record.OffsetDelta, record.Attributes));

        Assert.Equal(header.RecordCount, next);
        Assert.Equal(header.RecordCount, TestRecords.Decode(batch).Count);
        using StoredBatchReader stored = new(batch);
        while (stored.TryReadNext(out _))
        {
        }

        Assert.Null(stored.Fault);
        return true;
    }

    [Fact]
    public void Validate_OfGzipThatIsCutAnywhereOrFollowedByAnything_Refuses()
    {
        byte[] records = [.. Enumerable.Range(0, 20).SelectMany(i => LyingBatch.Record(i, value: $"value {i * 7919}"))];
        var packed = LyingBatch.Pack(CompressionType.Gzip, records);
        for (var length = 0; length < packed.Length; length++)
        {
            var cut = length;
            AssertRefused(LyingBatch.Of(CompressionType.Gzip, records, 20, pack: _ => packed[..cut]));
        }

        foreach (var behind in (byte[][])[[0], [1, 2, 3], [0x1f, 0x8b], [.. packed[..15]], [.. packed[..^1]], [.. packed[^8..]]])
            AssertRefused(LyingBatch.Of(CompressionType.Gzip, records, 20, pack: _ => [.. packed, .. behind]));
        for (var bit = 0; bit < 64; bit++)
        {
            byte[] flipped = [.. packed];
            flipped[packed.Length - 8 + (bit / 8)] ^= (byte)(1 << (bit % 8));
            AssertRefused(LyingBatch.Of(CompressionType.Gzip, records, 20, pack: _ => flipped));
        }
    }

    [Fact]
    public void Validate_OfGzipMembers_CountsThemWhereverTheyAreCut() =>
        Gen.Select(Gen.Int[1, 60], Gen.Int[0, 100_000].Array[0, 4], Gen.Int[0, 3000]).Sample((count, cuts, size) =>
        {
            var random = new Random(count);
            byte[] records = [.. Enumerable.Range(0, count).SelectMany(
                i => LyingBatch.Record(i, value: new string((char)('a' + random.Next(26)), random.Next(size + 1))))];
            int[] ends = [0, .. cuts.Select(cut => cut % records.Length).Order(), records.Length];
            byte[] packed = [.. ends.Zip(ends.Skip(1)).SelectMany(piece => Gzip(records[piece.First..piece.Second]))];
            var batch = LyingBatch.Of(CompressionType.Gzip, records, count, pack: _ => packed);

            using var unfolded = BatchCompression.DecompressSent(CompressionType.Gzip, packed, out var members);
            Assert.Equal((ends.Length - 1, records.Length), (members, unfolded.Length));
            Assert.Equal(members > 1, RecordBatchReader.ValidateRecords(batch).HasSeveralGzipMembers);

            var one = RecordBatchWriter.Recompress(batch);
            Assert.False(RecordBatchReader.ValidateRecords(one).HasSeveralGzipMembers);
            Assert.Equal(TestRecords.Decode(batch), TestRecords.Decode(one));
            Assert.Equal(RecordBatchStatus.Valid, RecordBatchScanner.Validate(one, out _, out _));
        }, iter: 300);

    [Fact]
    public void Validate_OfAGzipHeaderWithEveryField_ReadsIt()
    {
        var packed = LyingBatch.Pack(CompressionType.Gzip, LyingBatch.Record(0));
        byte[] header = [.. packed[..3], 2 | 4 | 8 | 16, .. packed[4..10], 3, 0, 9, 9, 9, (byte)'n', 0, (byte)'c', 0, 7, 7];
        var batch = LyingBatch.Of(CompressionType.Gzip, [], 1, pack: _ => [.. header, .. packed[10..]]);
        Assert.False(RecordBatchReader.ValidateRecords(batch).HasSeveralGzipMembers);
    }

    [Fact]
    public void Validate_OfVeryManyGzipMembers_Refuses()
    {
        var empty = Gzip([]);
        byte[] packed = [.. Enumerable.Repeat(empty, RecordLimits.GzipMembersMax).SelectMany(member => member), .. Gzip(LyingBatch.Record(0))];
        AssertRefused(LyingBatch.Of(CompressionType.Gzip, [], 1, pack: _ => packed));
    }

    [Theory]
    [MemberData(nameof(Frames))]
    public void Validate_OfSeveralFrames_Refuses(CompressionType codec)
    {
        byte[] records = [.. Enumerable.Range(0, 20).SelectMany(i => LyingBatch.Record(i))];
        byte[] skippable = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9];
        for (var first = 0; first <= records.Length; first++)
        {
            var at = first;
            var batch = LyingBatch.Of(codec, records, 20, pack: _ => LyingBatch.PackTwice(codec, records, at));
            Assert.Equal(
                RecordFormatError.SeveralFrames, Assert.Throws<RecordFormatException>(() => RecordBatchReader.ValidateRecords(batch)).Error);
        }

        AssertRefused(LyingBatch.Of(codec, records, 20, pack: all => [.. LyingBatch.Pack(codec, all), .. skippable]));
        AssertRefused(LyingBatch.Of(codec, records, 20, pack: all => [.. skippable, .. LyingBatch.Pack(codec, all)]));
        AssertRefused(LyingBatch.Of(codec, records, 20, pack: all => [.. LyingBatch.Pack(codec, all), 0]));
        var packed = LyingBatch.Pack(codec, records);
        for (var length = 0; length < packed.Length; length++)
        {
            var cut = length;
            AssertRefused(LyingBatch.Of(codec, records, 20, pack: _ => packed[..cut]));
        }
    }

    [Theory]
    [MemberData(nameof(Frames))]
    public void Compress_MakesOneFrameThatTellsItsContentSize(CompressionType codec)
    {
        foreach (var size in (int[])[1, 100, 255, 256, 65_535, 65_536, 70_000, 1_000_000])
        {
            var packed = LyingBatch.Pack(codec, new byte[size]);
            var told = codec == CompressionType.Lz4 ? BitConverter.ToInt64(packed, 6) : (long)ZstdSharp.Decompressor.GetDecompressedSize(packed);
            Assert.Equal(size, told);
            using var unfolded = BatchCompression.DecompressSent(codec, packed, out _);
            Assert.Equal(size, unfolded.Length);
        }
    }

    private static byte[] Gzip(byte[] bytes)
    {
        // A member of nothing, which GZipStream does not write.
        if (bytes.Length == 0)
            return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        return LyingBatch.Pack(CompressionType.Gzip, bytes);
    }

    private static void AssertRefused(byte[] batch) => Assert.Throws<RecordFormatException>(() => RecordBatchReader.ValidateRecords(batch));
}
