using System.IO.Compression;
using K4os.Compression.LZ4.Streams;
using OrleansStream.Records;
using OrleansStream.Tests.Support;
using Snappier;
using ZstdSharp;

namespace OrleansStream.Tests.Records;

public sealed class DecompressionBoundTests
{
    private const int Max = RecordLimits.DecompressedBatchBytesMax;

    public static TheoryData<CompressionType> Compressed => new(Enum.GetValues<CompressionType>()[1..]);

    [Theory]
    [MemberData(nameof(Compressed))]
    public void Decompress_WhenContentIsAsLongAsAllowed_GivesItAll(CompressionType codec)
    {
        using var unfolded = BatchCompression.Decompress(codec, Compress(codec, Max));
        Assert.Equal(Max, unfolded.Length);
        Assert.False(unfolded.WrittenSpan.ContainsAnyExcept((byte)0));
    }

    [Theory]
    [MemberData(nameof(Compressed))]
    public void Decompress_WhenContentIsOneByteMore_Refuses(CompressionType codec) =>
        Assert.Equal(RecordFormatError.DecompressedTooLarge, Refusal(codec, Compress(codec, Max + 1)));

    [Theory]
    [MemberData(nameof(Compressed))]
    public void Decode_WhenBatchIsABomb_RefusesWithinItsMemory(CompressionType codec)
    {
        // 512 MiB of zeros: the densest codecs fold them into a few dozen KiB.
        var bomb = TestRecords.Forge(Compress(codec, 512 * 1024 * 1024), 1000, codec);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var thrown = Record.Exception(() => TestRecords.Decode(bomb));
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        // Snappy alone folds so little that its bomb is refused for its own length.
        var expected = bomb.Length > RecordLimits.BatchBytesMax ? RecordFormatError.BadLength : RecordFormatError.DecompressedTooLarge;
        Assert.Equal(expected, Assert.IsType<RecordFormatException>(thrown).Error);
        // A doubling buffer leaves its smaller selves behind: twice the bound, and the codec's own.
        Assert.InRange(allocated, 0, 2L * Max + (16 * 1024 * 1024));
    }

    [Theory]
    [InlineData("FFFFFFFF0F00")]
    [InlineData("8080800F00")]
    public void Decompress_WhenSnappyBlockClaimsMoreThanItCanHold_Refuses(string hex) =>
        Assert.Equal(RecordFormatError.BadCompressedData, Refusal(CompressionType.Snappy, Convert.FromHexString(hex)));

    [Theory]
    [InlineData("82534E41505059")]
    [InlineData("82534E415050590000000001")]
    [InlineData("82534E4150505900000000010000000100")]
    [InlineData("82534E41505059000000000100000001FFFFFFFF")]
    [InlineData("82534E415050590000000001000000017FFFFFFF00")]
    [InlineData("82534E4150505900000000010000000100000000")]
    [InlineData("82534E415050590000000001000000010000000301")]
    public void Decompress_WhenSnappyFramingLies_Refuses(string hex) =>
        Assert.Equal(RecordFormatError.BadCompressedData, Refusal(CompressionType.Snappy, Convert.FromHexString(hex)));

    [Fact]
    public void Decompress_WhenSnappyIsBare_ReadsIt()
    {
        byte[] plain = [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i / 7))];
        using var unfolded = BatchCompression.Decompress(CompressionType.Snappy, Snappy.CompressToArray(plain));
        Assert.Equal(plain, unfolded.WrittenSpan.ToArray());
    }

    [Fact]
    public void Decompress_WhenZstdClaimsAnotherSize_Refuses()
    {
        // A frame for one segment whose content size field, eight bytes, says 2^60; then one raw block of one byte.
        var lying = Convert.FromHexString("28B52FFD" + "E0" + "0000000000000010" + "090000" + "61");
        Assert.Equal(RecordFormatError.BadCompressedData, Refusal(CompressionType.Zstd, lying));
    }

    [Fact]
    public void Decompress_WhenZstdComesInSeveralFrames_ReadsThemAll()
    {
        using var compressor = new Compressor();
        byte[] frames = [.. compressor.Wrap("one "u8), .. compressor.Wrap("two"u8)];
        using var unfolded = BatchCompression.Decompress(CompressionType.Zstd, frames);
        Assert.Equal("one two"u8, unfolded.WrittenSpan);
    }

    private static RecordFormatError Refusal(CompressionType codec, byte[] compressed) =>
        Assert.Throws<RecordFormatException>(() => BatchCompression.Decompress(codec, compressed).Dispose()).Error;

    private static byte[] Compress(CompressionType codec, int lengthBytes)
    {
        using var target = new MemoryStream();
        Stream? compressor = codec switch
        {
            CompressionType.Gzip => new GZipStream(target, CompressionLevel.Optimal, leaveOpen: true),
            CompressionType.Lz4 => LZ4Stream.Encode(target, leaveOpen: true),
            CompressionType.Zstd => new CompressionStream(target, leaveOpen: true),
            _ => null,
        };
        if (compressor is null)
            return Snappy.CompressToArray(new byte[lengthBytes]);

        using (compressor)
        {
            var zeros = new byte[1024 * 1024];
            for (var left = lengthBytes; left > 0; left -= zeros.Length)
                compressor.Write(zeros, 0, Math.Min(left, zeros.Length));
        }

        return target.ToArray();
    }
}
