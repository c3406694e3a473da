using System.Collections.Immutable;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Producers;
using OrleansStream.Log.Resources;
using OrleansStream.Log.State;

namespace OrleansStream.Log.Reading;

/// <summary>Corrects the times of segments that an earlier version wrote, which believed the headers of batches.</summary>
/// <remarks>Each such segment is read once, when a look-up by time or retention by age first needs its times.</remarks>
internal sealed class SegmentTimes(OpenLog log, SegmentIndexes indexes)
{
    // Guarded by the gate: the latest record timestamp of the segments that were read, by name, until the manifest has it.
    private readonly Dictionary<string, long> _unsaved = new(StringComparer.Ordinal);

    /// <summary>Whether times were read that the manifest does not have yet. Under the gate.</summary>
    public bool HasUnsaved => _unsaved.Count > 0;

    /// <summary>Reads the times of a closed segment's records, after waiting for a place among the reads of older data.</summary>
    /// <exception cref="ColdReadsBusyException">Too many reads wait already.</exception>
    public async ValueTask CheckInTurnAsync(ManifestSegment segment, CancellationToken cancellationToken)
    {
        await log.Resources.ColdReads.EnterAsync().ConfigureAwait(false);
        try
        {
            await CheckAsync(segment, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            log.Resources.ColdReads.Leave();
        }
    }

    /// <summary>Reads the times of a closed segment's records.</summary>
    public async ValueTask CheckAsync(ManifestSegment segment, CancellationToken cancellationToken)
    {
        var scan = new SegmentScan(log.Place.Segments, segment.Name, segment.BaseOffset, new ProducerStates(), log.NowMs, opensBatches: true);
        var isWhole = false;
        try
        {
            await scan.RunAsync(segment.Length, cancellationToken).ConfigureAwait(false);
            isWhole = scan.Damage is null;
        }
        catch (LogCorruptException)
        {
            // The segment is missing; whoever reads its records is told.
        }

        if (isWhole)
            await indexes.TrySaveAsync(segment.Name, scan.Index, cancellationToken).ConfigureAwait(false);

        lock (log.Gate)
        {
            var i = log.Sealed.FindIndex(candidate => candidate.Name == segment.Name);
            if (i < 0)
                return; // retention has removed the segment meanwhile

            var latestMs = scan.MaxTimestampMs;
            if (isWhole)
            {
                log.Indexes.Add(segment.Name, scan.Index);
                _unsaved[segment.Name] = latestMs;
            }
            else
            {
                // The times behind the damage are unknown, so the segment must not go by age before a segment without times would. This is not saved.
                latestMs = Math.Max(Math.Max(latestMs, segment.MaxTimestampMs), log.ClosedAtMs(i));
            }

            log.Sealed = log.Sealed.SetItem(i, log.Sealed[i] with { MaxTimestampMs = latestMs, TimesChecked = true });
        }
    }

    /// <summary>Saves the times that were read in the manifest.</summary>
    public async ValueTask SaveAsync(CancellationToken cancellationToken)
    {
        ImmutableDictionary<string, long> times;
        lock (log.Gate)
        {
            times = _unsaved.ToImmutableDictionary(StringComparer.Ordinal);
        }

        if (times.IsEmpty)
            return;

        await log.UpdateManifestAsync(
            manifest => manifest with
            {
                Segments = manifest.Segments.ConvertAll(segment => times.TryGetValue(segment.Name, out var latestMs)
                    ? segment with { MaxTimestampMs = latestMs, TimesChecked = true }
                    : segment),
            },
            cancellationToken).ConfigureAwait(false);
        lock (log.Gate)
        {
            foreach (var name in times.Keys)
                _unsaved.Remove(name);
        }
    }
}
