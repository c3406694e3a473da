using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Orleans.Serialization.Serializers;
using OrleansStream.Storage;

namespace OrleansStream.Persistence;

/// <summary>What is stored for one grain state.</summary>
/// <param name="Version">The format, <see cref="StateDocument.FormatVersion"/>.</param>
/// <param name="Grain">The grain, for people: the document's name may hold only a hash of its key.</param>
/// <param name="Exists">False when the state was cleared.</param>
/// <param name="State">The state.</param>
/// <param name="Write">
/// Names the one write that left this document, so that a write whose reply was lost finds its own work; null where the store below tells.
/// </param>
internal readonly record struct StateDocument<T>(
    int Version, string Grain, bool Exists, T? State,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Write = null)
{
    /// <summary>Hands the state to its grain: an empty one where there is none.</summary>
    /// <param name="grainState">The grain's state.</param>
    /// <param name="eTag">The etag of this document, or null when there is no document.</param>
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
    /// <summary>The format written, and the only one read.</summary>
    public const int FormatVersion = 1;

    /// <summary>How states become JSON: names as a person would write them, letters of all scripts as they are.</summary>
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
    /// <param name="bytes">What is stored.</param>
    /// <exception cref="CorruptDocumentException">It is no grain state of this format.</exception>
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

    /// <summary>Refuses a document of another format.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="document">The document.</param>
    /// <exception cref="CorruptDocumentException">Its format is not <see cref="FormatVersion"/>.</exception>
    public static StateDocument<T> Check<T>(string name, StateDocument<T> document) => document.Version == FormatVersion
        ? document
        : throw new CorruptDocumentException(name, $"its format is {document.Version}, not {FormatVersion}.");

    /// <summary>Says that a document is no grain state at all.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="exception">What the reader of JSON found.</param>
    public static CorruptDocumentException Corrupt(string name, JsonException exception) =>
        new(name, "it is no grain state.", exception);
}
