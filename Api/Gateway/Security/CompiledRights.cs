using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>The rights of one principal, compiled from all keys and rights, so that a check is a look-up.</summary>
internal sealed class CompiledRights
{
    private static readonly ResourceKind[] Kinds = Enum.GetValues<ResourceKind>();

    private readonly AccessOperations[] _onAll = new AccessOperations[Kinds.Length];
    private readonly AccessOperations[] _anywhere = new AccessOperations[Kinds.Length];
    private readonly Dictionary<string, AccessOperations>[] _byName =
        [.. Kinds.Select(_ => new Dictionary<string, AccessOperations>(StringComparer.Ordinal))];
    private readonly List<(string Prefix, AccessOperations Operations)>[] _byPrefix = [.. Kinds.Select(_ => new List<(string, AccessOperations)>())];

    /// <summary>Compiles roles and rights.</summary>
    /// <param name="rules">The keys and rights from which they are compiled; null for none.</param>
    /// <param name="roles">The principal's roles.</param>
    /// <param name="rights">The rights of all the names that the principal has.</param>
    /// <param name="validUntil">When the sign-in expires, so that nothing is allowed any more; null for never.</param>
    public CompiledRights(AccessRuleSet? rules, IEnumerable<AccessRole> roles, IEnumerable<AccessRight> rights, DateTimeOffset? validUntil)
    {
        (Rules, ValidUntil) = (rules, validUntil);
        foreach (var role in roles)
        {
            foreach (var kind in Kinds)
                _onAll[(int)kind] |= role.OperationsOn(kind).WithImplied();
        }

        foreach (var right in rights)
            Add(right);
        foreach (var kind in Kinds)
            _anywhere[(int)kind] |= _onAll[(int)kind];
    }

    /// <summary>The keys and rights from which these were compiled.</summary>
    public AccessRuleSet? Rules { get; }

    /// <summary>When the sign-in expires, so that nothing is allowed any more; null for never.</summary>
    public DateTimeOffset? ValidUntil { get; }

    /// <summary>True when the principal's key was revoked.</summary>
    public bool IsRevoked { get; init; }

    /// <summary>Returns the allowed operations on a resource.</summary>
    /// <param name="kind">The kind of resource.</param>
    /// <param name="name">The resource's name.</param>
    public AccessOperations On(ResourceKind kind, string name)
    {
        var allowed = _onAll[(int)kind];
        if (allowed == AccessOperations.All)
            return allowed;
        if (_byName[(int)kind].TryGetValue(name, out var operations))
            allowed |= operations;
        foreach (var (prefix, some) in _byPrefix[(int)kind])
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal))
                allowed |= some;
        }

        return allowed;
    }

    /// <summary>Returns the operations that are allowed on every resource of a kind.</summary>
    /// <param name="kind">The kind.</param>
    public AccessOperations OnAll(ResourceKind kind) => _onAll[(int)kind];

    /// <summary>Returns the operations that are allowed on at least one resource of a kind.</summary>
    /// <param name="kind">The kind.</param>
    public AccessOperations OnAny(ResourceKind kind) => _anywhere[(int)kind];

    /// <summary>Lists them as rights of one name.</summary>
    /// <param name="principal">The name.</param>
    public IEnumerable<AccessRight> List(string principal)
    {
        foreach (var kind in Kinds)
        {
            if (_onAll[(int)kind] is var all and not AccessOperations.None)
                yield return new AccessRight(principal, kind, IsPrefix: true, "", all);
            foreach (var (prefix, operations) in _byPrefix[(int)kind])
                yield return new AccessRight(principal, kind, IsPrefix: true, prefix, operations);
            foreach (var (name, operations) in _byName[(int)kind].OrderBy(one => one.Key, StringComparer.Ordinal))
                yield return new AccessRight(principal, kind, IsPrefix: false, name, operations);
        }
    }

    private void Add(AccessRight right)
    {
        var operations = right.Operations.WithImplied();
        _anywhere[(int)right.Kind] |= operations;
        if (right is { IsPrefix: true, Name.Length: 0 })
            _onAll[(int)right.Kind] |= operations;
        else if (right.IsPrefix)
            _byPrefix[(int)right.Kind].Add((right.Name, operations));
        else
            _byName[(int)right.Kind][right.Name] = _byName[(int)right.Kind].GetValueOrDefault(right.Name) | operations;
    }
}
