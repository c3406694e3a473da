using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Security;
using OrleansStream.Instrumentation;
using OrleansStream.Kafka.Calls;

namespace OrleansStream.Kafka.Connections;

/// <summary>Serves the connections that Kestrel accepts at the Kafka endpoint, and holds those that are too many.</summary>
/// <param name="apis">Who handles what.</param>
/// <param name="node">The node's memory for requests.</param>
/// <param name="rules">The keys and rights, which must be known before anybody signs in.</param>
/// <param name="access">Finds out when a client would have to sign in anew, which ends its connection.</param>
/// <param name="quotas">How much of each client is taken.</param>
/// <param name="metrics">Told of connections and their requests.</param>
/// <param name="traces">Begins the spans of requests.</param>
/// <param name="stop">Tells when the service stops.</param>
/// <param name="time">Times requests, deadlines, and how long a refused connection is held.</param>
/// <param name="logger">Told of connections that are closed for a reason.</param>
internal sealed partial class KafkaConnectionHandler(
    ApiTable apis, NodeLoad node, AccessRules rules, AccessControl access, RequestQuotas quotas, KafkaMetrics metrics, RequestTraces traces,
    StopSignal stop, TimeProvider time, ILogger<KafkaConnectionHandler> logger) : ConnectionHandler
{
    private int _count;

    /// <summary>The connections that are served.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <inheritdoc/>
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        try
        {
            if (Interlocked.Increment(ref _count) > ConnectionLimits.ConnectionsMax)
                await RefuseAsync(connection);
            else
                await ServeAsync(connection);
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or ConnectionAbortedException)
        {
            // The client has gone, or reads nothing: there is nobody to tell.
        }
        catch (Exception exception)
        {
            LogFailed(exception, connection.ConnectionId, connection.RemoteEndPoint);
        }
        finally
        {
            Interlocked.Decrement(ref _count);
        }
    }

    private async Task ServeAsync(ConnectionContext connection)
    {
        await PrepareAsync(connection.ConnectionClosed);
        using var client = new ClientConnection(
            connection.ConnectionId, connection.RemoteEndPoint, connection.LocalEndPoint, apis.Apis, connection.ConnectionClosed, stop.Token);
        if (connection.Features.Get<ITlsConnectionFeature>()?.ClientCertificate is { } certificate)
            client.Principal = Principal.OfCertificate(certificate);
        using var frames = new FrameReader(
            connection.Transport.Input, node, () => FrameBytesMaxOf(client.Principal), time, connection.ConnectionClosed);
        using var served = new KafkaConnection(client, frames, connection.Transport.Output, apis, quotas, metrics, traces, time, logger);
        using var ending = connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested
            .UnsafeRegister(static frames => ((FrameReader)frames!).Stop(), frames);
        using var watch = access.WatchSignIn(() => client.Principal, connection.ConnectionClosed);
        client.SignInEnded = watch.Token;
        using var signedOut = watch.Token.UnsafeRegister(static frames => ((FrameReader)frames!).Stop(), frames);
        metrics.Open();
        try
        {
            await served.RunAsync();
        }
        finally
        {
            metrics.Close();
        }
    }

    private int FrameBytesMaxOf(Principal principal) => access.IsOpen || principal.Kind != PrincipalKind.Anonymous
        ? ConnectionLimits.FrameBytesMax
        : ConnectionLimits.FrameBytesBeforeSignInMax;

    private async ValueTask PrepareAsync(CancellationToken closed)
    {
        try
        {
            await rules.EnsureAsync(closed);
        }
        catch (StreamException)
        {
            // Every request is refused with the reason until it is known.
        }
    }

    private async Task RefuseAsync(ConnectionContext connection)
    {
        metrics.Refuse();
        LogTooMany(connection.RemoteEndPoint, ConnectionLimits.ConnectionsMax);
        await Task.Delay(ConnectionLimits.RefusedHold, time, connection.ConnectionClosed);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Connection {Id} of {Client} failed")]
    private partial void LogFailed(Exception exception, string id, System.Net.EndPoint? client);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A connection of {Client} is not served: there are {Max} already")]
    private partial void LogTooMany(System.Net.EndPoint? client, int max);
}
