using System.Text.Json;
using System.Text.Json.Serialization;
using OrleansStream.Storage;

namespace OrleansStream.Security;

/// <summary>All keys and rights of a service in one document, so that each change is one compare-and-swap.</summary>
/// <param name="Format">The format, <see cref="FormatVersion"/>.</param>
/// <param name="Keys">The keys.</param>
/// <param name="Rights">The rights.</param>
internal sealed record AccessDocument(int Format, IReadOnlyList<StoredKey> Keys, IReadOnlyList<StoredRight> Rights)
{
    /// <summary>The only format that is written and read.</summary>
    public const int FormatVersion = 1;

    /// <summary>A document without keys and rights.</summary>
    public static readonly AccessDocument Empty = new(FormatVersion, [], []);

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter() },
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>The document's name.</summary>
    /// <param name="serviceId">The service; letters, digits, '.' and '-'.</param>
    public static string NameOf(string serviceId) => $"service/{serviceId}/access.json";

    /// <summary>Parses a document.</summary>
    /// <param name="name">The document's name.</param>
    /// <param name="bytes">Its content.</param>
    /// <exception cref="CorruptDocumentException">The bytes are not such a document. They must not count as a document without keys.</exception>
    public static AccessDocument Parse(string name, ReadOnlySpan<byte> bytes)
    {
        try
        {
            var document = JsonSerializer.Deserialize<AccessDocument>(bytes, Json);
            return document is { Format: FormatVersion, Keys: not null, Rights: not null }
                ? document
                : throw new CorruptDocumentException(name, $"its format is {document?.Format}, not {FormatVersion}.");
        }
        catch (JsonException e)
        {
            throw new CorruptDocumentException(name, "it holds no keys and rights.", e);
        }
    }

    /// <summary>Encodes the document.</summary>
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, Json);

    /// <summary>Returns the keys and rights as the contract's types.</summary>
    public StoredAccess ToStored() => new([.. Keys.Select(key => key.ToKey())], [.. Rights.Select(right => right.ToRight())]);
}

/// <summary>A key in the document. It has only the hash of the secret.</summary>
internal sealed record StoredKey(
    string Id, string Name, string Sha256, AccessRole? Role, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? LastUsedAt)
{
    /// <summary>Creates the entry of a key.</summary>
    /// <param name="key">The key.</param>
    public static StoredKey Of(ApiKey key) => new(
        key.Id, key.Name, Convert.ToHexStringLower(key.Hash.AsSpan()), key.Role, key.CreatedAt, key.ExpiresAt, key.LastUsedAt);

    /// <summary>The key.</summary>
    public ApiKey ToKey() => new(Id, Name, [.. Convert.FromHexString(Sha256)], Role, CreatedAt, ExpiresAt, LastUsedAt);
}

/// <summary>A right in the document.</summary>
internal sealed record StoredRight(string Principal, ResourceKind Kind, bool IsPrefix, string Name, AccessOperations Operations)
{
    /// <summary>Creates the entry of a right.</summary>
    /// <param name="right">The right.</param>
    public static StoredRight Of(AccessRight right) => new(right.Principal, right.Kind, right.IsPrefix, right.Name, right.Operations);

    /// <summary>The right.</summary>
    public AccessRight ToRight() => new(Principal, Kind, IsPrefix, Name, Operations);
}
