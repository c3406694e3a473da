using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using OrleansStream.Records;

namespace OrleansStream.Tests.Support;

/// <summary>Batches whose header and checksum are right, whatever is inside.</summary>
internal static class StrangeBatch
{
    /// <summary>The time in every header and of every record: 2026-06-11T18:00Z.</summary>
    public const long TimestampMs = 1_781_200_800_000;

    /// <summary>A batch that is as it should be.</summary>
    public static byte[] Sound(CompressionType codec, params string[] values) => TestBatch.Make(
        new RecordBatchOptions { Compression = codec }, values.Select(value => (TimestampMs, value)));

    /// <summary>Compressed bytes that are none, under a header that says so many records.</summary>
    public static byte[] Garbage(CompressionType codec, int count = 1) =>
        With(codec, count, Encoding.ASCII.GetBytes(new string('\x7f', 100)));

    /// <summary>Zeros above the bound of one batch, under a header that says one record.</summary>
    public static byte[] Bomb(CompressionType codec)
    {
        var zeros = new byte[RecordLimits.DecompressedBatchBytesMax + 1];
        using var packed = new MemoryStream();
        using (Stream pack = codec switch
        {
            CompressionType.Zstd => new ZstdSharp.CompressionStream(packed, 1, leaveOpen: true),
            CompressionType.Lz4 => K4os.Compression.LZ4.Streams.LZ4Stream.Encode(packed, leaveOpen: true),
            _ => new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true),
        })
        {
            pack.Write(zeros);
        }

        return With(codec, 1, packed.ToArray());
    }

    /// <summary>One good record, and then bytes that are none.</summary>
    public static byte[] Half(string value)
    {
        byte[] records = [.. Sound(CompressionType.None, value)[RecordBatchHeader.HeaderLengthBytes..], 0x7f, 0x7f];
        using var packed = new MemoryStream();
        using (var zstd = new ZstdSharp.CompressionStream(packed, 1, leaveOpen: true))
            zstd.Write(records);
        return With(CompressionType.Zstd, 3, packed.ToArray());
    }

    private static byte[] With(CompressionType codec, int count, byte[] content)
    {
        string[] values = [.. Enumerable.Repeat("x", count)];
        byte[] batch = [.. Sound(CompressionType.None, values)[..RecordBatchHeader.HeaderLengthBytes], .. content];
        batch[RecordBatchHeader.AttributesPosition + 1] = (byte)codec;
        BinaryPrimitives.WriteInt32BigEndian(
            batch.AsSpan(RecordBatchHeader.BatchLengthPosition), batch.Length - RecordBatchHeader.LogOverheadBytes);
        RecordBatchHeader.StampCrc(batch);
        return batch;
    }
}
