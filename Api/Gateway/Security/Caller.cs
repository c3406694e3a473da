using System.Net;

namespace OrleansStream.Gateway.Security;

/// <summary>The caller of an operation of the gateway. Each operation demands the caller's rights of <see cref="AccessControl"/> first.</summary>
/// <param name="principal">The principal.</param>
/// <param name="address">The client's address; null when it is not known.</param>
/// <param name="clientId">The client's own name for itself; null for none. It proves nothing, and is only shown in logs.</param>
/// <param name="call">The door's name of the call, such as REST's <c>createTopic</c> or Kafka's <c>CreateTopics</c>; null for none.</param>
public sealed class Caller(Principal principal, IPAddress? address = null, string? clientId = null, string? call = null)
{
    /// <summary>A caller within this process that has not signed in.</summary>
    public static readonly Caller Anonymous = new(Principal.Anonymous);

    /// <summary>The service itself.</summary>
    public static readonly Caller Service = new(Principal.Service);

    /// <summary>The principal.</summary>
    public Principal Principal { get; } = principal;

    /// <summary>The client's address; null when it is not known.</summary>
    public IPAddress? Address { get; } = address;

    /// <summary>The client's own name for itself; null for none.</summary>
    public string? ClientId { get; } = clientId;

    /// <summary>The door's name of the call, for the audit; null for none.</summary>
    public string? Call { get; } = call;

    /// <summary>True when the caller has signed in.</summary>
    public bool IsSignedIn => Principal.Kind != PrincipalKind.Anonymous;
}
