using System.Net.Sockets;
using System.Text;

namespace OrleansStream.Tests.Support;

/// <summary>A connection that sends what it is told to, byte by byte where it likes, as no client library would.</summary>
internal sealed class SlowConnection : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    /// <summary>Connects and begins a request.</summary>
    /// <param name="service">The service.</param>
    /// <param name="begin">What to send first.</param>
    public static async Task<SlowConnection> OpenAsync(Uri service, string begin)
    {
        var connection = new SlowConnection();
        await connection._socket.ConnectAsync(service.Host, service.Port, TestContext.Current.CancellationToken);
        await connection.SendAsync(begin);
        return connection;
    }

    /// <summary>The head of a request whose body is an endless stream of lines.</summary>
    public static string LinesTo(string topic) =>
        $"POST /v1/topics/{topic}/records HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";

    /// <summary>The head of a request with a JSON body of a known length.</summary>
    public static string BodyTo(string topic, int lengthBytes) =>
        $"POST /v1/topics/{topic}/records HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {lengthBytes}\r\n\r\n";

    /// <summary>A chunk of a body.</summary>
    public static string Chunk(string text) => $"{Encoding.UTF8.GetByteCount(text):x}\r\n{text}\r\n";

    /// <summary>Sends more.</summary>
    public async Task SendAsync(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var sent = 0; sent < bytes.Length;)
            sent += await _socket.SendAsync(bytes.AsMemory(sent), TestContext.Current.CancellationToken);
    }

    /// <summary>Sends more, where the service has not closed the connection.</summary>
    public async Task TrySendAsync(string text)
    {
        try
        {
            await SendAsync(text);
        }
        catch (SocketException)
        {
            // It is cut.
        }
    }

    /// <summary>The bytes that it has taken by <see cref="Receive"/>.</summary>
    public long ReceivedBytes { get; private set; }

    /// <summary>What the first bytes that it took say: the protocol and the status; empty when nothing has come.</summary>
    public string Status { get; private set; } = "";

    /// <summary>Takes at most so many bytes of what has come.</summary>
    /// <exception cref="SocketException">The service has cut the connection.</exception>
    public void Receive(int lengthBytes)
    {
        if (_socket.Available == 0)
            return;
        var bytes = new byte[lengthBytes];
        var received = _socket.Receive(bytes);
        if (ReceivedBytes == 0)
            Status = Encoding.ASCII.GetString(bytes, 0, Math.Min(received, "HTTP/1.1 200".Length));
        ReceivedBytes += received;
    }

    /// <summary>Ends the body and gives the whole answer.</summary>
    public async Task<string> EndAsync()
    {
        await SendAsync("0\r\n\r\n");
        using var answer = new StreamReader(new NetworkStream(_socket));
        return await answer.ReadToEndAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>True once the service has closed the connection. What it answered before is passed over.</summary>
    public bool IsCut()
    {
        try
        {
            while (_socket.Poll(0, SelectMode.SelectRead))
            {
                if (_socket.Receive(new byte[4096]) == 0)
                    return true;
            }

            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    public void Dispose() => _socket.Dispose();
}
