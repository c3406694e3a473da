using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace OrleansStream.Comparison.Protocols;

/// <summary>
/// Writes a frame of Kafka's protocol, field by field, in versions that are not flexible. It is written anew here, as a driver that shares the
/// service's code would share its errors.
/// </summary>
internal sealed class KafkaFrame
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    private KafkaFrame() => Int32(0); // the length

    /// <summary>Begins a request.</summary>
    /// <param name="api">The API's number.</param>
    /// <param name="version">Its version.</param>
    /// <param name="correlationId">What the answer begins with.</param>
    public static KafkaFrame Request(short api, short version, int correlationId) =>
        new KafkaFrame().Int16(api).Int16(version).Int32(correlationId).Text("comparison");

    /// <summary>Begins an answer.</summary>
    /// <param name="correlationId">The request's.</param>
    public static KafkaFrame Answer(int correlationId) => new KafkaFrame().Int32(correlationId);

    /// <summary>The length so far, that of the length field itself not counted.</summary>
    public int LengthBytes => _bytes.WrittenCount - sizeof(int);

    /// <summary>Writes an INT8.</summary>
    /// <param name="value">The value.</param>
    public KafkaFrame Int8(sbyte value)
    {
        Take(1)[0] = (byte)value;
        return this;
    }

    /// <summary>Writes an INT16.</summary>
    /// <param name="value">The value.</param>
    public KafkaFrame Int16(short value)
    {
        BinaryPrimitives.WriteInt16BigEndian(Take(sizeof(short)), value);
        return this;
    }

    /// <summary>Writes an INT32, which also is the count of an ARRAY and the length of BYTES.</summary>
    /// <param name="value">The value.</param>
    public KafkaFrame Int32(int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(Take(sizeof(int)), value);
        return this;
    }

    /// <summary>Writes an INT64.</summary>
    /// <param name="value">The value.</param>
    public KafkaFrame Int64(long value)
    {
        BinaryPrimitives.WriteInt64BigEndian(Take(sizeof(long)), value);
        return this;
    }

    /// <summary>Writes a NULLABLE_STRING.</summary>
    /// <param name="value">The text.</param>
    public KafkaFrame Text(string? value)
    {
        if (value is null)
            return Int16(-1);
        Int16((short)Encoding.UTF8.GetByteCount(value));
        Encoding.UTF8.GetBytes(value, _bytes);
        return this;
    }

    /// <summary>Writes bytes with their length before them.</summary>
    /// <param name="value">The bytes.</param>
    public KafkaFrame Bytes(ReadOnlySpan<byte> value)
    {
        Int32(value.Length);
        _bytes.Write(value);
        return this;
    }

    /// <summary>Writes bytes as they are.</summary>
    /// <param name="value">The bytes.</param>
    public KafkaFrame Raw(ReadOnlySpan<byte> value)
    {
        _bytes.Write(value);
        return this;
    }

    /// <summary>The frame.</summary>
    /// <param name="followingBytes">The length of what is sent behind it as its end.</param>
    public byte[] ToArray(int followingBytes = 0)
    {
        var frame = _bytes.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt32BigEndian(frame, LengthBytes + followingBytes);
        return frame;
    }

    private Span<byte> Take(int count)
    {
        var taken = _bytes.GetSpan(count)[..count];
        _bytes.Advance(count);
        return taken;
    }
}

/// <summary>Reads the fields of a frame, in versions that are not flexible.</summary>
/// <param name="frame">The frame without its length field.</param>
internal ref struct KafkaFields(ReadOnlySpan<byte> frame)
{
    private ReadOnlySpan<byte> _left = frame;

    /// <summary>Reads an INT8.</summary>
    public sbyte Int8() => (sbyte)Take(1)[0];

    /// <summary>Reads an INT16.</summary>
    public short Int16() => BinaryPrimitives.ReadInt16BigEndian(Take(sizeof(short)));

    /// <summary>Reads an INT32.</summary>
    public int Int32() => BinaryPrimitives.ReadInt32BigEndian(Take(sizeof(int)));

    /// <summary>Reads an INT64.</summary>
    public long Int64() => BinaryPrimitives.ReadInt64BigEndian(Take(sizeof(long)));

    /// <summary>Reads a STRING as it lies there; empty for null.</summary>
    public ReadOnlySpan<byte> Text() => Int16() is var length && length > 0 ? Take(length) : default;

    /// <summary>Reads BYTES; empty for null.</summary>
    public ReadOnlySpan<byte> Bytes() => Int32() is var length && length > 0 ? Take(length) : default;

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _left.Length)
            throw new Driving.UnexpectedAnswerException("A frame is shorter than its fields.");
        var taken = _left[..count];
        _left = _left[count..];
        return taken;
    }
}
