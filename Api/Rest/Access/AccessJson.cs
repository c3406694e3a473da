using OrleansStream.Gateway.Security;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;
using OrleansStream.Security;

namespace OrleansStream.Rest.Access;

/// <summary>Parses the bodies of requests about keys and rights.</summary>
internal static class AccessJson
{
    private static readonly (string Name, AccessOperations Operation)[] Operations =
        [.. Enum.GetValues<AccessOperations>().Where(one => one is not (AccessOperations.None or AccessOperations.All))
            .Select(one => (one.ToString().ToLowerInvariant(), one))];

    /// <summary>Returns the names of operations.</summary>
    public static IEnumerable<string> NamesOf(AccessOperations operations) =>
        Operations.Where(one => operations.HasFlag(one.Operation)).Select(one => one.Name);

    /// <summary>Parses a request to create a key.</summary>
    /// <param name="body">The body; empty for a key without a role.</param>
    /// <param name="id">The key's id; it is valid.</param>
    /// <exception cref="RequestException">The body is malformed.</exception>
    public static NewKey ParseKey(ReadOnlyMemory<byte> body, string id)
    {
        if (body.IsEmpty)
            return new NewKey(id, id, Role: null, ExpiresAt: null);
        using var document = JsonBody.Parse(body, "name", "role", "expires_at");
        var root = document.RootElement;
        var name = JsonBody.Text(root, "name") ?? id;
        if (AccessNames.ValidateKeyName(name) is { } error)
            throw new RequestException(error);
        long? expiresAtMs = JsonBody.Text(root, "expires_at") is { } text ? Parameters.Timestamp("expires_at", text) : null;
        return new NewKey(id, name, RoleOf(JsonBody.Text(root, "role")), expiresAtMs is { } ms ? TimeOf(ms) : null);
    }

    /// <summary>Parses a right.</summary>
    /// <exception cref="RequestException">The body is malformed.</exception>
    public static AccessRight ParseRight(ReadOnlyMemory<byte> body)
    {
        using var document = JsonBody.Parse(body, "principal", "resource", "pattern", "name", "operations", "role");
        var root = document.RootElement;
        var operations = AccessOperations.None;
        foreach (var element in JsonBody.List(root, "operations", Operations.Length) ?? [])
            operations |= OperationOf(JsonBody.TextOf(element, "operations"));
        var role = RoleOf(JsonBody.Text(root, "role"));
        if (role is null == (operations == AccessOperations.None))
            throw RequestException.Malformed("operations", "Either 'operations' or 'role' says what is allowed.");
        if (role == AccessRole.Admin)
            throw RequestException.Malformed("role", "Admin is no role for one resource: give 'admin' on the cluster, or a key that has the role.");
        var right = RightOf(
            JsonBody.Text(root, "principal") ?? throw JsonBody.Missing("principal", "whom it is given to"),
            JsonBody.Text(root, "resource") ?? throw JsonBody.Missing("resource", "topic, group or cluster"),
            JsonBody.Text(root, "pattern"), JsonBody.Text(root, "name"), operations == AccessOperations.None ? AccessOperations.Describe
                : operations);
        if (role is not { } bundle)
            return right;
        var bundled = bundle.OperationsOn(right.Kind);
        return bundled != AccessOperations.None
            ? right with { Operations = bundled }
            : throw RequestException.Malformed("role", $"{bundle.NameOf()} allows nothing with a {right.Kind.ToString().ToLowerInvariant()}.");
    }

    /// <summary>Creates a right.</summary>
    /// <param name="principal">Who gets it, such as <c>key:crawler</c>.</param>
    /// <param name="resource">The kind of resource.</param>
    /// <param name="pattern"><c>literal</c> or <c>prefix</c>; null for <c>literal</c>.</param>
    /// <param name="name">The name; null for the cluster.</param>
    /// <param name="operations">The allowed operations.</param>
    /// <exception cref="RequestException">A part is malformed.</exception>
    public static AccessRight RightOf(string principal, string resource, string? pattern, string? name, AccessOperations operations)
    {
        var kind = resource switch
        {
            "topic" => ResourceKind.Topic,
            "group" => ResourceKind.Group,
            "cluster" => ResourceKind.Cluster,
            _ => throw RequestException.Malformed("resource",
                $"'resource' is '{RequestException.Shown(resource)}'; expected topic, group or cluster."),
        };
        if (pattern is not (null or "literal" or "prefix"))
            throw RequestException.Malformed("pattern", $"'pattern' is '{RequestException.Shown(pattern)}'; expected literal or prefix.");
        if (kind == ResourceKind.Cluster && name is not null)
            throw RequestException.Malformed("name", "There is one cluster; leave 'name' out.");
        if (kind != ResourceKind.Cluster && name is null)
            throw JsonBody.Missing("name", "the resource's name, or what names begin with");
        var right = new AccessRight(principal, kind, pattern == "prefix", name ?? AccessRight.ClusterName, operations);
        return AccessNames.Validate(right) is { } error ? throw new RequestException(error) : right;
    }

    private static AccessOperations OperationOf(string name)
    {
        foreach (var (known, operation) in Operations)
        {
            if (known == name)
                return operation;
        }

        throw RequestException.Malformed("operations",
            $"'operations' has '{RequestException.Shown(name)}'; expected {string.Join(", ", Operations.Select(one => one.Name))}.");
    }

    private static AccessRole? RoleOf(string? name) => name is null ? null : AccessRoles.Find(name)
        ?? throw RequestException.Malformed("role",
            $"'role' is '{RequestException.Shown(name)}'; expected {string.Join(", ", AccessRoles.AllNames)}.");

    private static DateTimeOffset TimeOf(long timestampMs) =>
        timestampMs is >= 0 and <= 253_402_300_799_999
            ? DateTimeOffset.FromUnixTimeMilliseconds(timestampMs)
            : throw RequestException.Malformed("expires_at", "'expires_at' lies beyond all that a calendar knows.");
}
