using System.Collections.Immutable;

namespace OrleansStream.Security;

/// <summary>A key as it is stored. It has only the hash of the secret, so nobody who reads it can sign in with it.</summary>
/// <param name="Id">The id by which the key is found; a part of the key itself.</param>
/// <param name="Name">The name of the key's owner: the principal is <c>key:{name}</c>.</param>
/// <param name="Hash">The SHA-256 of the secret. A fast hash suffices, because nobody can try out 256 random bits.</param>
/// <param name="Role">The role that the key has on all resources; null when it has only the rights of its principal.</param>
/// <param name="CreatedAt">When the key was created.</param>
/// <param name="ExpiresAt">When the key expires; null for never.</param>
/// <param name="LastUsedAt">When the key was last used, to the hour; null for never.</param>
[GenerateSerializer, Immutable, Alias("os.ApiKey")]
public sealed record ApiKey(
    [property: Id(0)] string Id,
    [property: Id(1)] string Name,
    [property: Id(2)] ImmutableArray<byte> Hash,
    [property: Id(3)] AccessRole? Role,
    [property: Id(4)] DateTimeOffset CreatedAt,
    [property: Id(5)] DateTimeOffset? ExpiresAt,
    [property: Id(6)] DateTimeOffset? LastUsedAt);
