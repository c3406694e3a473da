using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Log.Retention;

/// <summary>Tells from the store alone whether a log needs maintenance, so that unused logs need not be opened to find out.</summary>
public static class MaintenanceCheck
{
    /// <summary>Whether a round of maintenance would close, delete or free anything in a log that nobody has open.</summary>
    /// <param name="name">The partition's folder.</param>
    /// <param name="options">The log's settings.</param>
    /// <param name="segments">Where its segments are.</param>
    /// <param name="documents">Where its manifest is.</param>
    /// <param name="nowMs">The time, in milliseconds since the Unix epoch.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>
    /// False for a log that was never begun. It may be true without need: while the active segment is older than the retention but not all its
    /// records are, and while the oldest segment was written by an earlier version. Opening the log then decides. It costs reading one document, and
    /// the start of an aged active segment.
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

    // The oldest segment decides, because retention stops at the first segment that stays. The active segment does not count: the manifest does not
    // have its length, and the owner that wrote to it has counted it.
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

    // An active segment that holds only fences of its owners needs nothing, however old it is.
    private static async ValueTask<bool> HoldsRecordsAsync(
        string segment, ISegmentStore segments, CancellationToken cancellationToken)
    {
        var bytes = new byte[LogLimits.MaintenanceProbeBytes];
        int read;
        try
        {
            read = await segments.ReadAsync(segment, 0, bytes, cancellationToken).ConfigureAwait(false);
        }
        catch (SegmentNotFoundException)
        {
            return true; // opening the log reports it
        }

        var scanner = new RecordBatchScanner(bytes.AsSpan(0, read));
        while (scanner.MoveNext())
        {
            if (!FenceBatch.IsFence(scanner.Header, out _))
                return true;
        }

        // Behind the fences may be more fences than were read, or a longer batch. Zeros or a torn tail are not records.
        return read == bytes.Length && scanner.Status is RecordBatchStatus.End or RecordBatchStatus.Incomplete;
    }
}
