using System.Net;

namespace OrleansStream.Gateway.Security;

/// <summary>On whose behalf something is done. Every operation of the gateway takes it, and demands its rights of <see cref="AccessControl"/> first.</summary>
/// <param name="principal">Who it is.</param>
/// <param name="address">From where it calls; null when that is not known.</param>
/// <param name="clientId">What the client calls itself; null for nothing. Anybody can say anything here: it is for people who read logs.</param>
public sealed class Caller(Principal principal, IPAddress? address = null, string? clientId = null)
{
    /// <summary>A caller in this process that has not signed in.</summary>
    public static readonly Caller Anonymous = new(Principal.Anonymous);

    /// <summary>The service itself.</summary>
    public static readonly Caller Service = new(Principal.Service);

    /// <summary>Who it is.</summary>
    public Principal Principal { get; } = principal;

    /// <summary>From where it calls; null when that is not known.</summary>
    public IPAddress? Address { get; } = address;

    /// <summary>What the client calls itself; null for nothing.</summary>
    public string? ClientId { get; } = clientId;

    /// <summary>True once it has shown who it is.</summary>
    public bool IsSignedIn => Principal.Kind != PrincipalKind.Anonymous;
}
