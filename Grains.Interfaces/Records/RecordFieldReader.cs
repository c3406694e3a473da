using System.Diagnostics.CodeAnalysis;

namespace OrleansStream.Records;

/// <summary>A length-prefixed field that may be null.</summary>
internal readonly ref struct RecordField(bool isPresent, ReadOnlySpan<byte> bytes)
{
    public bool IsPresent { get; } = isPresent;

    public ReadOnlySpan<byte> Bytes { get; } = bytes;
}

/// <summary>Reads the fields of records from untrusted bytes. Every fault is a <see cref="RecordFormatException"/>.</summary>
internal ref struct RecordFieldReader(ReadOnlySpan<byte> bytes, int position = 0)
{
    // A header has at least a key length and a value length.
    private const int HeaderBytesMin = 2;
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _position = position;

    public readonly int Position => _position;

    public readonly int LeftBytes => _bytes.Length - _position;

    public readonly ReadOnlySpan<byte> Left => _bytes[_position..];

    public sbyte ReadByte()
    {
        if (_position >= _bytes.Length)
            Throw(RecordFormatError.BadRecordLength, "A record ends before its attributes.");
        return (sbyte)_bytes[_position++];
    }

    public int ReadVarint()
    {
        if (!Varint.TryRead(_bytes, ref _position, out int value))
            Throw(RecordFormatError.BadVarint, $"No 32-bit varint at byte {_position} of {_bytes.Length}.");
        return value;
    }

    public long ReadVarlong()
    {
        if (!Varint.TryRead(_bytes, ref _position, out long value))
            Throw(RecordFormatError.BadVarint, $"No 64-bit varint at byte {_position} of {_bytes.Length}.");
        return value;
    }

    public ReadOnlySpan<byte> ReadRecord()
    {
        var length = ReadVarint();
        // The length varint itself takes at least one byte.
        if (length < RecordLimits.RecordBytesMin - 1 || length > LeftBytes)
            Throw(RecordFormatError.BadRecordLength, $"A record claims {length} bytes where {LeftBytes} are left.");
        return Take(length);
    }

    public RecordField ReadNullable()
    {
        var length = ReadVarint();
        if (length == -1)
            return default;
        RequireLength(length);
        return new RecordField(true, Take(length));
    }

    public int ReadHeaderCount()
    {
        var count = ReadVarint();
        if (count < 0 || count > LeftBytes / HeaderBytesMin)
            Throw(RecordFormatError.BadHeaderCount, $"A record claims {count} headers in {LeftBytes} bytes.");
        return count;
    }

    public RecordHeaderView ReadHeader()
    {
        var keyLength = ReadVarint();
        RequireLength(keyLength);
        var key = Take(keyLength);
        return new RecordHeaderView(key, ReadNullable());
    }

    /// <summary>Checks the headers and skips them.</summary>
    public int SkipHeaders()
    {
        var count = ReadHeaderCount();
        for (var i = 0; i < count; i++)
            ReadHeader();
        return count;
    }

    private readonly void RequireLength(int length)
    {
        if (length < 0 || length > LeftBytes)
            Throw(RecordFormatError.BadFieldLength, $"A field claims {length} bytes where {LeftBytes} are left.");
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        var taken = _bytes.Slice(_position, length);
        _position += length;
        return taken;
    }

    [DoesNotReturn]
    private static void Throw(RecordFormatError error, string message) => throw new RecordFormatException(error, message);
}
