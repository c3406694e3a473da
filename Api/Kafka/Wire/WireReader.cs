using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace OrleansStream.Kafka.Wire;

/// <summary>
/// Reads the fields of a request one after another. It trusts no length: each is checked against the bytes that are left, before anything is made of
/// it.
/// </summary>
/// <remarks>
/// All numbers are big-endian. In a flexible version (KIP-482) lengths are varints, one higher than what they tell, and each structure ends in tagged
/// fields. Bytes behind the last field are left alone, as Kafka's broker does: librdkafka sends three of them when it asks for all topics. Source: Kafka's protocol guide, "Protocol Primitive Types". Every method throws <see cref="MalformedFrameException"/> where the bytes are not
/// what was asked for.
/// </remarks>
internal ref struct WireReader
{
    private const int UnsignedVarintBytesMax = 5, UuidBytes = 16;

    private readonly ReadOnlyMemory<byte> _frame;
    private readonly ReadOnlySpan<byte> _bytes;
    private int _position;

    /// <summary>Reads from the start of some bytes.</summary>
    /// <param name="frame">The bytes; what is read as bytes lies in them.</param>
    /// <param name="isFlexible">Whether the version is a flexible one.</param>
    public WireReader(ReadOnlyMemory<byte> frame, bool isFlexible)
    {
        _frame = frame;
        _bytes = frame.Span;
        IsFlexible = isFlexible;
    }

    /// <summary>Whether the version is a flexible one.</summary>
    public bool IsFlexible { get; }

    /// <summary>The bytes that are not read yet.</summary>
    public readonly int LeftBytes => _bytes.Length - _position;

    /// <summary>The position of the next byte in the bytes that are read.</summary>
    public readonly int Position => _position;

    /// <summary>Reads an INT8.</summary>
    public sbyte ReadInt8() => (sbyte)Take(sizeof(sbyte))[0];

    /// <summary>Reads a BOOLEAN.</summary>
    public bool ReadBoolean() => Take(sizeof(byte))[0] != 0;

    /// <summary>Reads an INT16.</summary>
    public short ReadInt16() => BinaryPrimitives.ReadInt16BigEndian(Take(sizeof(short)));

    /// <summary>Reads an INT32.</summary>
    public int ReadInt32() => BinaryPrimitives.ReadInt32BigEndian(Take(sizeof(int)));

    /// <summary>Reads an INT64.</summary>
    public long ReadInt64() => BinaryPrimitives.ReadInt64BigEndian(Take(sizeof(long)));

    /// <summary>Reads a UUID; <see cref="Guid.Empty"/> stands for none.</summary>
    public Guid ReadUuid() => new(Take(UuidBytes), bigEndian: true);

    /// <summary>Reads an UNSIGNED_VARINT that fits 31 bits.</summary>
    public int ReadUnsignedVarint()
    {
        var value = 0L;
        for (var i = 0; i < UnsignedVarintBytesMax; i++)
        {
            var next = Take(1)[0];
            value |= (long)(next & 0x7f) << (7 * i);
            if (next < 0x80)
                return value <= int.MaxValue ? (int)value : throw Malformed($"the varint {value} is too large");
        }

        throw Malformed("a varint does not end");
    }

    /// <summary>Reads a STRING that must be there.</summary>
    public string ReadString() => ReadNullableString() ?? throw Malformed("a text is missing");

    /// <summary>Reads a NULLABLE_STRING.</summary>
    public string? ReadNullableString()
    {
        var length = IsFlexible ? ReadUnsignedVarint() - 1 : ReadInt16();
        if (length < 0)
            return length == -1 ? null : throw Malformed($"a text has the length {length}");
        var bytes = Take(length);
        // Bytes that are not UTF-8 are refused. Decoded with replacement characters, two different names could become the same.
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : throw Malformed("a text is not UTF-8");
    }

    /// <summary>Reads BYTES that must be there; they lie in the frame.</summary>
    public ReadOnlyMemory<byte> ReadBytes() => ReadNullableBytes() ?? throw Malformed("bytes are missing");

    /// <summary>Reads NULLABLE_BYTES, or RECORDS; they lie in the frame.</summary>
    public ReadOnlyMemory<byte>? ReadNullableBytes()
    {
        var length = IsFlexible ? ReadUnsignedVarint() - 1 : ReadInt32();
        if (length < 0)
            return length == -1 ? null : throw Malformed($"bytes have the length {length}");
        var start = _position;
        Take(length);
        return _frame.Slice(start, length);
    }

    /// <summary>Reads the count of an ARRAY that must be there.</summary>
    /// <param name="elementBytesMin">The least bytes of an element, by which a count that lies is known before memory is taken for it.</param>
    public int ReadArrayLength(int elementBytesMin)
    {
        var count = ReadNullableArrayLength(elementBytesMin);
        return count >= 0 ? count : throw Malformed("an array is missing");
    }

    /// <summary>Reads the count of an ARRAY.</summary>
    /// <param name="elementBytesMin">The least bytes of an element, by which a count that lies is known before memory is taken for it.</param>
    /// <returns>The count; -1 for null.</returns>
    public int ReadNullableArrayLength(int elementBytesMin)
    {
        var count = IsFlexible ? ReadUnsignedVarint() - 1 : ReadInt32();
        return count is -1 || (count >= 0 && count <= LeftBytes / Math.Max(1, elementBytesMin))
            ? count
            : throw Malformed($"an array has {count} elements in {LeftBytes} bytes");
    }

    /// <summary>Reads an ARRAY of structures that must be there.</summary>
    /// <typeparam name="T">What a structure is read as.</typeparam>
    /// <param name="elementBytesMin">The least bytes of one.</param>
    /// <param name="read">Reads one, to the end of its tagged fields.</param>
    public T[] ReadArray<T>(int elementBytesMin, WireElement<T> read)
    {
        var elements = new T[ReadArrayLength(elementBytesMin)];
        for (var i = 0; i < elements.Length; i++)
            elements[i] = read(ref this);
        return elements;
    }

    /// <summary>Reads an ARRAY of INT32 that must be there.</summary>
    public int[] ReadInt32Array()
    {
        var values = new int[ReadArrayLength(sizeof(int))];
        for (var i = 0; i < values.Length; i++)
            values[i] = ReadInt32();
        return values;
    }

    /// <summary>Reads an ARRAY of STRING that must be there.</summary>
    public string[] ReadStringArray() => ReadNullableStringArray() ?? throw Malformed("an array is missing");

    /// <summary>Reads an ARRAY of STRING.</summary>
    public string[]? ReadNullableStringArray()
    {
        var count = ReadNullableArrayLength(IsFlexible ? sizeof(byte) : sizeof(short));
        if (count < 0)
            return null;
        var values = new string[count];
        for (var i = 0; i < count; i++)
            values[i] = ReadString();
        return values;
    }

    /// <summary>Steps over the tagged fields at the end of a structure; in a version that has none it does nothing.</summary>
    public void SkipTags()
    {
        if (!IsFlexible)
            return;
        for (var left = ReadUnsignedVarint(); left > 0; left--)
        {
            ReadUnsignedVarint();
            Take(ReadUnsignedVarint());
        }
    }

    /// <summary>Reads the next tagged field, behind the count of them.</summary>
    /// <param name="tag">Its tag.</param>
    /// <returns>The field's own bytes.</returns>
    public WireReader ReadTag(out int tag)
    {
        tag = ReadUnsignedVarint();
        var length = ReadUnsignedVarint();
        var start = _position;
        Take(length);
        return new WireReader(_frame.Slice(start, length), IsFlexible);
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if ((uint)count > (uint)LeftBytes)
            throw Malformed($"{count} bytes are to follow, and {LeftBytes} do");
        var taken = _bytes.Slice(_position, count);
        _position += count;
        return taken;
    }

    private readonly MalformedFrameException Malformed(string what) => new($"At byte {_position} of the request {what}.");
}

/// <summary>Reads a structure.</summary>
/// <typeparam name="T">What it is read as.</typeparam>
/// <param name="reader">Stands at it.</param>
internal delegate T WireElement<out T>(ref WireReader reader);
