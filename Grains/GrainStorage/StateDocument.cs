using System.Text.Encodings.Web;
using System.Text.Json;

namespace OrleansStream.GrainStorage;

/// <summary>What is stored for one grain state.</summary>
/// <param name="Version">The format, <see cref="StateDocument.FormatVersion"/>.</param>
/// <param name="Grain">The grain, for people: the document's name may hold only a hash of its key.</param>
/// <param name="Exists">False when the state was cleared.</param>
/// <param name="State">The state.</param>
internal readonly record struct StateDocument<T>(int Version, string Grain, bool Exists, T? State);

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
}
