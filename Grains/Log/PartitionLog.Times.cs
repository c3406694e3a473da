using System.Collections.Immutable;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Producers;
using OrleansStream.Storage;

namespace OrleansStream.Log;

// The times of segments that an earlier version wrote: it believed what headers said of them. Each such segment is read once, when a look-up by
// time or retention by age first depends on it.
public sealed partial class PartitionLog
{
    // Guarded by the gate: the latest record timestamp of segments that were read, by name, until the manifest says so.
    private readonly Dictionary<string, long> _unsavedTimes = new(StringComparer.Ordinal);

    private async ValueTask CheckTimesInTurnAsync(ManifestSegment segment, CancellationToken cancellationToken)
    {
        await _resources.ColdReads.EnterAsync().ConfigureAwait(false);
        try
        {
            await CheckTimesAsync(segment, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _resources.ColdReads.Leave();
        }
    }

    /// <summary>Reads a closed segment's records for their times.</summary>
    private async ValueTask CheckTimesAsync(ManifestSegment segment, CancellationToken cancellationToken)
    {
        var scan = new SegmentScan(_segments, segment.Name, segment.BaseOffset, new ProducerStates(), NowMs, opensBatches: true);
        var isWhole = false;
        try
        {
            await scan.RunAsync(segment.Length, cancellationToken).ConfigureAwait(false);
            isWhole = scan.Damage is null;
        }
        catch (LogCorruptException)
        {
            // It is not there: what reads it says so.
        }

        if (isWhole)
        {
            await TrySaveIndexAsync(segment.Name, scan.Index, cancellationToken).ConfigureAwait(false);
        }

        lock (_gate)
        {
            var i = _sealed.FindIndex(candidate => candidate.Name == segment.Name);
            if (i < 0)
            {
                return; // retention was faster
            }

            var latestMs = scan.MaxTimestampMs;
            if (isWhole)
            {
                _indexes.Add(segment.Name, scan.Index);
                _unsavedTimes[segment.Name] = latestMs;
            }
            else
            {
                // Nobody knows the times behind the damage: by age the segment goes no earlier than one without times. It is not noted down.
                latestMs = Math.Max(Math.Max(latestMs, segment.MaxTimestampMs), ClosedAtMs(i));
            }

            _sealed = _sealed.SetItem(i, _sealed[i] with { MaxTimestampMs = latestMs, TimesChecked = true });
        }
    }

    /// <summary>When a closed segment was closed. Under the gate.</summary>
    private long ClosedAtMs(int i) => (i + 1 < _sealed.Count ? _sealed[i + 1] : _active.Manifest).CreatedAtMs;

    private async ValueTask SaveTimesAsync(CancellationToken cancellationToken)
    {
        ImmutableDictionary<string, long> times;
        lock (_gate)
        {
            times = _unsavedTimes.ToImmutableDictionary(StringComparer.Ordinal);
        }

        if (times.IsEmpty)
        {
            return;
        }

        await UpdateManifestAsync(
            manifest => manifest with
            {
                Segments = manifest.Segments.ConvertAll(segment => times.TryGetValue(segment.Name, out var latestMs)
                    ? segment with { MaxTimestampMs = latestMs, TimesChecked = true }
                    : segment),
            },
            cancellationToken).ConfigureAwait(false);
        lock (_gate)
        {
            foreach (var name in times.Keys)
            {
                _unsavedTimes.Remove(name);
            }
        }
    }

    private async ValueTask TrySaveIndexAsync(string segment, SegmentIndex index, CancellationToken cancellationToken)
    {
        try
        {
            await _documents.WriteAsync(SegmentName.IndexOf(segment), index.ToBytes(), null, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is StoreUnavailableException or StoreFullException)
        {
            // a cache: made again
        }
    }
}
