using System.Buffers.Binary;
using System.Numerics;

namespace OrleansStream.Tests.Simulation;

/// <summary>
/// A record batch v2 as the simulation writes and reads it, on purpose without the product's own codec: what the log
/// stores is judged by somebody else. Every record's value is the payload's number and the record's place in the batch.
/// </summary>
internal readonly record struct SimulatedBatch(
    long BaseOffset, int Bytes, int LeaderEpoch, int Count, long Timestamp, long ProducerId, short ProducerEpoch,
    int BaseSequence, long Payload)
{
    public const int HeaderBytes = 61;
    private const int RecordBytes = 16;
    private const int ValueBytes = 9;
    private const int LengthFieldEnd = 12;
    private const int CrcPosition = 17;
    private const int CrcEnd = 21;

    public long NextOffset => BaseOffset + Count;

    /// <summary>A batch without records uses no offset: a fence.</summary>
    public bool IsFence => Count == 0;

    /// <summary>Writes a batch as a producer sends it; record i is dated i milliseconds after the first.</summary>
    public static byte[] Encode(
        long payload, int count, long timestamp, long producerId = -1, short producerEpoch = -1, int baseSequence = -1)
    {
        var bytes = new byte[HeaderBytes + (count * RecordBytes)];
        Span<byte> span = bytes;
        BinaryPrimitives.WriteInt32BigEndian(span[8..], bytes.Length - LengthFieldEnd);
        BinaryPrimitives.WriteInt32BigEndian(span[12..], -1);
        span[16] = 2;
        BinaryPrimitives.WriteInt32BigEndian(span[23..], count - 1);
        BinaryPrimitives.WriteInt64BigEndian(span[27..], timestamp);
        BinaryPrimitives.WriteInt64BigEndian(span[35..], timestamp + count - 1);
        BinaryPrimitives.WriteInt64BigEndian(span[43..], producerId);
        BinaryPrimitives.WriteInt16BigEndian(span[51..], producerEpoch);
        BinaryPrimitives.WriteInt32BigEndian(span[53..], baseSequence);
        BinaryPrimitives.WriteInt32BigEndian(span[57..], count);
        for (var i = 0; i < count; i++)
            EncodeRecord(span.Slice(HeaderBytes + (i * RecordBytes), RecordBytes), payload, (byte)i);
        BinaryPrimitives.WriteUInt32BigEndian(span[CrcPosition..], Crc(span[CrcEnd..]));
        return bytes;
    }

    /// <summary>Reads the batch at the start of some bytes.</summary>
    /// <returns>False when it is cut off, or is none of the simulation's or fails its checksum.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, out SimulatedBatch batch)
    {
        batch = default;
        if (bytes.Length < HeaderBytes || bytes[16] != 2)
            return false;
        var length = (long)BinaryPrimitives.ReadInt32BigEndian(bytes[8..]) + LengthFieldEnd;
        if (length < HeaderBytes || length > bytes.Length)
            return false;
        bytes = bytes[..(int)length];
        if (Crc(bytes[CrcEnd..]) != BinaryPrimitives.ReadUInt32BigEndian(bytes[CrcPosition..]))
            return false;
        var count = BinaryPrimitives.ReadInt32BigEndian(bytes[57..]);
        long payload = -1;
        if (count > 0 && !TryDecodePayload(bytes, count, out payload))
            return false;
        batch = new SimulatedBatch(
            BinaryPrimitives.ReadInt64BigEndian(bytes), (int)length, BinaryPrimitives.ReadInt32BigEndian(bytes[12..]), count,
            BinaryPrimitives.ReadInt64BigEndian(bytes[27..]), BinaryPrimitives.ReadInt64BigEndian(bytes[43..]),
            BinaryPrimitives.ReadInt16BigEndian(bytes[51..]), BinaryPrimitives.ReadInt32BigEndian(bytes[53..]), payload);
        return true;
    }

    /// <summary>Reads batches that lie back to back.</summary>
    /// <returns>Null when the bytes are not whole batches.</returns>
    public static List<SimulatedBatch>? DecodeAll(ReadOnlySpan<byte> bytes)
    {
        var batches = new List<SimulatedBatch>();
        for (var position = 0; position < bytes.Length;)
        {
            if (!TryDecode(bytes[position..], out var batch))
                return null;
            batches.Add(batch);
            position += batch.Bytes;
        }

        return batches;
    }

    private static void EncodeRecord(Span<byte> record, long payload, byte index)
    {
        record[0] = ZigZag(RecordBytes - 1);
        record[2] = ZigZag(index);
        record[3] = ZigZag(index);
        record[4] = ZigZag(-1);
        record[5] = ZigZag(ValueBytes);
        BinaryPrimitives.WriteInt64BigEndian(record[6..], payload);
        record[14] = index;
        record[15] = 0;
    }

    private static bool TryDecodePayload(ReadOnlySpan<byte> bytes, int count, out long payload)
    {
        payload = -1;
        if (bytes.Length != HeaderBytes + (count * RecordBytes))
            return false;
        payload = BinaryPrimitives.ReadInt64BigEndian(bytes[(HeaderBytes + 6)..]);
        return true;
    }

    private static byte ZigZag(int value) => (byte)((value << 1) ^ (value >> 31));

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        while (bytes.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[8..];
        }

        foreach (var b in bytes)
            crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
