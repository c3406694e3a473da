using System.Buffers;
using OrleansStream.Errors;
using OrleansStream.Groups;
using OrleansStream.Topics;

namespace OrleansStream.Security;

/// <summary>The rules for the names in keys and rights. Each check returns null, or an error that names the field and says what is allowed.</summary>
public static class AccessNames
{
    private static readonly SearchValues<char> KeyIdCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");
    private static readonly SearchValues<char> KeyNameCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    private static readonly string[] Kinds = ["key:", "user:", "group:", "certificate:"];

    /// <summary>Checks the id of a key.</summary>
    /// <param name="id">The id.</param>
    public static StreamError? ValidateKeyId(string id)
    {
        ArgumentNullException.ThrowIfNull(id);
        return id.Length is > 0 and <= AccessLimits.KeyIdLengthMax && !id.AsSpan().ContainsAnyExcept(KeyIdCharacters) ? null : Invalid(
            "key", $"A key's id is 1 to {AccessLimits.KeyIdLengthMax} characters of a-z, 0-9 and '-'.");
    }

    /// <summary>Checks the name of a key.</summary>
    /// <param name="name">The name.</param>
    public static StreamError? ValidateKeyName(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return name.Length is > 0 and <= AccessLimits.KeyNameLengthMax && !name.AsSpan().ContainsAnyExcept(KeyNameCharacters) ? null : Invalid(
            "name", $"A key's name is 1 to {AccessLimits.KeyNameLengthMax} characters of a-z, A-Z, 0-9, '.', '_' and '-'.");
    }

    /// <summary>Checks a principal.</summary>
    /// <param name="principal">The principal, as rights name it.</param>
    public static StreamError? ValidatePrincipal(string principal)
    {
        ArgumentNullException.ThrowIfNull(principal);
        var isNamed = Array.Exists(Kinds, kind => principal.StartsWith(kind, StringComparison.Ordinal) && principal.Length > kind.Length);
        var isValid = principal == "anonymous" || isNamed && principal.Length <= AccessLimits.PrincipalLengthMax && !principal.Any(char.IsControl);
        return isValid ? null : Invalid(
            "principal",
            $"A principal is key:{{name}}, user:{{id}}, group:{{id}}, certificate:{{name}} or anonymous, of at most {AccessLimits.PrincipalLengthMax} characters.");
    }

    /// <summary>Checks a right.</summary>
    /// <param name="right">The right.</param>
    public static StreamError? Validate(AccessRight right)
    {
        ArgumentNullException.ThrowIfNull(right);
        if (ValidatePrincipal(right.Principal) is { } error)
            return error;
        if (NameErrorOf(right) is { } nameError)
            return nameError with { Field = "name" };
        var allowed = AllowedOn(right.Kind);
        return right.Operations != AccessOperations.None && (right.Operations & ~allowed) == AccessOperations.None ? null : Invalid(
            "operations", $"Rights on a {right.Kind.ToString().ToLowerInvariant()} are {allowed.ToString().ToLowerInvariant()}: at least one of them.");
    }

    /// <summary>Returns the operations that a right on a kind of resource can have.</summary>
    /// <param name="kind">The kind.</param>
    public static AccessOperations AllowedOn(ResourceKind kind) => kind switch
    {
        ResourceKind.Topic => AccessOperations.Describe | AccessOperations.Read | AccessOperations.Write | AccessOperations.Manage,
        ResourceKind.Group => AccessOperations.Describe | AccessOperations.Read | AccessOperations.Manage,
        _ => AccessOperations.Describe | AccessOperations.Manage | AccessOperations.Admin,
    };

    // A prefix has the same characters as a name, and may be empty.
    private static StreamError? NameErrorOf(AccessRight right) => (right.Kind, right.IsPrefix) switch
    {
        (ResourceKind.Cluster, _) =>
            !right.IsPrefix && right.Name == AccessRight.ClusterName ? null : Invalid("name", $"The cluster's name is '{AccessRight.ClusterName}'."),
        (_, true) when right.Name.Length == 0 || right.Name is "." or ".." => null,
        (ResourceKind.Topic, _) => TopicName.Validate(right.Name),
        _ => GroupName.Validate(right.Name),
    };

    private static StreamError Invalid(string field, string detail) => new(StreamErrorCode.InvalidRequest, detail) { Field = field };
}
