using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using OrleansStream.Gateway.Security;

namespace OrleansStream.Kafka.Connections;

/// <summary>TLS before everything else on a connection of the endpoint, by Kestrel's own implementation.</summary>
/// <param name="certificate">The endpoint's certificate.</param>
/// <param name="authorities">The authorities whose clients' certificates are taken; null to ask for none.</param>
/// <param name="time">Times how long a refused connection is held.</param>
internal sealed class TlsListener(ServerCertificate certificate, ClientAuthorities? authorities, TimeProvider time)
{
    private static readonly object IsPast = new();

    /// <summary>Has a listener speak TLS.</summary>
    /// <param name="listen">The listener, on which nothing else is set yet.</param>
    public void Use(ListenOptions listen)
    {
        listen.Use(next => connection => HoldRefusedAsync(next, connection));
        listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => new(Options()), HandshakeTimeout = ConnectionLimits.HandshakeMax });
        listen.Use(next => connection =>
        {
            connection.Items[IsPast] = IsPast;
            return next(connection);
        });
    }

    private SslServerAuthenticationOptions Options() => new()
    {
        ServerCertificateContext = certificate.Current,
        ClientCertificateRequired = authorities is not null,
        RemoteCertificateValidationCallback = Accept,
    };

    // A client without a certificate signs in otherwise.
    private bool Accept(object sender, X509Certificate? shown, X509Chain? chain, SslPolicyErrors errors) =>
        shown is null || (authorities is not null && shown is X509Certificate2 known && authorities.Accept(known, chain));

    /// <summary>A client whose handshake fails connects anew at once when it is closed.</summary>
    private async Task HoldRefusedAsync(ConnectionDelegate next, ConnectionContext connection)
    {
        await next(connection);
        if (!connection.Items.ContainsKey(IsPast))
            await Task.Delay(ConnectionLimits.RefusedHold, time, connection.ConnectionClosed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
