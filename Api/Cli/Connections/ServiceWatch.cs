using System.Net;
using System.Net.Sockets;
using OrleansStream.Client.Connections;

namespace OrleansStream.Cli.Connections;

/// <summary>
/// Sends requests, and notices when the service does not answer and when it does again. It goes by each try of each request, and by the connections
/// that open: a request that waits for records has its answer much later than the service is back.
/// </summary>
internal sealed class ServiceWatch : DelegatingHandler
{
    // One failure is told by nobody: a node that ends sends its callers to the next one.
    private const int ToldFrom = 2;

    private static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Trouble> _troubles = [];
    private readonly TimeProvider _time;
    private readonly CancellationToken _stop;
    private bool _isTold;

    /// <summary>Watches connections of its own.</summary>
    /// <param name="time">Times the waits.</param>
    /// <param name="stop">Cancelled when the run is to end: what ends then is no failure.</param>
    public ServiceWatch(TimeProvider time, CancellationToken stop)
    {
        (_time, _stop) = (time, stop);
        InnerHandler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectTimeout = ConnectionLimits.ConnectMax,
            ConnectCallback = ConnectAsync,
            EnableMultipleHttp2Connections = true,
            PooledConnectionLifetime = ConnectionLimits.ConnectionAgeMax,
            UseCookies = false,
        };
    }

    /// <summary>Watches what another handler does.</summary>
    /// <param name="inner">Sends requests.</param>
    /// <param name="time">Times the waits.</param>
    /// <param name="stop">Cancelled when the run is to end.</param>
    internal ServiceWatch(HttpMessageHandler inner, TimeProvider time, CancellationToken stop)
        : base(inner) => (_time, _stop) = (time, stop);

    /// <summary>Is told once why the service does not answer, and once, with null, that it does again.</summary>
    public Action<string?>? Changed { get; set; }

    /// <summary>True while requests fail: what does not come then is not known to be nothing.</summary>
    public bool IsAway
    {
        get
        {
            lock (_gate)
                return _troubles.Count > 0;
        }
    }

    /// <inheritdoc/>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var path = request.RequestUri!.AbsolutePath;
        var started = _time.GetTimestamp();
        try
        {
            var response = await base.SendAsync(request, cancellationToken);
            if (response.StatusCode is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout)
                Fail(path, $"status {(int)response.StatusCode}", endsWithAConnection: false);
            else
                End(trouble => trouble.Key == path);
            return response;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Whoever asked waited no longer. A short wait says nothing of the service.
            if (_time.GetElapsedTime(started) >= AnswerMax)
                Fail(path, "no answer in time", endsWithAConnection: false);
            throw;
        }
        catch (Exception exception)
        {
            var isForConnections = exception is not HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError };
            Fail(path, exception.GetBaseException().Message, isForConnections);
            throw;
        }
    }

    /// <summary>A connection has opened: the service is there again, unless it answers otherwise.</summary>
    internal void Connected() => End(trouble => trouble.Value.EndsWithAConnection);

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        Connected();
        return new NetworkStream(socket, ownsSocket: true);
    }

    private void Fail(string path, string reason, bool endsWithAConnection)
    {
        if (_stop.IsCancellationRequested)
            return;
        lock (_gate)
        {
            var failures = _troubles.TryGetValue(path, out var known) ? known.Failures + 1 : 1;
            _troubles[path] = new Trouble(failures, endsWithAConnection);
            if (failures < ToldFrom || _isTold)
                return;
            _isTold = true;
        }

        Changed?.Invoke(reason);
    }

    private void End(Func<KeyValuePair<string, Trouble>, bool> isOver)
    {
        lock (_gate)
        {
            foreach (var (path, _) in _troubles.Where(isOver).ToList())
                _troubles.Remove(path);
            if (!_isTold || _troubles.Count > 0)
                return;
            _isTold = false;
        }

        Changed?.Invoke(null);
    }

    /// <summary>What is wrong with requests to one path.</summary>
    /// <param name="Failures">How many failed one after the other.</param>
    /// <param name="EndsWithAConnection">True when it is over once a connection opens.</param>
    private readonly record struct Trouble(int Failures, bool EndsWithAConnection);
}
