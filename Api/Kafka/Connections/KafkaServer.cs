using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Brokers;

namespace OrleansStream.Kafka.Connections;

/// <summary>
/// The listener of the Kafka endpoint: a Kestrel of its own, so that the HTTP one listens as its settings say, and that a port which is taken does
/// not keep HTTP from being served. It listens when all else of the host has started, and ends its connections before anything else stops.
/// </summary>
/// <param name="options">The settings.</param>
/// <param name="broker">Told where it listens.</param>
/// <param name="transport">Accepts connections.</param>
/// <param name="stop">Tells those who wait that the service stops.</param>
/// <param name="services">Makes what serves connections.</param>
/// <param name="loggers">The logs.</param>
internal sealed partial class KafkaServer(
    IOptions<KafkaOptions> options, LocalBroker broker, IConnectionListenerFactory transport, StopSignal stop, IServiceProvider services,
    ILoggerFactory loggers) : IHostedLifecycleService, IDisposable
{
    private readonly ILogger _logger = loggers.CreateLogger<KafkaServer>();
    private KestrelServer? _server;
    private TlsListener? _tls;

    /// <inheritdoc/>
    /// <exception cref="OptionsValidationException">The address that was set cannot be listened on, or the certificate cannot be read.</exception>
    public async Task StartedAsync(CancellationToken cancellationToken)
    {
        if (!options.Value.Enabled)
            return;
        var address = ListenAddress.TryParse(options.Value.Listen ?? KafkaOptions.DefaultListen)!;
        _tls = OpenTls();
        var server = new KestrelServer(Options.Create(Configure(address)), transport, loggers);
        try
        {
            await server.StartAsync(new NoHttp(), cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or System.Net.Sockets.SocketException or InvalidOperationException)
        {
            server.Dispose();
            if (options.Value.Listen is null)
                LogNotServed(address, exception.Message);
            else
                throw Explain(address, exception);
            return;
        }

        _server = server;
        broker.Bind(address with { Port = PortOf(server) ?? address.Port });
        var host = broker.HostFor(reached: null);
        LogServed(host, broker.Port, _tls is null ? "" : " by TLS");
    }

    /// <inheritdoc/>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        await stop.GiveAsync();
        if (_server is { } server)
            await server.StopAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public void Dispose() => _server?.Dispose();

    private KestrelServerOptions Configure(ListenAddress address)
    {
        var kestrel = new KestrelServerOptions { ApplicationServices = services };
        var security = services.GetRequiredService<IOptions<SecurityOptions>>().Value;
        kestrel.ConfigureEndpointDefaults(listener => LoopbackRule.Check(security, listener.IPEndPoint));
        kestrel.Limits.MaxConcurrentConnections = ConnectionLimits.ConnectionsMax + ConnectionLimits.RefusedConnectionsMax;
        if (address.IsLocalhost && address.Port != 0)
            kestrel.ListenLocalhost(address.Port, Serve);
        else if (address.IsLocalhost)
            kestrel.Listen(IPAddress.Loopback, 0, Serve);
        else if (address.Address is { } ip)
            kestrel.Listen(ip, address.Port, Serve);
        else
            kestrel.ListenAnyIP(address.Port, Serve);
        return kestrel;
    }

    private TlsListener? OpenTls()
    {
        if (!options.Value.Certificate.IsSet)
            return null;
        var time = services.GetRequiredService<TimeProvider>();
        var authorities = ClientAuthorities.Read(services.GetRequiredService<IOptions<SecurityOptions>>().Value);
        return new TlsListener(new ServerCertificate(options.Value.Certificate, time, _logger), authorities, time);
    }

    private void Serve(ListenOptions listen)
    {
        _tls?.Use(listen);
        listen.UseConnectionHandler<KafkaConnectionHandler>();
    }

    private static int? PortOf(KestrelServer server) =>
        server.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault() is { } url ? new Uri(url).Port : null;

    private static OptionsValidationException Explain(ListenAddress address, Exception exception) => new(
        KafkaOptions.SectionName, typeof(KafkaOptions),
        [$"{KafkaOptions.SectionName}:Listen is '{address}', which cannot be listened on: {exception.Message.ReplaceLineEndings(" ")} Stop the process that "
            + "uses it, or choose another."]);

    [LoggerMessage(Level = LogLevel.Information, Message = "Kafka clients connect to {Host}:{Port}{How}")]
    private partial void LogServed(string host, int port, string how);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "Kafka clients are not served: {Address} cannot be listened on ({Reason}). Set OrleansStream:Kafka:Listen to another address, or OrleansStream:Kafka:Enabled to false")]
    private partial void LogNotServed(ListenAddress address, string reason);

    /// <summary>What Kestrel asks for and never uses: no connection of this server speaks HTTP.</summary>
    private sealed class NoHttp : IHttpApplication<object>
    {
        public object CreateContext(IFeatureCollection contextFeatures) => throw new NotSupportedException();

        public Task ProcessRequestAsync(object context) => throw new NotSupportedException();

        public void DisposeContext(object context, Exception? exception)
        {
        }
    }
}
