using System.Buffers.Binary;
using OrleansStream.Records;

namespace OrleansStream.Tests.Support;

/// <summary>Batches whose checksum is right and whose header or framing says what is not so.</summary>
internal static class LyingBatch
{
    /// <summary>One record as it is encoded, each field open to lies.</summary>
    public static byte[] Record(
        long offsetDelta, long timestampDelta = 0, byte attributes = 0, byte[]? headers = null, long? length = null, string value = "v")
    {
        byte[] body =
        [
            attributes, .. Varlong(timestampDelta), .. Varlong(offsetDelta), .. Varlong(-1), .. Varlong(value.Length),
            .. System.Text.Encoding.UTF8.GetBytes(value), .. headers ?? [0],
        ];
        return [.. Varlong(length ?? body.Length), .. body];
    }

    /// <summary>A batch of records as they are encoded.</summary>
    public static byte[] Of(
        CompressionType codec, byte[] records, int count, long baseTimestampMs = TestBatch.TimestampMs, long? maxTimestampMs = null,
        Func<byte[], byte[]>? pack = null)
    {
        var packed = pack is not null ? pack(records) : Pack(codec, records);
        var batch = TestRecords.Forge(packed, count, codec);
        BinaryPrimitives.WriteInt64BigEndian(batch.AsSpan(RecordBatchHeader.BaseTimestampPosition), baseTimestampMs);
        RecordBatchHeader.StampMaxTimestamp(batch, maxTimestampMs ?? baseTimestampMs);
        return batch;
    }

    /// <summary>A batch with other bytes somewhere in its header, under a checksum that is right.</summary>
    public static byte[] With(byte[] batch, int position, byte[] bytes)
    {
        byte[] lying = [.. batch];
        bytes.CopyTo(lying.AsSpan(position));
        RecordBatchHeader.StampCrc(lying);
        return lying;
    }

    /// <summary>Compresses records as one member or frame.</summary>
    public static byte[] Pack(CompressionType codec, byte[] records)
    {
        if (codec == CompressionType.None)
            return records;
        using var packed = new PooledBuffer(RecordLimits.BatchBytesMax, _ => new InvalidOperationException());
        BatchCompression.Compress(codec, null, records, packed);
        return packed.WrittenSpan.ToArray();
    }

    /// <summary>Compresses records as two members or frames.</summary>
    public static byte[] PackTwice(CompressionType codec, byte[] records, int first) =>
        [.. Pack(codec, records[..first]), .. Pack(codec, records[first..])];

    private static byte[] Varlong(long value)
    {
        Span<byte> bytes = stackalloc byte[RecordLimits.VarlongBytesMax];
        return bytes[..Varint.Write(bytes, value)].ToArray();
    }
}
