using OrleansStream.Log.Contract;
using OrleansStream.Storage;

namespace OrleansStream.Log.Format;

/// <summary>The place of a log: its folder, the stores that hold it, and its clock.</summary>
/// <param name="Name">The partition's folder, <c>{topicId}/{partition}</c>.</param>
/// <param name="Segments">The store of its segments.</param>
/// <param name="Documents">The store of its manifest, indexes and producer snapshots.</param>
/// <param name="Time">Dates segments, and times waits and retention.</param>
internal sealed record LogPlace(string Name, ISegmentStore Segments, IDocumentStore Documents, TimeProvider Time)
{
    /// <summary>The time now, in milliseconds since the Unix epoch.</summary>
    public long NowMs => Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The most bytes that one append to the store carries.</summary>
    public int AppendBytesMax => Math.Min(LogLimits.GroupBytesMax, Segments.Limits.AppendBytesMax);

    /// <summary>A manifest's entry for a segment that becomes the active one now.</summary>
    public ManifestSegment BeginSegment(string segment, long baseOffset) => new()
    {
        Name = segment, BaseOffset = baseOffset, CreatedAtMs = NowMs, TimesChecked = true,
    };

    /// <summary>Deletes a segment and the documents beside it; repeating it is harmless.</summary>
    public async ValueTask FreeAsync(string segment, CancellationToken cancellationToken)
    {
        // The segment is deleted last, because what is left to free is found by listing segments.
        await Documents.DeleteAsync(SegmentName.IndexOf(segment), null, cancellationToken).ConfigureAwait(false);
        await Documents.DeleteAsync(SegmentName.ProducersOf(segment), null, cancellationToken).ConfigureAwait(false);
        await Segments.DeleteAsync(segment, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Deletes the whole log; repeating it is harmless.</summary>
    public async ValueTask DeleteAsync(CancellationToken cancellationToken)
    {
        // The manifest is deleted first, so that a writer that still runs somewhere finds it gone and ends.
        await Documents.DeleteAsync(SegmentName.ManifestOf(Name), null, cancellationToken).ConfigureAwait(false);
        foreach (var segment in await Segments.ListAsync(Name + "/", cancellationToken)
            .ToListAsync(cancellationToken).ConfigureAwait(false))
        {
            await Segments.DeleteAsync(segment.Name, cancellationToken).ConfigureAwait(false);
        }

        foreach (var document in await Documents.ListAsync(Name + "/", cancellationToken)
            .ToListAsync(cancellationToken).ConfigureAwait(false))
        {
            await Documents.DeleteAsync(document, null, cancellationToken).ConfigureAwait(false);
        }
    }
}
