using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using OrleansStream.Client.Telemetry;

namespace OrleansStream.Client.Connections;

/// <summary>The connections of one client to the nodes of a service. All calls go through it; it may be used from any thread.</summary>
internal sealed class ServiceConnection : IDisposable
{
    private readonly SocketsHttpHandler? _sockets;
    private readonly HttpMessageHandler _handler;

    /// <summary>Prepares connections; none is opened before the first call.</summary>
    /// <param name="settings">The service's nodes, and who calls.</param>
    public ServiceConnection(ConnectionSettings settings)
    {
        Settings = settings;
        if ((settings.ApiKey is not null || settings.Credential is not null)
            && settings.Endpoints.FirstOrDefault(endpoint => endpoint.Scheme == Uri.UriSchemeHttp && !endpoint.IsLoopback) is { } open)
        {
            ClientLog.SignsInInTheClear(settings.Log, open);
        }

        if (settings.Handler is null)
            _sockets = OpenSockets(settings);
        _handler = new EndpointHandler(settings.Endpoints, settings.Log, new SignInHandler(settings, settings.Handler ?? _sockets!));
    }

    /// <summary>What it was made with.</summary>
    public ConnectionSettings Settings { get; }

    /// <summary>The clock that waits are timed by.</summary>
    public TimeProvider Time => Settings.Time;

    /// <summary>Is told of troubles and changes.</summary>
    public ILogger Log => Settings.Log;

    /// <summary>Calls that are repeated when they fail.</summary>
    /// <param name="retries">How many tries follow the first; 0 for one try.</param>
    /// <param name="backoff">The wait before the second try; each further wait is about twice as long.</param>
    /// <param name="timeout">How long a call may take with all its tries, in place of their count; null to go by the count.</param>
    /// <param name="triesAtOnceMax">The most tries of these calls that are under way at once; null for no bound.</param>
    public ServiceCalls WithRetries(int retries, TimeSpan backoff, TimeSpan? timeout = null, int? triesAtOnceMax = null) =>
        new(this, RetryingHandler.Make(_handler, retries, backoff, timeout, triesAtOnceMax, Settings));

    /// <summary>Calls that are made once, and whose answers are read as they come. Who makes them sees to repeats and time-outs.</summary>
    public ServiceCalls Once() => new(this, _handler);

    /// <inheritdoc/>
    public void Dispose() => _sockets?.Dispose();

    private static SocketsHttpHandler OpenSockets(ConnectionSettings settings)
    {
        var sockets = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectTimeout = ConnectionLimits.ConnectMax,
            EnableMultipleHttp2Connections = true,
            PooledConnectionLifetime = ConnectionLimits.ConnectionAgeMax,
            UseCookies = false,
        };
        if (settings.Certificate is { } certificate)
            sockets.SslOptions.ClientCertificates = new X509CertificateCollection { certificate };
        return sockets;
    }
}
