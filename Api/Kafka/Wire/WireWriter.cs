using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Text;

namespace OrleansStream.Kafka.Wire;

/// <summary>
/// Writes the fields of an answer one after another. Records are noted where they lie, and go from there into the connection's pipe; all else gathers
/// in a pooled buffer.
/// </summary>
/// <remarks>An answer begins with its length, so it is sent when it is whole. Not safe for several threads at once.</remarks>
internal sealed class WireWriter : IDisposable
{
    private const int BufferBytesInitial = 1024;
    private const int LengthBytes = sizeof(int);

    private readonly List<(int Position, ReadOnlyMemory<byte> Bytes)> _slices = [];
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(BufferBytesInitial);
    private int _length = LengthBytes;
    private long _slicesLength;
    private int _throttlePosition = -1;

    /// <summary>
    /// Whether the version is a flexible one: texts, bytes and arrays have varints as lengths, and structures end in tagged fields.
    /// </summary>
    public bool IsFlexible { get; set; }

    /// <summary>The length of the frame so far, in bytes, its length field not counted.</summary>
    public long FrameBytes => _length - LengthBytes + _slicesLength;

    /// <summary>The first error that the answer tells; 0 for none.</summary>
    public short FirstError { get; private set; }

    /// <summary>Writes an INT8.</summary>
    /// <param name="value">The value.</param>
    public void WriteInt8(sbyte value) => Take(sizeof(sbyte))[0] = (byte)value;

    /// <summary>Writes a BOOLEAN.</summary>
    /// <param name="value">The value.</param>
    public void WriteBoolean(bool value) => Take(sizeof(byte))[0] = value ? (byte)1 : (byte)0;

    /// <summary>Writes an INT16.</summary>
    /// <param name="value">The value.</param>
    public void WriteInt16(short value) => BinaryPrimitives.WriteInt16BigEndian(Take(sizeof(short)), value);

    /// <summary>Writes an INT32.</summary>
    /// <param name="value">The value.</param>
    public void WriteInt32(int value) => BinaryPrimitives.WriteInt32BigEndian(Take(sizeof(int)), value);

    /// <summary>Writes an INT64.</summary>
    /// <param name="value">The value.</param>
    public void WriteInt64(long value) => BinaryPrimitives.WriteInt64BigEndian(Take(sizeof(long)), value);

    /// <summary>Writes an error code, an INT16.</summary>
    /// <param name="value">The code; 0 for none.</param>
    public void WriteErrorCode(short value)
    {
        if (FirstError == 0)
            FirstError = value;
        WriteInt16(value);
    }

    /// <summary>Writes the field <c>throttle_time_ms</c>: 0, unless <see cref="SetThrottleTime"/> says otherwise.</summary>
    public void WriteThrottleTime()
    {
        _throttlePosition = _length;
        WriteInt32(0);
    }

    /// <summary>Tells how long the client is to wait before its next request, where the answer has a field for it.</summary>
    /// <param name="milliseconds">The time.</param>
    public void SetThrottleTime(int milliseconds)
    {
        if (_throttlePosition >= 0)
            BinaryPrimitives.WriteInt32BigEndian(_buffer.AsSpan(_throttlePosition), milliseconds);
    }

    /// <summary>Writes a UUID.</summary>
    /// <param name="value">The value; <see cref="Guid.Empty"/> for none.</param>
    public void WriteUuid(Guid value) => value.TryWriteBytes(Take(16), bigEndian: true, out _);

    /// <summary>Writes an UNSIGNED_VARINT.</summary>
    /// <param name="value">The value, not negative.</param>
    public void WriteUnsignedVarint(int value)
    {
        var left = (uint)value;
        for (; left >= 0x80; left >>= 7)
            Take(1)[0] = (byte)(left | 0x80);
        Take(1)[0] = (byte)left;
    }

    /// <summary>Writes a STRING or a NULLABLE_STRING.</summary>
    /// <param name="value">The text; null only where the version allows it.</param>
    /// <exception cref="ArgumentException">It is longer than the field can say.</exception>
    public void WriteString(string? value)
    {
        var length = value is null ? -1 : Encoding.UTF8.GetByteCount(value);
        if (!IsFlexible && length > short.MaxValue)
            throw new ArgumentException($"A text of {length} bytes does not fit its field.", nameof(value));
        if (IsFlexible)
            WriteUnsignedVarint(length + 1);
        else
            WriteInt16((short)length);
        if (length > 0)
            Encoding.UTF8.GetBytes(value!, Take(length));
    }

    /// <summary>Writes BYTES.</summary>
    /// <param name="value">The bytes.</param>
    public void WriteBytes(ReadOnlySpan<byte> value)
    {
        WriteBytesLength(value.Length);
        value.CopyTo(Take(value.Length));
    }

    /// <summary>Writes the length of RECORDS, which <see cref="AddRecords"/> adds.</summary>
    /// <param name="length">The length of all of them in bytes.</param>
    public void WriteRecordsLength(int length) => WriteBytesLength(length);

    /// <summary>Adds records where they lie: they are not copied until the answer is sent, so nobody may change them before.</summary>
    /// <param name="bytes">Whole batches.</param>
    public void AddRecords(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        _slices.Add((_length, bytes));
        _slicesLength += bytes.Length;
    }

    /// <summary>Writes the count of an ARRAY, whose elements follow.</summary>
    /// <param name="count">The count; -1 for null.</param>
    public void WriteArrayLength(int count)
    {
        if (IsFlexible)
            WriteUnsignedVarint(count + 1);
        else
            WriteInt32(count);
    }

    /// <summary>Writes an ARRAY of structures.</summary>
    /// <typeparam name="T">What they are made of.</typeparam>
    /// <param name="elements">The elements.</param>
    /// <param name="write">Writes one; its tagged fields follow by themselves.</param>
    public void WriteArray<T>(IReadOnlyCollection<T> elements, Action<WireWriter, T> write)
    {
        WriteArrayLength(elements.Count);
        foreach (var element in elements)
        {
            write(this, element);
            WriteNoTags();
        }
    }

    /// <summary>Writes an ARRAY of INT32.</summary>
    /// <param name="values">The values.</param>
    public void WriteInt32Array(ReadOnlySpan<int> values)
    {
        WriteArrayLength(values.Length);
        foreach (var value in values)
            WriteInt32(value);
    }

    /// <summary>Writes that a structure has no tagged fields; in a version that has none it does nothing.</summary>
    public void WriteNoTags()
    {
        if (IsFlexible)
            WriteUnsignedVarint(0);
    }

    /// <summary>Writes a structure's only tagged field. To be called in flexible versions only, in place of <see cref="WriteNoTags"/>.</summary>
    /// <typeparam name="T">What the field is written from.</typeparam>
    /// <param name="tag">The field's number.</param>
    /// <param name="value">What it is written from.</param>
    /// <param name="write">Writes the field, without records.</param>
    public void WriteTag<T>(int tag, T value, Action<WireWriter, T> write)
    {
        using var field = new WireWriter { IsFlexible = true };
        write(field, value);
        WriteUnsignedVarint(1); // the count of fields
        WriteUnsignedVarint(tag);
        WriteUnsignedVarint((int)field.FrameBytes);
        field._buffer.AsSpan(LengthBytes, (int)field.FrameBytes).CopyTo(Take((int)field.FrameBytes));
    }

    /// <summary>Begins an answer anew: what was written before is forgotten.</summary>
    public void Clear()
    {
        _slices.Clear();
        (_length, _slicesLength, _throttlePosition, FirstError) = (LengthBytes, 0, -1, 0);
    }

    /// <summary>Sends the answer. To be called once.</summary>
    /// <param name="output">Takes the bytes.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>False when the other side takes no more.</returns>
    public async ValueTask<bool> SendAsync(PipeWriter output, CancellationToken cancellationToken)
    {
        BinaryPrimitives.WriteInt32BigEndian(_buffer, checked((int)FrameBytes));
        var position = 0;
        foreach (var (at, bytes) in _slices)
        {
            output.Write(_buffer.AsSpan(position, at - position));
            position = at;
            // A write of its own: the pipe has a bound, and whoever reads slowly is waited for here.
            if ((await output.WriteAsync(bytes, cancellationToken)).IsCompleted)
                return false;
        }

        output.Write(_buffer.AsSpan(position, _length - position));
        return !(await output.FlushAsync(cancellationToken)).IsCompleted;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        _length = 0;
    }

    private void WriteBytesLength(int length)
    {
        if (IsFlexible)
            WriteUnsignedVarint(length + 1);
        else
            WriteInt32(length);
    }

    private Span<byte> Take(int count)
    {
        if (count > _buffer.Length - _length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(_buffer.Length * 2, _length + count));
            _buffer.AsSpan(0, _length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        var taken = _buffer.AsSpan(_length, count);
        _length += count;
        return taken;
    }
}
