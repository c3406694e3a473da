using System.Net;
using System.Net.Sockets;
using System.Text;
using OrleansStream.Comparison.Protocols;

namespace OrleansStream.Comparison.Processes;

/// <summary>A Redis server with an append-only file, and one connection to prepare it.</summary>
internal sealed class RedisServer : IDisposable
{
    private readonly ScratchFolder _folder;
    private readonly TcpClient _client = new();

    private RedisServer(ChildProcess process, int port, ScratchFolder folder) => (Process, Port, _folder) = (process, port, folder);

    /// <summary>The process.</summary>
    public ChildProcess Process { get; }

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>Starts one.</summary>
    /// <param name="sync">When it syncs: <c>always</c> or <c>everysec</c>.</param>
    /// <returns>Null when the program is not on the PATH.</returns>
    public static async Task<RedisServer?> StartAsync(string sync)
    {
        if (ChildProcess.Find("redis-server") is not { } program)
            return null;
        var port = ChildProcess.FreePort();
        var folder = new ScratchFolder();
        var process = ChildProcess.Start(program,
        [
            "--bind", "127.0.0.1", "--port", $"{port}", "--dir", folder.Path, "--save", "", "--appendonly", "yes",
            "--appendfsync", sync, "--auto-aof-rewrite-percentage", "0",
        ]);
        var server = new RedisServer(process, port, folder);
        try
        {
            await process.WaitUntilListeningAsync(port);
            await server._client.ConnectAsync(IPAddress.Loopback, port);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Runs a command that answers with a number.</summary>
    /// <param name="words">Its words.</param>
    public long Run(params string[] words)
    {
        var socket = _client.Client;
        socket.Send(RespRequests.Command(words));
        var reply = new byte[1024];
        var length = 0;
        while (RespReader.TryRead(reply.AsSpan(0, length)) == 0)
        {
            var count = socket.Receive(reply.AsSpan(length));
            if (count == 0)
                throw new InvalidOperationException("Redis closed the connection.");
            length += count;
        }

        return reply[0] == ':'
            ? RespReader.Number(reply.AsSpan(0, length))
            : throw new InvalidOperationException($"Redis answered {Encoding.ASCII.GetString(reply, 0, length)}");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _client.Dispose();
        Process.Dispose();
        _folder.Dispose();
    }
}

/// <summary>A NATS server with JetStream in a folder.</summary>
internal sealed class NatsServer : IDisposable
{
    private const string Inbox = "_INBOX.api";
    private readonly ScratchFolder _folder;

    private NatsServer(ChildProcess process, int port, ScratchFolder folder) => (Process, Port, _folder) = (process, port, folder);

    /// <summary>The process.</summary>
    public ChildProcess Process { get; }

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>Starts one.</summary>
    /// <returns>Null when the program is not on the PATH.</returns>
    public static async Task<NatsServer?> StartAsync()
    {
        if (ChildProcess.Find("nats-server") is not { } program)
            return null;
        var port = ChildProcess.FreePort();
        var folder = new ScratchFolder();
        var process = ChildProcess.Start(program, ["-a", "127.0.0.1", "-p", $"{port}", "-js", "-sd", folder.Path]);
        var server = new NatsServer(process, port, folder);
        try
        {
            await process.WaitUntilListeningAsync(port);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Asks JetStream's own interface, on a connection made for it.</summary>
    /// <param name="operation">What, such as <c>STREAM.CREATE.name</c>.</param>
    /// <param name="request">The request's JSON.</param>
    /// <returns>The answer's JSON.</returns>
    public string Ask(string operation, string request)
    {
        using var client = new TcpClient();
        client.Connect(IPAddress.Loopback, Port);
        client.Client.ReceiveTimeout = 30_000;
        client.Client.Send(NatsPublishExchange.GreetingOf(Inbox));
        client.Client.Send(NatsPublishExchange.Publish($"$JS.API.{operation}", Inbox, Encoding.UTF8.GetBytes(request)));
        var answer = ReceiveMessage(client.Client);
        return answer.Contains("\"error\"", StringComparison.Ordinal)
            ? throw new InvalidOperationException($"NATS answered {answer}")
            : answer;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Process.Dispose();
        _folder.Dispose();
    }

    private static string ReceiveMessage(Socket socket)
    {
        var received = new byte[64 * 1024];
        var start = 0;
        var end = 0;
        while (true)
        {
            var kind = NatsReader.TryRead(received.AsSpan(start..end), out var length, out var payload);
            if (kind is NatsKind.Message or NatsKind.Error)
                return Encoding.UTF8.GetString(payload);
            if (kind != NatsKind.Incomplete)
            {
                start += length;
                continue;
            }

            var count = socket.Receive(received.AsSpan(end));
            if (count == 0)
                throw new InvalidOperationException("NATS closed the connection.");
            end += count;
        }
    }
}
