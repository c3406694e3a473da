using System.Buffers;
using System.Runtime.InteropServices;
using OrleansStream.Gateway.Admission;

namespace OrleansStream.Kafka.Calls;

/// <summary>The bytes of one request, in one piece. They count as the node's until it is disposed.</summary>
internal sealed class RequestFrame : IDisposable
{
    private readonly NodeLoad _node;
    private readonly int _lengthBytes;
    private byte[]? _buffer;
    private bool _isKept;

    /// <summary>Copies a frame; the node's memory for it is taken already.</summary>
    /// <param name="bytes">The frame, without its length field.</param>
    /// <param name="node">The node's memory for requests.</param>
    public RequestFrame(in ReadOnlySequence<byte> bytes, NodeLoad node)
    {
        _node = node;
        _lengthBytes = (int)bytes.Length;
        _buffer = ArrayPool<byte>.Shared.Rent(_lengthBytes);
        bytes.CopyTo(_buffer);
    }

    /// <summary>The bytes.</summary>
    public ReadOnlyMemory<byte> Memory => _buffer.AsMemory(0, _lengthBytes);

    /// <summary>Bytes of the frame, to be changed.</summary>
    /// <param name="bytes">A part of <see cref="Memory"/>.</param>
    /// <exception cref="ArgumentException">They lie elsewhere.</exception>
    public Memory<byte> Own(ReadOnlyMemory<byte> bytes) => MemoryMarshal.TryGetArray(bytes, out var part) && part.Array == _buffer
        ? part.AsMemory()
        : throw new ArgumentException("The bytes are not of this frame.", nameof(bytes));

    /// <summary>Leaves the bytes as they are when it is disposed.</summary>
    public void Keep() => _isKept = true;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_buffer is not { } buffer)
            return;
        _buffer = null;
        if (!_isKept)
            ArrayPool<byte>.Shared.Return(buffer);
        _node.Return(_lengthBytes);
    }
}
