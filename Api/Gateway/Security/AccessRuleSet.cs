using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>The keys and rights of one version, indexed for look-ups. Immutable.</summary>
internal sealed class AccessRuleSet
{
    private readonly Dictionary<string, ApiKey> _keys;
    private readonly Dictionary<string, ImmutableArray<AccessRight>> _rights;
    private readonly FrozenSet<string> _admins;
    private readonly ConcurrentDictionary<string, Principal> _principals = new(StringComparer.Ordinal);

    /// <summary>Creates a set.</summary>
    /// <param name="version">Its version.</param>
    /// <param name="stored">The keys and rights.</param>
    /// <param name="admins">The principals that are administrators by the service's settings.</param>
    public AccessRuleSet(string version, StoredAccess stored, FrozenSet<string> admins)
    {
        (Version, _admins) = (version, admins);
        _keys = stored.Keys.ToDictionary(key => key.Id, StringComparer.Ordinal);
        _rights = stored.Rights.GroupBy(right => right.Principal, StringComparer.Ordinal)
            .ToDictionary(some => some.Key, some => some.ToImmutableArray(), StringComparer.Ordinal);
    }

    /// <summary>The version.</summary>
    public string Version { get; }

    /// <summary>Finds a key.</summary>
    /// <param name="id">Its id.</param>
    public ApiKey? FindKey(string id) => _keys.GetValueOrDefault(id);

    /// <summary>
    /// Returns the principal of a key. It is the same object for each sign-in, so that the key's rights are compiled once for these rules and not for
    /// each connection or request.
    /// </summary>
    /// <param name="key">A key of these rules.</param>
    public Principal PrincipalOf(ApiKey key) =>
        _principals.GetOrAdd(key.Id, static (_, key) => new Principal(PrincipalKind.Key, key.Name) { Key = key }, key);

    /// <summary>Compiles a principal's rights. They include those of <c>anonymous</c>.</summary>
    /// <param name="principal">The principal.</param>
    public CompiledRights Compile(Principal principal)
    {
        var key = principal.Key is { } signedInWith ? FindKey(signedInWith.Id) : null;
        if (principal.Key is { } known && (key is null || !key.Hash.AsSpan().SequenceEqual(known.Hash.AsSpan())))
            return new CompiledRights(this, [], [], validUntil: null) { IsRevoked = true };
        var roles = key is null ? principal.Roles : key.Role is { } role ? [role] : [];
        string[] names = [.. principal.Groups.Select(group => $"group:{group}").Append(principal.ToString()).Append(Principal.AnonymousText)
            .Distinct(StringComparer.Ordinal)];
        if (names.Any(_admins.Contains))
            roles = [.. roles, AccessRole.Admin];
        var rights = names.SelectMany(name => _rights.GetValueOrDefault(name, []));
        return new CompiledRights(this, roles, rights, key is null ? principal.ValidUntil : key.ExpiresAt);
    }
}
