using System.Security.Cryptography.X509Certificates;
using Azure.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace OrleansStream.Client.Connections;

/// <summary>What a connection to the service needs to know.</summary>
/// <param name="Endpoints">The base addresses of the service's nodes; each serves every request.</param>
/// <param name="Time">The clock that waits and the ends of tokens go by.</param>
internal sealed record ConnectionSettings(IReadOnlyList<Uri> Endpoints, TimeProvider Time)
{
    /// <summary>An API key; null for none.</summary>
    public string? ApiKey { get; init; }

    /// <summary>Gets tokens; null for none.</summary>
    public TokenCredential? Credential { get; init; }

    /// <summary>What the tokens are for.</summary>
    public string? Scope { get; init; }

    /// <summary>The client's certificate; null for none.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>The identity for the service's quotas where nobody signs in; null for the address.</summary>
    public string? ClientId { get; init; }

    /// <summary>Sends requests in place of sockets; null for sockets. The connection does not dispose it.</summary>
    public HttpMessageHandler? Handler { get; init; }

    /// <summary>Is told of troubles and changes.</summary>
    public ILogger Log { get; init; } = NullLogger.Instance;

    /// <summary>The longest that one try of a request may take.</summary>
    public required TimeSpan TryMax { get; init; }
}
