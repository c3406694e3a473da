using OrleansStream.Log.Format;
using OrleansStream.Log.Producers;
using OrleansStream.Log.State;
using OrleansStream.Storage;

namespace OrleansStream.Log.Reading;

/// <summary>
/// Finds positions in segments by their indexes: the index in memory, else the one stored beside the segment, else one made from the segment.
/// </summary>
internal sealed class SegmentIndexes(OpenLog log)
{
    /// <summary>Finds a position in a segment.</summary>
    /// <param name="view">The segment, with the length that readers may see.</param>
    /// <param name="find">Finds the position in the segment's index; called under the gate.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <param name="byTime">True when the index must have the records' own times.</param>
    public async ValueTask<IndexedPlace> FindAsync(
        SegmentView view, Func<SegmentIndex, IndexedPlace> find, CancellationToken cancellationToken, bool byTime = false)
    {
        lock (log.Gate)
        {
            var known = view.Name == log.Active.Name ? log.Active.Index : log.Indexes.Find(view.Name);
            if (known is not null && (known.HasRecordTimes || !byTime))
                return find(known);
        }

        var index = await LoadAsync(view, byTime, cancellationToken).ConfigureAwait(false);
        lock (log.Gate)
        {
            log.Indexes.Add(view.Name, index);
            return find(index);
        }
    }

    /// <summary>Stores an index beside its segment. A failure is ignored, because the index is a cache that can be made again.</summary>
    public async ValueTask TrySaveAsync(string segment, SegmentIndex index, CancellationToken cancellationToken)
    {
        try
        {
            await log.Place.Documents.WriteAsync(SegmentName.IndexOf(segment), index.ToBytes(), null, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (Exception e) when (e is StoreUnavailableException or StoreFullException)
        {
        }
    }

    private async ValueTask<SegmentIndex> LoadAsync(SegmentView view, bool byTime, CancellationToken cancellationToken)
    {
        var name = SegmentName.IndexOf(view.Name);
        try
        {
            var document = await log.Place.Documents.ReadAsync(name, cancellationToken).ConfigureAwait(false);
            if (document is { } found && SegmentIndex.TryParse(view.BaseOffset, found.Bytes.Span) is { } stored
                && (stored.HasRecordTimes || !byTime))
            {
                return stored;
            }
        }
        catch (CorruptDocumentException)
        {
            // the index is made again below
        }

        var scan = new SegmentScan(
            log.Place.Segments, view.Name, view.BaseOffset, new ProducerStates(), log.NowMs, opensBatches: true);
        await scan.RunAsync(view.Length, cancellationToken).ConfigureAwait(false);
        return scan.Index; // it ends at any damage, and the read that meets the damage reports it
    }
}
