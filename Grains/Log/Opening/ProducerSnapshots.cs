using OrleansStream.Log.Format;
using OrleansStream.Log.Producers;
using OrleansStream.Storage;

namespace OrleansStream.Log.Opening;

/// <summary>Rebuilds the state of producers up to the active segment.</summary>
internal static class ProducerSnapshots
{
    /// <summary>Loads the newest good snapshot, and replays the closed segments behind it.</summary>
    /// <remarks>A bad snapshot is never taken for an empty one. At worst all closed segments are replayed.</remarks>
    public static async ValueTask<ProducerStates> LoadAsync(
        LogPlace place, PartitionManifest manifest, long nowMs, CancellationToken cancellationToken)
    {
        ProducerStates? producers = null;
        var first = manifest.Segments.Count - 1;
        for (; first >= 0; first--)
        {
            if (manifest.Segments[first].HasProducers)
                producers = await ReadAsync(place, manifest.Segments[first].Name, cancellationToken).ConfigureAwait(false);

            if (producers is not null || first == 0)
                break;
        }

        producers ??= new ProducerStates();
        foreach (var segment in manifest.Segments.Skip(first).Where(segment => segment.IsSealed))
        {
            var replay = new SegmentScan(place.Segments, segment.Name, segment.BaseOffset, producers, nowMs);
            await replay.RunAsync(segment.Length, cancellationToken).ConfigureAwait(false);
            replay.ThrowOnDamage();
        }

        return producers;
    }

    private static async ValueTask<ProducerStates?> ReadAsync(LogPlace place, string segment, CancellationToken cancellationToken)
    {
        try
        {
            var document = await place.Documents.ReadAsync(SegmentName.ProducersOf(segment), cancellationToken).ConfigureAwait(false);
            return document is { } found ? ProducerStates.TryParse(found.Bytes.Span) : null;
        }
        catch (CorruptDocumentException)
        {
            return null;
        }
    }
}
