using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using OrleansStream.Storage;

namespace OrleansStream.Log.Format;

/// <summary>
/// The segments of a log, and its owner: one document that is changed only by compare-and-swap.
/// </summary>
/// <remarks>
/// <list type="number">
/// <item>M1 The epoch never goes back. Each owner's epoch is one above its predecessor's, and only the epoch's owner writes.</item>
/// <item>M2 There is at least one segment; the last is the active one, all others are sealed at a recorded length.</item>
/// <item>M3 A segment's base offset is its predecessor's end offset.</item>
/// <item>M4 A segment is created before the manifest names it.</item>
/// <item>M5 The log start offset never goes back. It lies within the first segment or at the log's end.</item>
/// </list>
/// </remarks>
internal sealed record PartitionManifest
{
    public const int CurrentFormat = 1;

    /// <summary>The epoch of a log's first owner.</summary>
    public const int FirstEpoch = 1;

    public int Format { get; init; } = CurrentFormat;

    public required int Epoch { get; init; }

    public required string Owner { get; init; }

    /// <summary>
    /// Grows with each write of an owner. So no two versions are alike, and an owner whose reply was lost recognizes its own
    /// version.
    /// </summary>
    public required long Revision { get; init; }

    public required long LogStartOffset { get; init; }

    public required ImmutableList<ManifestSegment> Segments { get; init; }

    public ImmutableList<DeletedSegment> Deleting { get; init; } = [];

    [JsonIgnore]
    public ManifestSegment Active => Segments[^1];

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ManifestJson.Default.PartitionManifest);

    /// <exception cref="CorruptDocumentException">The document cannot be parsed, has another format, or breaks the manifest's rules.</exception>
    public static PartitionManifest Parse(string name, ReadOnlySpan<byte> bytes)
    {
        PartitionManifest? manifest;
        try
        {
            manifest = JsonSerializer.Deserialize(bytes, ManifestJson.Default.PartitionManifest);
        }
        catch (JsonException e)
        {
            throw new CorruptDocumentException(name, e.Message, e);
        }

        if (manifest?.Format != CurrentFormat)
            throw new CorruptDocumentException(name, $"its format is {manifest?.Format}, this version reads {CurrentFormat}.");

        if (manifest.Segments is null or [])
            throw new CorruptDocumentException(name, "it names no segment.");

        for (var i = 1; i < manifest.Segments.Count; i++)
        {
            if (manifest.Segments[i - 1].EndOffset != manifest.Segments[i].BaseOffset)
                throw new CorruptDocumentException(name, $"segment '{manifest.Segments[i].Name}' does not follow its predecessor.");
        }

        return manifest.Active.IsSealed
            ? throw new CorruptDocumentException(name, "its last segment is closed, so that nothing can be appended.")
            : manifest;
    }
}

/// <summary>One segment of a manifest.</summary>
internal sealed record ManifestSegment
{
    public required string Name { get; init; }

    public required long BaseOffset { get; init; }

    /// <summary>When it became the active one, in ms since the Unix epoch.</summary>
    public required long CreatedAtMs { get; init; }

    /// <summary>The offset behind its last record; -1 while it is active.</summary>
    public long EndOffset { get; init; } = -1;

    /// <summary>The segment's length in bytes; bytes behind it are no part of the log. -1 while the segment is active.</summary>
    public long Length { get; init; } = -1;

    /// <summary>The latest record timestamp in it, or -1.</summary>
    public long MaxTimestampMs { get; init; } = -1;

    /// <summary>
    /// True when the times in its batches' headers and <see cref="MaxTimestampMs"/> are known to be those of the records. Earlier versions believed
    /// the headers; they also drop this member when they write the manifest.
    /// </summary>
    public bool TimesChecked { get; init; }

    /// <summary>True when the state of producers at its base offset is stored beside it.</summary>
    public bool HasProducers { get; init; }

    [JsonIgnore]
    public bool IsSealed => EndOffset >= 0;

    /// <summary>
    /// The time from which the segment's age counts: the timestamp of its latest record, or the time of its closing when its records have no
    /// timestamps. While its times are not checked this is a first guess, no later than the closing; retention reads the records before it
    /// deletes by it.
    /// </summary>
    /// <param name="closedAtMs">When it was closed, in ms since the Unix epoch.</param>
    public long DatedMs(long closedAtMs) =>
        MaxTimestampMs < 0 ? closedAtMs : TimesChecked ? MaxTimestampMs : Math.Min(MaxTimestampMs, closedAtMs);
}

/// <summary>A segment that is no longer part of the log, and whose bytes are to be freed.</summary>
/// <param name="Name">Its name.</param>
/// <param name="SinceMs">When it left the log, in ms since the Unix epoch.</param>
/// <param name="Length">Its length in bytes when it left the log; 0 in manifests of earlier versions.</param>
internal sealed record DeletedSegment(string Name, long SinceMs, long Length = 0);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(PartitionManifest))]
internal sealed partial class ManifestJson : JsonSerializerContext;
