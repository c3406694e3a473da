using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Orleans.Serialization.Serializers;
using OrleansStream.Storage;

namespace OrleansStream.Persistence;

/// <summary>The stored form of a grain's state.</summary>
/// <param name="Version">The format, <see cref="StateDocument.FormatVersion"/>.</param>
/// <param name="Grain">The grain, for people to read, because the document's name may have only a hash of its key.</param>
/// <param name="Exists">False when the state was cleared.</param>
/// <param name="State">The state.</param>
/// <param name="Write">
/// A random id of the write that stored this document, by which a write whose reply was lost recognizes its own document. Null when the store below
/// tells the outcome itself.
/// </param>
internal readonly record struct StateDocument<T>(
    int Version, string Grain, bool Exists, T? State,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Write = null)
{
    /// <summary>Copies the state to its grain; an empty state when it does not exist.</summary>
    /// <param name="grainState">The grain's state.</param>
    /// <param name="eTag">The etag of this document; null when it does not exist.</param>
    /// <param name="activators">Makes empty states.</param>
    public void CopyTo(IGrainState<T> grainState, string? eTag, IActivatorProvider activators)
    {
        grainState.State = Exists && State is { } state ? state : activators.GetActivator<T>().Create();
        grainState.RecordExists = Exists;
        grainState.ETag = eTag!;
    }
}

/// <summary>The format of stored grain states.</summary>
internal static class StateDocument
{
    /// <summary>The only format that is written and read.</summary>
    public const int FormatVersion = 1;

    /// <summary>The JSON settings for states: names in camel case, indented, and letters of all scripts unescaped.</summary>
    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    };

    /// <summary>The document as it is stored.</summary>
    /// <param name="document">The document.</param>
    public static byte[] ToBytes<T>(StateDocument<T> document) => JsonSerializer.SerializeToUtf8Bytes(document, Json);

    /// <summary>Reads a stored document.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="bytes">The stored bytes.</param>
    /// <exception cref="CorruptDocumentException">The bytes are not a grain state of this format.</exception>
    public static StateDocument<T> Parse<T>(string name, ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Check(name, JsonSerializer.Deserialize<StateDocument<T>>(bytes, Json));
        }
        catch (JsonException e)
        {
            throw Corrupt(name, e);
        }
    }

    /// <summary>Throws when a document has another format.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="document">The document.</param>
    /// <exception cref="CorruptDocumentException">Its format is not <see cref="FormatVersion"/>.</exception>
    public static StateDocument<T> Check<T>(string name, StateDocument<T> document) => document.Version == FormatVersion
        ? document
        : throw new CorruptDocumentException(name, $"its format is {document.Version}, not {FormatVersion}.");

    /// <summary>The exception for a document that is not a grain state.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="exception">The JSON reader's error.</param>
    public static CorruptDocumentException Corrupt(string name, JsonException exception) =>
        new(name, "it is not a grain state.", exception);
}
