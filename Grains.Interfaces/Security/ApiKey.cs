using System.Collections.Immutable;

namespace OrleansStream.Security;

/// <summary>A key as it is stored: nothing of it opens a door, as the secret is known only by its hash.</summary>
/// <param name="Id">What the key is found by; part of the key itself.</param>
/// <param name="Name">Whose key it is: the principal is <c>key:{name}</c>.</param>
/// <param name="Hash">The SHA-256 of the secret. That suffices for a secret of 256 random bits: nobody can try them out.</param>
/// <param name="Role">What it may do with everything; null for only what rights give to its name.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">When it ends; null for never.</param>
/// <param name="LastUsedAt">When it was last used, to the hour; null for never.</param>
[GenerateSerializer, Immutable, Alias("os.ApiKey")]
public sealed record ApiKey(
    [property: Id(0)] string Id,
    [property: Id(1)] string Name,
    [property: Id(2)] ImmutableArray<byte> Hash,
    [property: Id(3)] AccessRole? Role,
    [property: Id(4)] DateTimeOffset CreatedAt,
    [property: Id(5)] DateTimeOffset? ExpiresAt,
    [property: Id(6)] DateTimeOffset? LastUsedAt);
