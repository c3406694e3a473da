using System.Collections.Immutable;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.State;

namespace OrleansStream.Log.Retention;

/// <summary>Frees the bytes of segments that are no part of the log any more.</summary>
/// <remarks>Only who has the turn of <see cref="LogMaintenance"/> changes anything here.</remarks>
internal sealed class SegmentFreeing(OpenLog log)
{
    private bool _orphansFreed;

    /// <summary>Whether there is anything to free now.</summary>
    public bool IsDue() => !FindFreeable().IsEmpty || IsOrphanSearchDue();

    /// <summary>Frees segments that left the log long enough ago for readers under way to be done.</summary>
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

    /// <summary>Frees segments that a roll created but never got into the manifest.</summary>
    /// <remarks>
    /// Only those of older epochs, whose owners are fenced, and only after this owner has read the manifest as its own: what cannot be
    /// read is never taken for an orphan.
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
