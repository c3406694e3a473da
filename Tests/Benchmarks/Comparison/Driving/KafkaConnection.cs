using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace OrleansStream.Comparison.Driving;

/// <summary>One connection to a Kafka endpoint that blocks: a frame, its answer, the next frame.</summary>
internal sealed class KafkaConnection : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private byte[] _frame = new byte[64 * 1024];

    /// <summary>Connects on this machine.</summary>
    /// <param name="port">The port.</param>
    public KafkaConnection(int port)
    {
        _socket.ReceiveTimeout = 60_000;
        _socket.Connect(IPAddress.Loopback, port);
    }

    /// <summary>Sends a frame.</summary>
    /// <param name="frame">The frame with its length field.</param>
    public void Send(ReadOnlySpan<byte> frame)
    {
        while (!frame.IsEmpty)
            frame = frame[_socket.Send(frame)..];
    }

    /// <summary>Waits for the next answer.</summary>
    /// <returns>It without its length field, valid until the next.</returns>
    public ReadOnlySpan<byte> Receive()
    {
        ReceiveExactly(sizeof(int), 0);
        var length = BinaryPrimitives.ReadInt32BigEndian(_frame);
        if (_frame.Length < length)
            _frame = new byte[length];
        ReceiveExactly(length, 0);
        return _frame.AsSpan(0, length);
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private void ReceiveExactly(int length, int position)
    {
        while (position < length)
        {
            var count = _socket.Receive(_frame.AsSpan(position..length));
            if (count == 0)
                throw new UnexpectedAnswerException("The Kafka endpoint closed the connection.");
            position += count;
        }
    }
}
