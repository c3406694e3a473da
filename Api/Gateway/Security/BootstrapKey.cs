using System.Collections.Immutable;
using System.Security.Cryptography;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>
/// The key in the service's settings, with which an operator creates the first other keys. It has the role <see cref="AccessRole.Admin"/> and is
/// not stored.
/// </summary>
/// <param name="hash">The hash of its secret.</param>
internal sealed class BootstrapKey(ImmutableArray<byte> hash)
{
    /// <summary>Its id. No stored key may have this id.</summary>
    public const string Id = "bootstrap";

    /// <summary>Parses the setting.</summary>
    /// <param name="text">The setting; null for none.</param>
    /// <returns>The key; null when the setting is empty or is not a key with the id <see cref="Id"/>.</returns>
    public static BootstrapKey? Read(string? text) =>
        ApiKeySecret.TryParse(text, out var key) && key.Id == Id ? new BootstrapKey(ApiKeySecret.HashOf(key.Secret)) : null;

    /// <summary>Compares a secret with this key's, in constant time.</summary>
    /// <param name="secret">The secret's hash.</param>
    public bool IsOf(ImmutableArray<byte> secret) => CryptographicOperations.FixedTimeEquals(hash.AsSpan(), secret.AsSpan());
}
