using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace OrleansStream.Security;

/// <summary>A key in full, as only its owner has it: <c>os_{id}_{secret}</c>.</summary>
/// <param name="Id">What the key is found by; no secret.</param>
/// <param name="Secret">The secret: 256 random bits in hexadecimal.</param>
public readonly record struct ApiKeySecret(string Id, string Secret)
{
    /// <summary>What every key begins with, so that scanners find keys that were published by mistake.</summary>
    public const string Prefix = "os_";

    /// <summary>The length of a secret, in characters.</summary>
    public const int SecretLength = 2 * SecretBytes;

    private const int SecretBytes = 32;
    private const int IdBytes = 6;
    private const int IdLengthMax = 32;

    /// <summary>Makes a new key.</summary>
    public static ApiKeySecret Create() => new(
        Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes)), Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(SecretBytes)));

    /// <summary>The hash by which a secret is known.</summary>
    /// <param name="secret">The secret.</param>
    public static ImmutableArray<byte> HashOf(ReadOnlySpan<char> secret)
    {
        Span<byte> bytes = stackalloc byte[SecretLength];
        // What is no secret by its length gets a hash that no secret has.
        var length = secret.Length == SecretLength && Encoding.UTF8.TryGetBytes(secret, bytes, out var written) ? written : 0;
        return [.. SHA256.HashData(bytes[..length])];
    }

    /// <summary>Reads a key.</summary>
    /// <param name="text">The text.</param>
    /// <param name="key">The key.</param>
    /// <returns>False when it is not shaped as one.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, out ApiKeySecret key)
    {
        key = default;
        if (!text.StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        var rest = text[Prefix.Length..];
        var end = rest.IndexOf('_');
        if (end is < 1 or > IdLengthMax || rest.Length - end - 1 != SecretLength)
            return false;
        if (rest[..end].ContainsAnyExcept(IdCharacters) || rest[(end + 1)..].ContainsAnyExcept(HexCharacters))
            return false;
        key = new ApiKeySecret(rest[..end].ToString(), rest[(end + 1)..].ToString());
        return true;
    }

    /// <summary>The key in full. It is a secret: it belongs into no log and no error.</summary>
    public string Reveal() => $"{Prefix}{Id}_{Secret}";

    /// <summary>The key without its secret.</summary>
    public override string ToString() => $"{Prefix}{Id}_…";

    private static readonly System.Buffers.SearchValues<char> IdCharacters = System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");
    private static readonly System.Buffers.SearchValues<char> HexCharacters = System.Buffers.SearchValues.Create("0123456789abcdef");
}
