using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace OrleansStream.Tests.Support.Processes;

/// <summary>
/// The network between the processes of a cluster: each silo listens on an address of its own that only this knows, and others reach it
/// through here. What one sends to another can be held, in one direction or both, as on a line that is cut.
/// </summary>
/// <remarks>
/// Held bytes are not lost: once the cut is healed they go on, as TCP would send them again. Who opened a connection is found by asking
/// the system whose socket it is.
/// </remarks>
internal sealed class SiloNetwork : IAsyncDisposable
{
    private const int BufferBytes = 64 * 1024;
    private readonly CancellationTokenSource _ended = new();
    private readonly ConcurrentDictionary<int, string> _names = [];
    private readonly ConcurrentBag<Task> _tasks = [];
    private readonly Lock _lock = new();
    private readonly HashSet<(string From, string To)> _cuts = [];
    private readonly Dictionary<(string From, string To), int> _held = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _addresses;

    /// <summary>Sees all bytes that pass, in either direction, from several threads. Null: nobody does.</summary>
    public Action<ReadOnlyMemory<byte>>? Seen { get; init; }

    /// <summary>An address for a silo to listen on: of the loopback, and nobody else's.</summary>
    public IPAddress NextAddress()
    {
        var number = Interlocked.Increment(ref _addresses);
        return new IPAddress([127, 7, (byte)(number >> 8), (byte)number]);
    }

    /// <summary>Leads a port of the loopback to a silo's own address.</summary>
    public void Lead(int port, IPAddress silo, string name)
    {
        var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        _tasks.Add(AcceptAsync(listener, new IPEndPoint(silo, port), name));
    }

    /// <summary>Says who a process is.</summary>
    public void Name(int processId, string name) => _names[processId] = name;

    /// <summary>Holds what one sends to another.</summary>
    public void Cut(string from, string to) => Change(() => _cuts.Add((from, to)));

    /// <summary>How often something that one sent to another was held, over all cuts.</summary>
    public int HeldCount(string from, string to)
    {
        lock (_lock)
            return _held.GetValueOrDefault((from, to));
    }

    /// <summary>Lets it pass again.</summary>
    public void Heal(string from, string to) => Change(() => _cuts.Remove((from, to)));

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        Change(_cuts.Clear);
        await Task.WhenAll(_tasks);
        _ended.Dispose();
    }

    private void Change(Action change)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            change();
            (changed, _changed) = (_changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        changed.SetResult();
    }

    private void Change(Func<bool> change) => Change(() => { change(); });

    private async Task AcceptAsync(TcpListener listener, IPEndPoint target, string name)
    {
        using (listener)
        {
            while (!_ended.IsCancellationRequested)
            {
                try
                {
                    var caller = await listener.AcceptTcpClientAsync(_ended.Token);
                    _tasks.Add(PassAsync(caller, target, name));
                }
                catch (Exception exception) when (exception is OperationCanceledException or SocketException)
                {
                    // The end, or a caller that has gone again.
                }
            }
        }
    }

    private async Task PassAsync(TcpClient caller, IPEndPoint target, string name)
    {
        await Task.Yield();
        using var silo = new TcpClient(AddressFamily.InterNetwork);
        using (caller)
        {
            try
            {
                var from = FindName((IPEndPoint)caller.Client.RemoteEndPoint!, (IPEndPoint)caller.Client.LocalEndPoint!) ?? "?";
                await WaitWhileCutAsync(from, name);
                await silo.ConnectAsync(target, _ended.Token);
                caller.NoDelay = silo.NoDelay = true;
                // When either side has closed, so has the other: a half-open connection is no use to Orleans.
                await Task.WhenAny(
                    PumpAsync(caller.GetStream(), silo.GetStream(), from, name),
                    PumpAsync(silo.GetStream(), caller.GetStream(), name, from));
            }
            catch (Exception exception) when (IsEnd(exception))
            {
                // Closing both is all there is to say of it.
            }
        }
    }

    private async Task PumpAsync(NetworkStream source, NetworkStream target, string from, string to)
    {
        var buffer = new byte[BufferBytes];
        try
        {
            for (int count; (count = await source.ReadAsync(buffer, _ended.Token)) > 0;)
            {
                Seen?.Invoke(buffer.AsMemory(0, count));
                await WaitWhileCutAsync(from, to);
                await target.WriteAsync(buffer.AsMemory(0, count), _ended.Token);
            }

            await WaitWhileCutAsync(from, to);
        }
        catch (Exception exception) when (IsEnd(exception))
        {
            // As above.
        }
    }

    private static bool IsEnd(Exception exception) =>
        exception is IOException or SocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException;

    private async Task WaitWhileCutAsync(string from, string to)
    {
        for (var isNew = true; ; isNew = false)
        {
            Task changed;
            lock (_lock)
            {
                if (!_cuts.Contains((from, to)))
                    return;
                if (isNew)
                    _held[(from, to)] = _held.GetValueOrDefault((from, to)) + 1;
                changed = _changed.Task;
            }

            await changed.WaitAsync(_ended.Token);
        }
    }

    // The process that has the socket between these ports: /proc/net/tcp knows its inode, and a process's descriptors link to it.
    private string? FindName(IPEndPoint caller, IPEndPoint called)
    {
        var (local, remote) = (PortOf(caller), PortOf(called));
        var socket = File.ReadLines("/proc/net/tcp").Skip(1)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(fields => fields[1].EndsWith(local, StringComparison.Ordinal) && fields[2].EndsWith(remote, StringComparison.Ordinal))
            .Select(fields => $"socket:[{fields[9]}]").FirstOrDefault();
        return _names.FirstOrDefault(node => Has(node.Key, socket)).Value;
    }

    private static string PortOf(IPEndPoint place) => ":" + place.Port.ToString("X4", CultureInfo.InvariantCulture);

    private static bool Has(int processId, string? socket)
    {
        try
        {
            return socket is not null
                && Directory.EnumerateFiles($"/proc/{processId}/fd").Any(path => File.ResolveLinkTarget(path, returnFinalTarget: false)?.Name == socket);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Gone, or going.
            return false;
        }
    }
}
