using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace OrleansStream.Security;

/// <summary>A complete key, which only its owner has: <c>os_{id}_{secret}</c>.</summary>
/// <param name="Id">The id by which the key is found; it is not secret.</param>
/// <param name="Secret">The secret: 256 random bits in hexadecimal.</param>
public readonly record struct ApiKeySecret(string Id, string Secret)
{
    /// <summary>The prefix of every key, by which scanners find keys that were published by mistake.</summary>
    public const string Prefix = "os_";

    /// <summary>The length of a secret, in characters.</summary>
    public const int SecretLength = 2 * SecretBytes;

    private const int SecretBytes = 32;
    private const int IdBytes = 6;

    /// <summary>Creates a new key with a random secret.</summary>
    public static ApiKeySecret Create() => new(
        Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes)), Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SecretBytes)));

    /// <summary>Computes the hash that is stored of a secret.</summary>
    /// <param name="secret">The secret.</param>
    public static ImmutableArray<byte> HashOf(ReadOnlySpan<char> secret)
    {
        Span<byte> bytes = stackalloc byte[SecretLength];
        // A text of any other length than a secret's gets a hash that no secret has.
        var length = secret.Length == SecretLength && Encoding.UTF8.TryGetBytes(secret, bytes, out var written) ? written : 0;
        return [.. SHA256.HashData(bytes[..length])];
    }

    /// <summary>Parses a complete key.</summary>
    /// <param name="text">The text.</param>
    /// <param name="key">The key.</param>
    /// <returns>False when the text does not have the form of a key.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out ApiKeySecret key)
    {
        key = default;
        if (!text.StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        var rest = text[Prefix.Length..];
        var end = rest.IndexOf('_');
        if (end is < 1 or > AccessLimits.KeyIdLengthMax || rest.Length - end - 1 != SecretLength)
            return false;
        if (rest[..end].ContainsAnyExcept(IdCharacters) || rest[(end + 1)..].ContainsAnyExcept(HexCharacters))
            return false;
        key = new ApiKeySecret(rest[..end].ToString(), rest[(end + 1)..].ToString());
        return true;
    }

    /// <summary>The complete key. It is a secret, so no log and no error may have it.</summary>
    public string Reveal() => $"{Prefix}{Id}_{Secret}";

    /// <summary>The key without its secret.</summary>
    public override string ToString() => $"{Prefix}{Id}_…";

    private static readonly System.Buffers.SearchValues<char> IdCharacters =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");
    private static readonly System.Buffers.SearchValues<char> HexCharacters = System.Buffers.SearchValues.Create("0123456789abcdef");
}
