using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace OrleansStream.Tests.Support.Processes;

/// <summary>
/// A balancer before Api nodes, as a cloud has one: each connection goes to the next node, or to another if that one does not take it.
/// </summary>
internal sealed class NodeBalancer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ended = new();
    private readonly ConcurrentBag<Task> _passed = [];
    private readonly IReadOnlyList<Uri> _nodes;
    private readonly Task _accepting;
    private int _turn;
    private volatile int _lastUsed;

    /// <summary>Begins to take connections.</summary>
    /// <param name="nodes">Where the nodes serve.</param>
    public NodeBalancer(IReadOnlyList<Uri> nodes)
    {
        _nodes = nodes;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Where clients come in.</summary>
    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");

    /// <summary>The index of the node that took the last connection.</summary>
    public int LastUsed => _lastUsed;

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        _listener.Dispose();
        await _accepting;
        await Task.WhenAll(_passed);
        _ended.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_ended.IsCancellationRequested)
        {
            try
            {
                _passed.Add(PassAsync(await _listener.AcceptTcpClientAsync(_ended.Token)));
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // The end, or a client that has gone again.
            }
        }
    }

    private async Task PassAsync(TcpClient client)
    {
        await Task.Yield();
        using (client)
        {
            try
            {
                using var node = await ConnectAsync();
                client.NoDelay = node.NoDelay = true;
                var (there, back) = (client.GetStream(), node.GetStream());
                // What either side has closed is of no use to the other.
                await Task.WhenAny(there.CopyToAsync(back, _ended.Token), back.CopyToAsync(there, _ended.Token));
            }
            catch (Exception exception) when (exception is IOException or SocketException or OperationCanceledException)
            {
                // No node took it, or the end: closing it is all there is to say.
            }
        }
    }

    private async Task<TcpClient> ConnectAsync()
    {
        for (var refused = 0; ; refused++)
        {
            var chosen = Interlocked.Increment(ref _turn) % _nodes.Count;
            var node = new TcpClient();
            try
            {
                await node.ConnectAsync(IPAddress.Loopback, _nodes[chosen].Port, _ended.Token);
                _lastUsed = chosen;
                return node;
            }
            catch (SocketException) when (refused < _nodes.Count)
            {
                node.Dispose();
            }
        }
    }
}
