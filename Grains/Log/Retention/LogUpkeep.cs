using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Log.Retention;

/// <summary>Tells from the store alone whether a log needs upkeep, so that logs nobody uses need not be opened to find out.</summary>
public static class LogUpkeep
{
    /// <summary>Whether a round of upkeep would close, delete or free something of a log that nobody has open.</summary>
    /// <param name="name">The partition's folder.</param>
    /// <param name="options">The log's settings.</param>
    /// <param name="segments">Where its segments are.</param>
    /// <param name="documents">Where its manifest is.</param>
    /// <param name="nowMs">The time, in milliseconds since the Unix epoch.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// False for a log that was never begun. True may be wrong while the active segment is older than the retention but not
    /// all its records are, or while an earlier version wrote the oldest: opening the log tells. One document is read, and for an aged active segment its start.
    /// </returns>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    /// <exception cref="CorruptDocumentException">The manifest is damaged.</exception>
    public static async ValueTask<bool> IsDueAsync(
        string name, LogOptions options, ISegmentStore segments, IDocumentStore documents, long nowMs,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(segments);
        ArgumentNullException.ThrowIfNull(documents);
        var manifestName = SegmentName.ManifestOf(name);
        if (await documents.ReadAsync(manifestName, cancellationToken).ConfigureAwait(false) is not { } document)
            return false;

        var manifest = PartitionManifest.Parse(manifestName, document.Bytes.Span);
        return IsFreeingDue(manifest, nowMs)
            || IsRetentionDue(manifest, options, nowMs)
            || (IsActiveAged(manifest.Active, options, nowMs)
                && await HoldsRecordsAsync(manifest.Active.Name, segments, cancellationToken).ConfigureAwait(false));
    }

    private static bool IsFreeingDue(PartitionManifest manifest, long nowMs) =>
        manifest.Deleting.Exists(segment => nowMs - segment.SinceMs >= (long)LogLimits.DeletionGrace.TotalMilliseconds);

    // The oldest segment decides, as retention stops at the first that stays. The active one's length is not in the manifest: it
    // was counted by the owner that wrote to it.
    private static bool IsRetentionDue(PartitionManifest manifest, LogOptions options, long nowMs)
    {
        if (manifest.Segments.Count < 2)
            return false;

        var oldest = manifest.Segments[0];
        var datedMs = oldest.DatedMs(manifest.Segments[1].CreatedAtMs);
        return (options.RetentionAge is { } age && nowMs - datedMs > (long)age.TotalMilliseconds)
            || (options.RetentionBytes is { } bytes
                && manifest.Segments.Skip(1).Where(segment => segment.IsSealed).Sum(segment => segment.Length) >= bytes);
    }

    private static bool IsActiveAged(ManifestSegment active, LogOptions options, long nowMs)
    {
        var age = options.RetentionAge is { } retention && retention < options.SegmentAge ? retention : options.SegmentAge;
        return nowMs - active.CreatedAtMs >= (long)age.TotalMilliseconds;
    }

    // An empty active segment holds the fences of its owners and nothing else, and needs nothing however old it is.
    private static async ValueTask<bool> HoldsRecordsAsync(
        string segment, ISegmentStore segments, CancellationToken cancellationToken)
    {
        var bytes = new byte[LogLimits.UpkeepProbeBytes];
        int read;
        try
        {
            read = await segments.ReadAsync(segment, 0, bytes, cancellationToken).ConfigureAwait(false);
        }
        catch (SegmentNotFoundException)
        {
            return true; // for whoever opens the log to say
        }

        var scanner = new RecordBatchScanner(bytes.AsSpan(0, read));
        while (scanner.MoveNext())
        {
            if (!FenceBatch.IsFence(scanner.Header, out _))
                return true;
        }

        // More fences than were read, or a batch that is longer: only zeros or a torn tail behind the fences are no records.
        return read == bytes.Length && scanner.Status is RecordBatchStatus.End or RecordBatchStatus.Incomplete;
    }
}
