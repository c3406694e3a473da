using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace OrleansStream.Comparison.Driving;

/// <summary>One non-blocking connection with a window of unanswered requests.</summary>
internal sealed class Connection : IDisposable
{
    private readonly Socket _socket;
    private readonly Exchange _exchange;
    private readonly int _window;
    private readonly Queue<long> _sentAt = new();
    private byte[] _received = new byte[256 * 1024];
    private int _receivedStart;
    private int _receivedEnd;
    private ReadOnlyMemory<byte> _unsent;

    private Connection(Socket socket, Exchange exchange, int window) => (_socket, _exchange, _window) = (socket, exchange, window);

    /// <summary>The requests that are not answered yet.</summary>
    public int Outstanding => _sentAt.Count;

    /// <summary>The socket's descriptor.</summary>
    public int Descriptor => (int)_socket.Handle;

    /// <summary>True while bytes of a request wait for room.</summary>
    public bool HasUnsent => !_unsent.IsEmpty;

    /// <summary>Connects on this machine and greets.</summary>
    /// <param name="port">The port.</param>
    /// <param name="exchange">What is asked.</param>
    /// <param name="window">The most requests without an answer.</param>
    public static Connection Open(int port, Exchange exchange, int window)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(IPAddress.Loopback, port);
        var connection = new Connection(socket, exchange, window);
        connection.Greet();
        socket.Blocking = false;
        return connection;
    }

    /// <summary>Sends as many requests as the window and the socket have room for.</summary>
    /// <param name="requestsMax">The most that may be begun now.</param>
    /// <returns>How many were begun.</returns>
    public int Send(int requestsMax)
    {
        var begun = 0;
        while (true)
        {
            if (_unsent.IsEmpty)
            {
                var room = Math.Min(_window - _sentAt.Count, requestsMax - begun);
                if (room <= 0)
                    return begun;
                _unsent = _exchange.NextRequests(room, out var requests);
                var now = Stopwatch.GetTimestamp();
                for (var i = 0; i < requests; i++)
                    _sentAt.Enqueue(now);
                begun += requests;
            }

            var sent = _socket.Send(_unsent.Span, SocketFlags.None, out var error);
            if (error == SocketError.WouldBlock)
                return begun;
            Check(error);
            _unsent = _unsent[sent..];
        }
    }

    /// <summary>Receives what has come and judges the answers in it.</summary>
    /// <param name="tally">Counts them.</param>
    public void Receive(Tally tally)
    {
        MakeRoom();
        var count = _socket.Receive(_received.AsSpan(_receivedEnd), SocketFlags.None, out var error);
        if (error == SocketError.WouldBlock)
            return;
        Check(error);
        if (count == 0)
            throw new UnexpectedAnswerException("The connection was closed.");
        _receivedEnd += count;
        while (_receivedEnd > _receivedStart)
        {
            var length = _exchange.TakeAnswer(_received.AsSpan(_receivedStart.._receivedEnd), out var records, out var bytes);
            if (length == 0)
                return;
            if (!_sentAt.TryDequeue(out var sentAt))
                throw new UnexpectedAnswerException("An answer came that nothing had asked for.");
            _receivedStart += length;
            tally.Add(records, bytes, Stopwatch.GetTimestamp() - sentAt);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private void Greet()
    {
        _socket.ReceiveTimeout = 10_000;
        if (_exchange.Greeting.IsEmpty)
            return;
        _socket.Send(_exchange.Greeting.Span);
        while (true)
        {
            var count = _socket.Receive(_received.AsSpan(_receivedEnd));
            if (count == 0)
                throw new UnexpectedAnswerException("The connection was closed at its greeting.");
            _receivedEnd += count;
            var length = _exchange.TakeGreeting(_received.AsSpan(0, _receivedEnd));
            if (length == 0)
                continue;
            _receivedStart = length;
            return;
        }
    }

    private void MakeRoom()
    {
        if (_receivedStart == _receivedEnd)
            _receivedStart = _receivedEnd = 0;
        if (_receivedEnd < _received.Length)
            return;
        if (_receivedStart == 0)
            Array.Resize(ref _received, 2 * _received.Length);
        else
            _received.AsSpan(_receivedStart.._receivedEnd).CopyTo(_received);
        _receivedEnd -= _receivedStart;
        _receivedStart = 0;
    }

    private static void Check(SocketError error)
    {
        if (error != SocketError.Success)
            throw new UnexpectedAnswerException($"The connection failed: {error}.");
    }
}
