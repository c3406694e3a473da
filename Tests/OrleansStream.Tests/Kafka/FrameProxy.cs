using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Tests.Kafka;

/// <summary>Stands between clients and the endpoint. It keeps the requests that pass, and does to them and their answers what a test says.</summary>
internal sealed class FrameProxy : IAsyncDisposable
{
    private const int FrameBytesMax = 64 * 1024 * 1024;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ended = new();
    private readonly int _port;
    private readonly Task _accepting;
    private readonly long _startedAt = Stopwatch.GetTimestamp();
    private readonly ConcurrentQueue<TimeSpan> _connections = new();
    private readonly ConcurrentQueue<(ApiKey Key, TimeSpan At)> _arrivals = new();

    /// <summary>Begins to listen.</summary>
    /// <param name="port">The endpoint's port.</param>
    public FrameProxy(int port)
    {
        _port = port;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Where clients connect to.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>What clients take as <c>bootstrap.servers</c>.</summary>
    public string Bootstrap => $"127.0.0.1:{Port}";

    /// <summary>The requests, without their length fields.</summary>
    public ConcurrentQueue<byte[]> Frames { get; } = new();

    /// <summary>When clients opened their connections so far, in order.</summary>
    public IReadOnlyList<TimeSpan> Connections => [.. _connections];

    /// <summary>What is done with a request.</summary>
    public Func<PassingFrame, ValueTask<FrameFate>> OnRequest { get; set; } = _ => new(FrameFate.Passes);

    /// <summary>What is done with an answer, given its request. The answer's bytes may be changed.</summary>
    public Func<PassingFrame, byte[], FrameFate> OnAnswer { get; set; } = (_, _) => FrameFate.Passes;

    /// <summary>Has the connection on which the next request of an API comes end before the service sees that request.</summary>
    public void CutOnce(ApiKey key)
    {
        var isCut = 0;
        OnRequest = request => new(request.Key == key && Interlocked.Exchange(ref isCut, 1) == 0 ? FrameFate.Cut : FrameFate.Passes);
    }

    /// <summary>Has the next answer of an API be lost, and its connection with it.</summary>
    public void LoseAnswerOnce(ApiKey key)
    {
        var isLost = 0;
        OnAnswer = (request, _) => request.Key == key && Interlocked.Exchange(ref isLost, 1) == 0 ? FrameFate.Cut : FrameFate.Passes;
    }

    /// <summary>The requests of an API so far.</summary>
    public IEnumerable<PassingFrame> RequestsOf(ApiKey key) => Frames.Select(frame => new PassingFrame(frame)).Where(frame => frame.Key == key);

    /// <summary>The count of requests of an API so far.</summary>
    public int CountOf(ApiKey key) => RequestsOf(key).Count();

    /// <summary>When the requests of an API came so far, in order: what tells how often a client asks.</summary>
    public IReadOnlyList<TimeSpan> ArrivalsOf(ApiKey key) => [.. _arrivals.Where(arrival => arrival.Key == key).Select(arrival => arrival.At)];

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
            client.NoDelay = true;
            _connections.Enqueue(Stopwatch.GetElapsedTime(_startedAt));
            passing.Add(PassAsync(client));
        }
    }

    private async Task PassAsync(TcpClient client)
    {
        using (client)
        {
            using var server = new TcpClient { NoDelay = true };
            await server.ConnectAsync(IPAddress.Loopback, _port, _ended.Token);
            var line = new Line(client.GetStream(), server.GetStream());
            await Task.WhenAny(PassRequestsAsync(line), PassAnswersAsync(line));
        }
    }

    private async Task PassRequestsAsync(Line line)
    {
        while (await ReadAsync(line.Client, line.Server) is { } frame)
        {
            Frames.Enqueue(frame);
            var passing = new PassingFrame(frame);
            _arrivals.Enqueue((passing.Key, Stopwatch.GetElapsedTime(_startedAt)));
            var fate = await OnRequest(passing);
            if (fate.Cuts)
                return;
            if (fate.Answer is { } answer)
            {
                await WriteAsync(line.Client, answer);
                continue;
            }

            if (frame.Length >= PassingFrame.HeaderBytesMin)
                line.Requests[passing.CorrelationId] = passing;
            await WriteAsync(line.Server, frame);
        }
    }

    private async Task PassAnswersAsync(Line line)
    {
        while (await ReadAsync(line.Server, line.Client) is { } frame)
        {
            if (frame.Length >= sizeof(int) && line.Requests.TryRemove(BinaryPrimitives.ReadInt32BigEndian(frame), out var request)
                && OnAnswer(request, frame).Cuts)
            {
                return;
            }

            await WriteAsync(line.Client, frame);
        }
    }

    /// <summary>Reads a frame. What does not begin with a length that one has, such as TLS, passes as it is, to its end.</summary>
    private async Task<byte[]?> ReadAsync(NetworkStream from, NetworkStream to)
    {
        var length = new byte[sizeof(int)];
        await from.ReadExactlyAsync(length, _ended.Token);
        var lengthBytes = BinaryPrimitives.ReadInt32BigEndian(length);
        if (lengthBytes is < 0 or > FrameBytesMax)
        {
            await to.WriteAsync(length, _ended.Token);
            await from.CopyToAsync(to, _ended.Token);
            return null;
        }

        var frame = new byte[lengthBytes];
        await from.ReadExactlyAsync(frame, _ended.Token);
        return frame;
    }

    private async Task WriteAsync(NetworkStream to, byte[] frame)
    {
        var bytes = new byte[sizeof(int) + frame.Length];
        BinaryPrimitives.WriteInt32BigEndian(bytes, frame.Length);
        frame.CopyTo(bytes, sizeof(int));
        await to.WriteAsync(bytes, _ended.Token);
    }

    private sealed record Line(NetworkStream Client, NetworkStream Server)
    {
        public ConcurrentDictionary<int, PassingFrame> Requests { get; } = new();
    }
}

/// <summary>A request that passes.</summary>
/// <param name="Bytes">Its bytes, without its length field; they may be changed before they are sent on.</param>
internal readonly record struct PassingFrame(byte[] Bytes)
{
    /// <summary>The least bytes of a request's header.</summary>
    public const int HeaderBytesMin = 8;

    /// <summary>The API; -1 for what is no request, such as a message of SASL.</summary>
    public ApiKey Key => Bytes.Length >= HeaderBytesMin ? (ApiKey)BinaryPrimitives.ReadInt16BigEndian(Bytes) : (ApiKey)(-1);

    /// <summary>The version.</summary>
    public short Version => BinaryPrimitives.ReadInt16BigEndian(Bytes.AsSpan(2));

    /// <summary>What its answer begins with.</summary>
    public int CorrelationId => BinaryPrimitives.ReadInt32BigEndian(Bytes.AsSpan(4));
}

/// <summary>What is done with a frame.</summary>
/// <param name="Cuts">True to end the connection instead of sending it on.</param>
/// <param name="Answer">For a request: what it is answered with at once, instead of being sent on; null to send it on.</param>
internal readonly record struct FrameFate(bool Cuts, byte[]? Answer)
{
    /// <summary>It is sent on.</summary>
    public static readonly FrameFate Passes = new(Cuts: false, Answer: null);

    /// <summary>The connection ends.</summary>
    public static readonly FrameFate Cut = new(Cuts: true, Answer: null);
}
