using System.Buffers;

namespace OrleansStream.Records;

/// <summary>A growing buffer from the shared pool that refuses to grow past a bound.</summary>
internal sealed class PooledBuffer(int bytesMax, Func<int, Exception> overflow) : IBufferWriter<byte>, IDisposable
{
    private byte[] _bytes = [];

    public int Length { get; private set; }

    /// <summary>The size of its memory in bytes: what is written, and the room for more.</summary>
    public int CapacityBytes => _bytes.Length;

    public ReadOnlySpan<byte> WrittenSpan => _bytes.AsSpan(0, Length);

    public Memory<byte> WrittenMemory => _bytes.AsMemory(0, Length);

    /// <summary>The written bytes, for changes in place.</summary>
    public Span<byte> Written => _bytes.AsSpan(0, Length);

    /// <summary>Drops what was written, and keeps the memory.</summary>
    public void Clear() => Length = 0;

    /// <summary>Takes the next bytes and counts them as written. Their content is arbitrary.</summary>
    public Span<byte> Take(int lengthBytes)
    {
        Ensure(lengthBytes);
        var taken = _bytes.AsSpan(Length, lengthBytes);
        Length += lengthBytes;
        return taken;
    }

    /// <summary>Makes room for the next bytes, up to the bound. Nothing counts as written.</summary>
    public void Reserve(int lengthBytes)
    {
        var wanted = Math.Min(lengthBytes, bytesMax - Length);
        if (wanted > _bytes.Length - Length)
            Grow(wanted);
    }

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        // A writer may get more memory than the bound allows, but must not fill it.
        if (count > bytesMax - Length)
            throw overflow(bytesMax);
        Length += count;
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        var wanted = Math.Max(1, sizeHint);
        // A decompressor asks a full buffer for room to find out whether more follows. It gets some, and Advance refuses to use it.
        if (Length == bytesMax)
            return new byte[wanted];
        if (wanted > _bytes.Length - Length)
            Grow(wanted);
        return _bytes.AsMemory(Length);
    }

    public void Dispose()
    {
        Length = 0;
        var bytes = _bytes;
        _bytes = [];
        if (bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(bytes);
    }

    private void Ensure(int lengthBytes)
    {
        if (lengthBytes > bytesMax - Length)
            throw overflow(bytesMax);
        if (lengthBytes > _bytes.Length - Length)
            Grow(lengthBytes);
    }

    private void Grow(int lengthBytes)
    {
        var doubled = Math.Min(2 * _bytes.Length, bytesMax);
        var wanted = Math.Max(RecordLimits.WriterBytesInitial, Math.Max(Length + lengthBytes, doubled));
        var larger = ArrayPool<byte>.Shared.Rent(wanted);
        WrittenSpan.CopyTo(larger);
        if (_bytes.Length > 0)
            ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = larger;
    }
}
