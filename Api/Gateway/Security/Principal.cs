using System.Collections.Immutable;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>By what somebody showed who they are.</summary>
public enum PrincipalKind
{
    /// <summary>By nothing.</summary>
    Anonymous,

    /// <summary>By an API key.</summary>
    Key,

    /// <summary>By a token of OpenID Connect: a person, or a workload.</summary>
    User,

    /// <summary>By a client certificate.</summary>
    Certificate,

    /// <summary>The service itself.</summary>
    Service,
}

/// <summary>Who somebody is. Doors find it out; what it may do is asked of <see cref="AccessControl"/>.</summary>
/// <remarks>One object for as long as somebody is signed in: it remembers what its rights were worked out to.</remarks>
/// <param name="kind">By what it was shown.</param>
/// <param name="name">The name, which rights are given to.</param>
public sealed class Principal(PrincipalKind kind, string name)
{
    /// <summary>Whoever has not signed in.</summary>
    public static readonly Principal Anonymous = new(PrincipalKind.Anonymous, "");

    /// <summary>The service itself, for what it writes about itself. No door makes it.</summary>
    public static readonly Principal Service = new(PrincipalKind.Service, "");

    /// <summary>By what it was shown.</summary>
    public PrincipalKind Kind { get; } = kind;

    /// <summary>The name; empty for <see cref="Anonymous"/> and <see cref="Service"/>.</summary>
    public string Name { get; } = name;

    /// <summary>The roles that came with it: of a key, or in a token.</summary>
    public ImmutableArray<AccessRole> Roles { get; init; } = [];

    /// <summary>The groups that a token says it is in: rights may be given to <c>group:{id}</c>.</summary>
    public ImmutableArray<string> Groups { get; init; } = [];

    /// <summary>From when on it has to sign in again; null for never.</summary>
    public DateTimeOffset? ValidUntil { get; init; }

    /// <summary>The stored key that it signed in with; null without one. It ends with the key, also when another gets the key's id.</summary>
    public ApiKey? Key { get; init; }

    /// <summary>Its rights, as they were worked out last.</summary>
    internal CompiledRights? Rights { get; set; }

    /// <summary>As rights name it: <c>key:{name}</c>, <c>user:{id}</c>, <c>certificate:{name}</c>, <c>anonymous</c>.</summary>
    public override string ToString() => Kind switch
    {
        PrincipalKind.Anonymous => AnonymousText,
        PrincipalKind.Service => "service",
        PrincipalKind.Key => $"key:{Name}",
        PrincipalKind.User => $"user:{Name}",
        _ => $"certificate:{Name}",
    };

    /// <summary>What whoever has not signed in is called in rights.</summary>
    internal const string AnonymousText = "anonymous";
}
