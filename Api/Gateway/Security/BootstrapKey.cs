using System.Collections.Immutable;
using System.Security.Cryptography;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>The key of whoever owns the service's settings, by which the first others are made. It is <see cref="AccessRole.Admin"/> and stored nowhere.</summary>
/// <param name="hash">The hash of its secret.</param>
internal sealed class BootstrapKey(ImmutableArray<byte> hash)
{
    /// <summary>Its id, which no stored key has.</summary>
    public const string Id = "bootstrap";

    /// <summary>Reads the setting.</summary>
    /// <param name="text">The setting; null for none.</param>
    /// <returns>Null when it is none, or no key with the id <see cref="Id"/>.</returns>
    public static BootstrapKey? Read(string? text) =>
        ApiKeySecret.TryParse(text, out var key) && key.Id == Id ? new BootstrapKey(ApiKeySecret.HashOf(key.Secret)) : null;

    /// <summary>Tells whether a secret is this key's, in a time that tells nothing of it.</summary>
    /// <param name="secret">The secret's hash.</param>
    public bool IsOf(ImmutableArray<byte> secret) => CryptographicOperations.FixedTimeEquals(hash.AsSpan(), secret.AsSpan());
}
