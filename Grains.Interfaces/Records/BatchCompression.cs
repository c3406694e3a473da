using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using K4os.Compression.LZ4;
using K4os.Compression.LZ4.Streams;
using Snappier;
using ZstdSharp;

namespace OrleansStream.Records;

/// <summary>The four codecs of a batch's records. The memory for decompression is bounded, whatever size the compressed data claims.</summary>
internal static class BatchCompression
{
    // libzstd's own default, and Kafka's.
    private const int ZstdLevelDefault = 3;

    // Java's Snappy stream has a signature, its version, the oldest version that can read it, and then length-prefixed blocks.
    private static ReadOnlySpan<byte> SnappySignature => [0x82, (byte)'S', (byte)'N', (byte)'A', (byte)'P', (byte)'P', (byte)'Y', 0];

    private const int SnappyPreambleBytes = 16;

    /// <summary>Compresses the records of a batch.</summary>
    /// <param name="codec">Any but <see cref="CompressionType.None"/>.</param>
    /// <param name="level">The level, on the codec's own scale; null for its default. Snappy has none.</param>
    /// <param name="records">The encoded records.</param>
    /// <param name="destination">The buffer to which the compressed bytes are added.</param>
    public static void Compress(CompressionType codec, int? level, ReadOnlySpan<byte> records, PooledBuffer destination)
    {
        switch (codec)
        {
            case CompressionType.Gzip:
                CompressGzip(level, records, destination);
                break;
            case CompressionType.Snappy:
                CompressSnappy(records, destination);
                break;
            case CompressionType.Lz4:
                // Kafka's Java reader accepts only independent blocks.
                var settings = new LZ4EncoderSettings
                {
                    ChainBlocks = false,
                    BlockSize = RecordLimits.Lz4BlockBytes,
                    CompressionLevel = (LZ4Level)(level ?? (int)LZ4Level.L00_FAST),
                };
                var start = destination.Length;
                LZ4Frame.Encode(records, destination, settings);
                CompressedFrames.AddLz4ContentSize(destination, start, records.Length);
                break;
            case CompressionType.Zstd:
                using (var compressor = new Compressor(level ?? ZstdLevelDefault))
                {
                    var target = destination.GetSpan(Compressor.GetCompressBound(records.Length));
                    destination.Advance(compressor.Wrap(records, target));
                }

                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(codec), codec, "Not a codec.");
        }
    }

    /// <summary>Decompresses the records of a batch into a pooled buffer, which the caller disposes.</summary>
    /// <exception cref="RecordFormatException">They cannot be decompressed, or are larger than the bound.</exception>
    public static PooledBuffer Decompress(CompressionType codec, ReadOnlySpan<byte> compressed) =>
        Decompress(codec, compressed, isSent: false, out _);

    /// <summary>
    /// Decompresses the records of a batch that a producer sent into a pooled buffer, which the caller disposes. Every reader must take all of the
    /// bytes, so they must be one frame of LZ4 or Zstandard, or gzip members with nothing behind them.
    /// </summary>
    /// <param name="codec">The codec of the records.</param>
    /// <param name="compressed">The compressed records.</param>
    /// <param name="gzipMembers">The count of gzip members, of which many readers take only the first; 0 for other codecs.</param>
    /// <exception cref="RecordFormatException">They cannot be decompressed, are larger than the bound, or are several frames.</exception>
    public static PooledBuffer DecompressSent(CompressionType codec, ReadOnlySpan<byte> compressed, out int gzipMembers) =>
        Decompress(codec, compressed, isSent: true, out gzipMembers);

    private static PooledBuffer Decompress(CompressionType codec, ReadOnlySpan<byte> compressed, bool isSent, out int gzipMembers)
    {
        gzipMembers = 0;
        var destination = new PooledBuffer(
            RecordLimits.DecompressedBatchBytesMax,
            max => new RecordFormatException(
                RecordFormatError.DecompressedTooLarge, $"The batch's records decompress to more than {max} bytes."));
        try
        {
            switch (codec)
            {
                case CompressionType.Gzip when isSent:
                    gzipMembers = GzipMembers.Decompress(compressed, destination);
                    break;
                case CompressionType.Gzip:
                    DecompressGzip(compressed, destination);
                    break;
                case CompressionType.Snappy:
                    DecompressSnappy(compressed, destination);
                    break;
                case CompressionType.Lz4:
                    if (isSent)
                        RequireOneFrame(codec, CompressedFrames.Lz4LengthBytes(compressed), compressed.Length);
                    LZ4Frame.Decode(compressed, destination);
                    break;
                case CompressionType.Zstd:
                    if (isSent)
                        RequireOneFrame(codec, CompressedFrames.ZstdLengthBytes(compressed), compressed.Length);
                    DecompressZstd(compressed, destination);
                    break;
                default:
                    throw new RecordFormatException(RecordFormatError.UnknownCompression, $"There is no codec {(int)codec}.");
            }

            return destination;
        }
        catch (Exception e) when (e is not RecordFormatException and not OutOfMemoryException)
        {
            // Each codec's package throws its own exceptions for bad bytes; readers of batches get one kind.
            destination.Dispose();
            throw new RecordFormatException(RecordFormatError.BadCompressedData, $"The batch's {codec} data is malformed.", e);
        }
        catch
        {
            destination.Dispose();
            throw;
        }
    }

    private static void RequireOneFrame(CompressionType codec, int frameLengthBytes, int lengthBytes)
    {
        if (frameLengthBytes == lengthBytes)
            return;
        throw new RecordFormatException(
            RecordFormatError.SeveralFrames,
            $"The first {codec} frame takes {frameLengthBytes} of {lengthBytes} bytes. Many readers take only one frame, so send the records in one frame.");
    }

    private static unsafe void DecompressGzip(ReadOnlySpan<byte> compressed, PooledBuffer destination)
    {
        fixed (byte* start = compressed)
        {
            using var source = new UnmanagedMemoryStream(start, compressed.Length);
            using var gzip = new GZipStream(source, CompressionMode.Decompress);
            // Only the first request is for a whole step; near the bound such a request would double the memory in vain.
            var read = gzip.Read(destination.GetSpan(FirstStepBytes(compressed.Length)));
            while (read > 0)
            {
                destination.Advance(read);
                read = gzip.Read(destination.GetSpan());
            }
        }
    }

    private static void CompressGzip(int? level, ReadOnlySpan<byte> records, PooledBuffer destination)
    {
        using var target = new BufferStream(destination);
#if NET9_0_OR_GREATER
        var options = new ZLibCompressionOptions();
        if (level is { } chosen)
            options.CompressionLevel = chosen;
        using var gzip = new GZipStream(target, options);
#else
        // .NET 8, for which only the client is compiled, has three levels.
        using var gzip = new GZipStream(target, level is null or > 3 ? CompressionLevel.Optimal : CompressionLevel.Fastest);
#endif
        gzip.Write(records);
    }

    private static void CompressSnappy(ReadOnlySpan<byte> records, PooledBuffer destination)
    {
        var preamble = destination.Take(SnappyPreambleBytes);
        SnappySignature.CopyTo(preamble);
        BinaryPrimitives.WriteInt32BigEndian(preamble[8..], 1);
        BinaryPrimitives.WriteInt32BigEndian(preamble[12..], 1);
        while (!records.IsEmpty)
        {
            var block = records[..Math.Min(records.Length, RecordLimits.SnappyBlockBytes)];
            records = records[block.Length..];
            var target = destination.GetSpan(sizeof(int) + Snappy.GetMaxCompressedLength(block.Length));
            var length = Snappy.Compress(block, target[sizeof(int)..]);
            BinaryPrimitives.WriteInt32BigEndian(target, length);
            destination.Advance(sizeof(int) + length);
        }
    }

    private static void DecompressSnappy(ReadOnlySpan<byte> compressed, PooledBuffer destination)
    {
        if (!compressed.StartsWith(SnappySignature))
        {
            DecompressSnappyBlock(compressed, destination);
            return;
        }

        var blocks = compressed[SnappyPreambleBytes..];
        while (!blocks.IsEmpty)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(blocks);
            DecompressSnappyBlock(blocks.Slice(sizeof(int), length), destination);
            blocks = blocks[(sizeof(int) + length)..];
        }
    }

    private static void DecompressSnappyBlock(ReadOnlySpan<byte> block, PooledBuffer destination)
    {
        var length = Snappy.GetUncompressedLength(block);
        if (length < 0 || length > (long)block.Length * RecordLimits.SnappyRatioMax)
        {
            throw new RecordFormatException(
                RecordFormatError.BadCompressedData, $"A Snappy block of {block.Length} bytes claims to hold {length} bytes.");
        }

        var written = Snappy.Decompress(block, destination.Take(length));
        if (written != length)
            throw new InvalidDataException($"A Snappy block holds {written} bytes instead of {length}.");
    }

    // A batch of one record must not hold the memory of a thousand.
    private static int FirstStepBytes(int compressedBytes) => (int)Math.Clamp(
        (long)compressedBytes * RecordLimits.DecompressRatioUsual, RecordLimits.WriterBytesInitial, RecordLimits.DecompressStepBytes);

    private static void DecompressZstd(ReadOnlySpan<byte> compressed, PooledBuffer destination)
    {
        // Read as a stream, because a frame need not tell its size, and the size that it tells may be wrong.
        using var decompressor = new Decompressor();
        var firstBytes = compressed.Length;
        var status = OperationStatus.Done;
        while (!compressed.IsEmpty || status == OperationStatus.DestinationTooSmall)
        {
            var target = destination.GetSpan(destination.Length == 0 ? FirstStepBytes(firstBytes) : 1);
            status = decompressor.UnwrapStream(compressed, target, out var read, out var written);
            if (status == OperationStatus.InvalidData || (read == 0 && written == 0))
                break;
            compressed = compressed[read..];
            destination.Advance(written);
        }

        if (status != OperationStatus.Done)
            throw new InvalidDataException($"The Zstandard frame ends early: {status}.");
    }
}
