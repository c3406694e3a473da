using System.Buffers.Binary;
using OrleansStream.Log.Format;
using OrleansStream.Records;
using OrleansStream.Storage;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>What a silo that others have replaced asks of the store.</summary>
public enum LateKind
{
    /// <summary>Records at the end of a segment.</summary>
    Append,

    /// <summary>Its own fence: of an epoch that is over, it closes nothing to anybody, and readers step over it.</summary>
    Fence,

    /// <summary>A segment that takes the place of the active one in the manifest.</summary>
    Roll,

    /// <summary>A segment of its own, which is nothing until a manifest names it.</summary>
    Segment,

    /// <summary>No more appends to a segment.</summary>
    Seal,

    /// <summary>A log that starts later, in the manifest; or bytes of a segment, freed a minute after that.</summary>
    Deletion,

    /// <summary>A group's document.</summary>
    Commit,

    /// <summary>Any other document, such as the list of members.</summary>
    Document,
}

/// <summary>A change that a silo asked for by what it believed before it hung, and what came of it.</summary>
/// <param name="Kind">What it was.</param>
/// <param name="Blob">Of which blob.</param>
/// <param name="Status">The store's answer.</param>
/// <param name="TookEffect">True when it changed what others rely on.</param>
internal sealed record LateWrite(LateKind Kind, string Blob, int Status, bool TookEffect)
{
    /// <summary>True when the store refused it.</summary>
    public bool IsRefused => Status is 409 or 412;
}

/// <summary>
/// Judges one by one what a silo asks of the store after it hung and woke: what it does by an epoch that it held then, or to a version of a
/// document that has been replaced since, is late, and must have no effect. What it does as the next rightful owner, with a higher epoch or to
/// the current version, is not late.
/// </summary>
/// <param name="hung">What the store held when it hung, and so what the silo believes.</param>
/// <param name="woken">What the store held when it woke.</param>
/// <param name="held">The logs that it led when it hung.</param>
internal sealed class LateWrites(StoredDocuments hung, StoredDocuments woken, IReadOnlyCollection<string> held)
{
    private const string Segments = "segments/";
    private const string Documents = "documents/";

    /// <summary>Whether a document is a log's manifest, or the state of a group.</summary>
    public static bool IsManifestOrGroup(string document) =>
        document.EndsWith(SegmentName.ManifestOf(""), StringComparison.Ordinal) || IsGroup(document);

    /// <summary>Whether a blob is the state of a group.</summary>
    public static bool IsOfGroup(string blob) =>
        blob.StartsWith(Documents, StringComparison.Ordinal) && IsGroup(blob[Documents.Length..]);

    /// <summary>The late ones among the calls, in their order.</summary>
    /// <param name="calls">What the silo asked for once it had woken.</param>
    /// <param name="after">What the store holds now.</param>
    public List<LateWrite> Judge(IEnumerable<BlobCall> calls, StoredDocuments after) =>
        [.. calls.Where(call => call.IsWrite).Select(call => Judge(call, after)).OfType<LateWrite>()];

    private LateWrite? Judge(BlobCall call, StoredDocuments after)
    {
        if (call.Blob.StartsWith(Segments, StringComparison.Ordinal))
            return JudgeSegment(call, call.Blob[Segments.Length..], after);
        return call.Blob.StartsWith(Documents, StringComparison.Ordinal) ? JudgeDocument(call, call.Blob[Documents.Length..]) : null;
    }

    private LateWrite? JudgeSegment(BlobCall call, string segment, StoredDocuments after)
    {
        var log = segment[..segment.LastIndexOf('/')];
        if (!held.Contains(log))
            return null;
        switch (call)
        {
            case { Method: "DELETE" }:
                return Late(LateKind.Deletion, call, call.TookEffect && IsNamed(segment, after));
            case { Action: BlobCall.AppendAction } when EpochOf(call.Body) <= EpochOf(log):
                return call.Body.Length == FenceBatch.LengthBytes
                    ? Late(LateKind.Fence, call, tookEffect: false)
                    : Late(LateKind.Append, call, call.TookEffect);
            case { Action: "seal" } when SegmentName.EpochOf(segment) <= EpochOf(log):
                return Late(LateKind.Seal, call, call.TookEffect && after.Manifests[log].Active.Name == segment);
            case { Action: "" } when SegmentName.EpochOf(segment) <= EpochOf(log):
                return Late(LateKind.Segment, call, call.TookEffect && IsNamed(segment, after));
            default:
                return null;
        }
    }

    private LateWrite? JudgeDocument(BlobCall call, string document)
    {
        if (call.Method == "PUT" && hung.Manifests.FirstOrDefault(log => SegmentName.ManifestOf(log.Key) == document) is { Key: { } log } then
            && held.Contains(log))
        {
            var manifest = PartitionManifest.Parse(document, call.Body);
            if (manifest.Epoch > then.Value.Epoch)
                return null;
            var kind = manifest.LogStartOffset > then.Value.LogStartOffset ? LateKind.Deletion
                : manifest.Active.Name != then.Value.Active.Name ? LateKind.Roll : LateKind.Document;
            return Late(kind, call, call.TookEffect);
        }

        // Of what has been replaced since.
        return call.IfMatch.Length > 0 && hung.Find(document)?.ETag is { } etag && Plain(etag) == Plain(call.IfMatch)
            && woken.Find(document)?.ETag != etag
                ? Late(IsGroup(document) ? LateKind.Commit : LateKind.Document, call, call.TookEffect)
                : null;
    }

    private static bool IsGroup(string document) => document.Split('/') is ["state", _, "group", ..];

    private static LateWrite Late(LateKind kind, BlobCall call, bool tookEffect) => new(kind, call.Blob, call.Status, tookEffect);

    private static string Plain(string etag) => etag.Trim('"');

    private int EpochOf(string log) => hung.Manifests[log].Epoch;

    private static int EpochOf(byte[] batch) =>
        BinaryPrimitives.ReadInt32BigEndian(batch.AsSpan(RecordBatchHeader.PartitionLeaderEpochPosition));

    private bool IsNamed(string segment, StoredDocuments after) => woken.Names(segment) || after.Names(segment);
}

/// <summary>The documents of a container at one time.</summary>
internal sealed class StoredDocuments
{
    private readonly Dictionary<string, Document> _documents = [];

    /// <summary>The manifests, by the log that each is of.</summary>
    public Dictionary<string, PartitionManifest> Manifests { get; } = [];

    /// <summary>A document; null when there was none of that name.</summary>
    public Document? Find(string name) => _documents.GetValueOrDefault(name);

    /// <summary>Whether a segment is part of a log.</summary>
    public bool Names(string segment) => Manifests.Values.Any(manifest => manifest.Segments.Exists(named => named.Name == segment));

    /// <summary>Reads all.</summary>
    public static async Task<StoredDocuments> ReadAsync(AzureBlobContainer container)
    {
        var read = new StoredDocuments();
        await foreach (var name in container.Documents.ListAsync(""))
        {
            if (await container.Documents.ReadAsync(name) is not { } document)
                continue;
            read._documents[name] = document;
            if (name.EndsWith(SegmentName.ManifestOf(""), StringComparison.Ordinal))
                read.Manifests[name[..^SegmentName.ManifestOf("").Length]] = PartitionManifest.Parse(name, document.Bytes.Span);
        }

        return read;
    }
}
