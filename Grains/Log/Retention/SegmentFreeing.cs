using System.Collections.Immutable;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.State;

namespace OrleansStream.Log.Retention;

/// <summary>Frees the bytes of segments that are no longer part of the log.</summary>
/// <remarks>Changes happen only in the turn of <see cref="LogMaintenance"/>.</remarks>
internal sealed class SegmentFreeing(OpenLog log)
{
    private bool _orphansFreed;

    /// <summary>Whether there is anything to free now.</summary>
    public bool IsDue() => !FindFreeable().IsEmpty || IsOrphanSearchDue();

    /// <summary>Frees the segments that left the log at least a grace ago, so that reads under way then have ended.</summary>
    public async ValueTask FreeDeletedAsync(CancellationToken cancellationToken)
    {
        var due = FindFreeable();
        if (due.IsEmpty || !await log.ProveOwnershipAsync(cancellationToken).ConfigureAwait(false))
            return;

        foreach (var segment in due)
            await log.Place.FreeAsync(segment.Name, cancellationToken).ConfigureAwait(false);

        await log.UpdateManifestAsync(
            manifest => manifest with { Deleting = manifest.Deleting.RemoveRange(due) }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Frees segments that a roll created but never put into the manifest.</summary>
    /// <remarks>
    /// Only segments of older epochs are freed, because their owners are fenced, and only after this owner has read that the manifest is still its
    /// own. A segment is never taken for an orphan because something could not be read.
    /// </remarks>
    public async ValueTask FreeOrphansAsync(CancellationToken cancellationToken)
    {
        if (!IsOrphanSearchDue() || !await log.ProveOwnershipAsync(cancellationToken).ConfigureAwait(false))
            return;

        var manifest = log.Manifest.Current;
        var known = manifest.Segments.Select(segment => segment.Name).Concat(manifest.Deleting.Select(segment => segment.Name))
            .ToHashSet(StringComparer.Ordinal);
        var orphans = new List<string>();
        await foreach (var segment in log.Place.Segments.ListAsync(log.Place.Name + "/", cancellationToken).ConfigureAwait(false))
        {
            if (SegmentName.EpochOf(segment.Name) < log.Epoch && !known.Contains(segment.Name))
                orphans.Add(segment.Name);
        }

        foreach (var orphan in orphans)
            await log.Place.FreeAsync(orphan, cancellationToken).ConfigureAwait(false);

        _orphansFreed = true;
    }

    private ImmutableList<DeletedSegment> FindFreeable()
    {
        var before = log.NowMs - (long)LogLimits.DeletionGrace.TotalMilliseconds;
        return log.Manifest.Current.Deleting.FindAll(segment => segment.SinceMs <= before);
    }

    private bool IsOrphanSearchDue() =>
        !_orphansFreed && log.Epoch > PartitionManifest.FirstEpoch
        && log.Place.Time.GetElapsedTime(log.OpenedAt) >= LogLimits.DeletionGrace;
}
