using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>The ways to sign in.</summary>
public enum PrincipalKind
{
    /// <summary>Not signed in.</summary>
    Anonymous,

    /// <summary>An API key.</summary>
    Key,

    /// <summary>A token of OpenID Connect, of a person or a workload.</summary>
    User,

    /// <summary>A client certificate.</summary>
    Certificate,

    /// <summary>The service itself, which does not sign in.</summary>
    Service,
}

/// <summary>An authenticated identity. Doors sign it in; <see cref="AccessControl"/> checks its rights.</summary>
/// <remarks>It caches its compiled rights, so a door keeps one object for as long as its client is signed in.</remarks>
/// <param name="kind">The way in which it signed in.</param>
/// <param name="name">The name, to which rights are granted.</param>
public sealed class Principal(PrincipalKind kind, string name)
{
    /// <summary>All callers that have not signed in.</summary>
    public static readonly Principal Anonymous = new(PrincipalKind.Anonymous, "");

    /// <summary>The service itself, for its own topics. No door signs it in.</summary>
    public static readonly Principal Service = new(PrincipalKind.Service, "");

    /// <summary>The way in which it signed in.</summary>
    public PrincipalKind Kind { get; } = kind;

    /// <summary>The name; empty for <see cref="Anonymous"/> and <see cref="Service"/>.</summary>
    public string Name { get; } = name;

    /// <summary>The roles that its token has; those of a stored key are in <see cref="Key"/>.</summary>
    public ImmutableArray<AccessRole> Roles { get; init; } = [];

    /// <summary>The groups in its token. Rights may be granted to <c>group:{id}</c>.</summary>
    public ImmutableArray<string> Groups { get; init; } = [];

    /// <summary>When it has to sign in again; null for never.</summary>
    public DateTimeOffset? ValidUntil { get; init; }

    /// <summary>
    /// The stored key with which it signed in; null for none. When the key is revoked, the principal loses all rights, also if a new key gets the
    /// same id.
    /// </summary>
    public ApiKey? Key { get; init; }

    /// <summary>Its rights, as they were compiled last.</summary>
    internal CompiledRights? Rights { get; set; }

    /// <summary>Whoever shows a client certificate, until the certificate ends.</summary>
    /// <param name="certificate">The certificate; the handshake has taken only those of the authorities that the settings name.</param>
    public static Principal OfCertificate(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        return new Principal(PrincipalKind.Certificate, certificate.Subject)
        {
            ValidUntil = new DateTimeOffset(certificate.NotAfter.ToUniversalTime()),
        };
    }

    /// <summary>The principal as rights name it: <c>key:{name}</c>, <c>user:{id}</c>, <c>certificate:{name}</c>, <c>anonymous</c>.</summary>
    public override string ToString() => Kind switch
    {
        PrincipalKind.Anonymous => AnonymousText,
        PrincipalKind.Service => "service",
        PrincipalKind.Key => $"key:{Name}",
        PrincipalKind.User => $"user:{Name}",
        _ => $"certificate:{Name}",
    };

    /// <summary>The name in rights of all who have not signed in.</summary>
    internal const string AnonymousText = "anonymous";
}
