using System.Net;
using System.Net.Sockets;
using OrleansStream.Comparison.Protocols;

namespace OrleansStream.Comparison.Driving;

/// <summary>One connection that blocks: a request, its answer, the next request.</summary>
internal sealed class HttpConnection : IDisposable
{
    private readonly HttpAnswerReader _answer = new();
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private byte[] _received = new byte[64 * 1024];

    /// <summary>Connects on this machine.</summary>
    /// <param name="port">The port.</param>
    public HttpConnection(int port)
    {
        _socket.ReceiveTimeout = 60_000;
        _socket.Connect(IPAddress.Loopback, port);
    }

    /// <summary>Sends a request.</summary>
    /// <param name="request">Its bytes.</param>
    public void Send(ReadOnlySpan<byte> request)
    {
        while (!request.IsEmpty)
            request = request[_socket.Send(request)..];
    }

    /// <summary>Waits for the answer to the request before.</summary>
    /// <param name="status">The status it must have.</param>
    /// <returns>Its body, valid until the next.</returns>
    /// <exception cref="UnexpectedAnswerException">It has another one.</exception>
    public ReadOnlySpan<byte> Receive(int status = 200)
    {
        var length = 0;
        while (_answer.TryRead(_received.AsSpan(0, length)) == 0)
        {
            if (length == _received.Length)
                Array.Resize(ref _received, 2 * length);
            var count = _socket.Receive(_received.AsSpan(length));
            if (count == 0)
                throw new UnexpectedAnswerException("The connection was closed.");
            length += count;
        }

        var body = _answer.Body(_received.AsSpan(0, length));
        return _answer.Status == status
            ? body
            : throw new UnexpectedAnswerException($"Status {_answer.Status}: {System.Text.Encoding.UTF8.GetString(body[..Math.Min(300, body.Length)])}");
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();
}
