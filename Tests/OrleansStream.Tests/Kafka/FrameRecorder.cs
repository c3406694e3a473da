using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace OrleansStream.Tests.Kafka;

/// <summary>Stands between clients and the endpoint, and keeps the requests that pass.</summary>
internal sealed class FrameRecorder : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ended = new();
    private readonly int _port;
    private readonly Task _accepting;

    /// <summary>Begins to listen.</summary>
    /// <param name="port">The endpoint's port.</param>
    public FrameRecorder(int port)
    {
        _port = port;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Where clients connect to.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The requests, without their length fields.</summary>
    public ConcurrentQueue<byte[]> Frames { get; } = new();

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        _listener.Stop();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ended.Dispose();
    }

    private async Task AcceptAsync()
    {
        var passing = new List<Task>();
        while (!_ended.IsCancellationRequested)
        {
            var client = await _listener.AcceptTcpClientAsync(_ended.Token);
            passing.Add(PassAsync(client));
        }
    }

    private async Task PassAsync(TcpClient client)
    {
        using (client)
        {
            using var server = new TcpClient();
            await server.ConnectAsync(IPAddress.Loopback, _port, _ended.Token);
            await Task.WhenAny(RecordAsync(client.GetStream(), server.GetStream()), server.GetStream().CopyToAsync(client.GetStream(), _ended.Token));
        }
    }

    private async Task RecordAsync(NetworkStream from, NetworkStream to)
    {
        var length = new byte[sizeof(int)];
        while (true)
        {
            await from.ReadExactlyAsync(length, _ended.Token);
            var frame = new byte[BinaryPrimitives.ReadInt32BigEndian(length)];
            await from.ReadExactlyAsync(frame, _ended.Token);
            Frames.Enqueue(frame);
            await to.WriteAsync(length, _ended.Token);
            await to.WriteAsync(frame, _ended.Token);
        }
    }
}
