using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Reading;
using OrleansStream.Log.Writing;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Log;

// Closing the active segment and beginning the next. Runs in the write loop only, so no append is under way.
public sealed partial class PartitionLog
{
    private readonly SegmentIndexCache _indexes = new();

    /// <summary>Rolls when the segment would grow over a bound by a group, or is too old.</summary>
    /// <returns>False when the log has ended.</returns>
    private async ValueTask<bool> RollIfDueAsync(AppendGroup group) =>
        (!MustRoll(group) && !ShouldRoll(group)) || await RollAsync(isOptional: !MustRoll(group)).ConfigureAwait(false);

    // The store's bounds, and those of an index entry: an offset delta and a position of 31 bits.
    private bool MustRoll(AppendGroup group)
    {
        // Room for the fences of owners to come.
        const int AppendsSpared = 64;
        return _active.AppendCount >= Math.Max(_segments.Limits.AppendCountMax - AppendsSpared, 2)
            || (_active.Manifest.BaseOffset < _endOffset
                && (group.EndOffset - _active.Manifest.BaseOffset > int.MaxValue
                    || _active.Position + group.LengthBytes > int.MaxValue));
    }

    private bool ShouldRoll(AppendGroup group)
    {
        var options = Volatile.Read(ref _options);
        return _active.Manifest.BaseOffset < _endOffset && _sealed.Count + 1 < LogLimits.SegmentsMax
            && (_active.Position + group.LengthBytes > options.SegmentBytes || IsAged(options));
    }

    private bool IsAged(LogOptions options) =>
        NowMs - _active.Manifest.CreatedAtMs >= (long)options.SegmentAge.TotalMilliseconds;

    /// <summary>Begins a new segment at the log's end; tries until it is done or the log has ended.</summary>
    /// <param name="isOptional">True to leave it when the store has no room for another segment: the old one can go on.</param>
    /// <returns>False when the log has ended.</returns>
    private async ValueTask<bool> RollAsync(bool isOptional = false)
    {
        for (var pause = LogLimits.RetryPauseMin; _end is null; pause = ManifestFile.NextPause(pause))
        {
            var next = SegmentName.Make(_name, _endOffset, Epoch, Guid.NewGuid());
            try
            {
                await _segments.CreateAsync(next, _abandoned.Token).ConfigureAwait(false);
                if (await RollToAsync(next).ConfigureAwait(false))
                {
                    return true;
                }

                await PauseAsync(pause).ConfigureAwait(false);
            }
            catch (LogFencedException e)
            {
                End(LogEnd.Fenced, e.Message);
            }
            catch (CorruptDocumentException e)
            {
                End(LogEnd.Offline, e.Message);
            }
            catch (StoreFullException) when (isOptional)
            {
                await TryFreeAsync(next).ConfigureAwait(false); // the manifest does not name it: writing that waits for room
                return _end is null;
            }
            catch (Exception e) when (e is StoreUnavailableException or StoreFullException)
            {
                await PauseAsync(pause).ConfigureAwait(false); // a segment whose create was in doubt is an orphan by now
            }
            catch (OperationCanceledException) when (_end is not null)
            {
                return false;
            }
        }

        return false;
    }

    /// <returns>True when the new segment takes appends; false to roll once more, unless the log has ended.</returns>
    private async ValueTask<bool> RollToAsync(string next)
    {
        var last = _active;
        var hasProducers = await SaveProducersAsync(next).ConfigureAwait(false);
        var begun = NewSegment(next, _endOffset, _time) with { HasProducers = hasProducers };
        var closed = last.Manifest with
        {
            EndOffset = _endOffset, Length = last.Position, MaxTimestampMs = last.MaxTimestampMs, TimesChecked = true,
        };
        var isEmpty = closed.EndOffset == closed.BaseOffset;
        await _manifest.UpdateAsync(
            manifest => manifest with
            {
                Segments = isEmpty
                    ? manifest.Segments.SetItem(manifest.Segments.Count - 1, begun)
                    : manifest.Segments.SetItem(manifest.Segments.Count - 1, closed).Add(begun),
                Deleting = isEmpty ? manifest.Deleting.Add(new DeletedSegment(closed.Name, NowMs, last.Position)) : manifest.Deleting,
            },
            _abandoned.Token).ConfigureAwait(false);

        lock (_gate)
        {
            _active = new ActiveSegment(begun, new SegmentIndex(begun.BaseOffset), 0, 0, -1);
            if (!isEmpty)
            {
                _sealed = _sealed.Add(closed);
                _indexes.Add(closed.Name, last.Index);
            }
        }

        // The new segment's first bytes say whose it is; a newer owner may already have fenced it.
        var fence = new byte[FenceBatch.LengthBytes];
        FenceBatch.Write(fence, begun.BaseOffset, Epoch);
        var stored = await StoreFenceAsync(next, fence).ConfigureAwait(false);
        if (stored && !isEmpty)
        {
            await CloseAsync(closed, last.Index).ConfigureAwait(false);
        }

        return stored;
    }

    private async ValueTask<bool> StoreFenceAsync(string segment, byte[] fence)
    {
        for (var pause = LogLimits.RetryPauseMin; _end is null; pause = ManifestFile.NextPause(pause))
        {
            var outcome = await TryAppendAsync(segment, 0, fence).ConfigureAwait(false);
            var found = outcome.Status == AppendStatus.Appended
                ? Found.OurBytes
                : await FindAsync(0, fence).ConfigureAwait(false);
            switch (found)
            {
                case Found.OurBytes or Found.PassedFence:
                    lock (_gate)
                    {
                        _active.Position = FenceBatch.LengthBytes;
                        _active.AppendCount = 1;
                    }

                    return true;
                case Found.HigherFence:
                    End(LogEnd.Fenced, $"Another owner has fenced epoch {Epoch} in '{segment}'.");
                    return false;
                case Found.OtherBytes:
                    End(LogEnd.Offline, $"The new segment '{segment}' holds bytes of nobody known.");
                    return false;
                default:
                    break;
            }

            switch (outcome.Status)
            {
                case AppendStatus.NotFound when await OwnsLogAsync().ConfigureAwait(false):
                    End(LogEnd.Offline, $"The new segment '{segment}' has vanished from the store.");
                    return false;
                case AppendStatus.Sealed or AppendStatus.SegmentFull:
                    return false; // nothing can be written to it: the next one replaces it
                case AppendStatus.Broken:
                    EndWhenBrokenAgain();
                    return false;
                default:
                    break;
            }

            await PauseAsync(pause).ConfigureAwait(false);
        }

        return false;
    }

    // What lies beside a sealed segment is a cache, and sealing is a second lock behind the manifest: a failure of either costs nothing.
    private async ValueTask CloseAsync(ManifestSegment closed, SegmentIndex index)
    {
        try
        {
            await _documents.WriteAsync(SegmentName.IndexOf(closed.Name), index.ToBytes(), null, _abandoned.Token)
                .ConfigureAwait(false);
            await _segments.SealAsync(closed.Name, _abandoned.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is StoreUnavailableException or StoreFullException or OperationCanceledException)
        {
        }
    }

    private async ValueTask TryFreeAsync(string segment)
    {
        try
        {
            await FreeAsync(segment, _abandoned.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException)
        {
            // an orphan, which the next owner frees
        }
    }

    private async ValueTask<bool> SaveProducersAsync(string segment)
    {
        byte[] bytes;
        lock (_gate)
        {
            _producers.Expire(NowMs);
            bytes = _producers.ToBytes();
        }

        return await _documents.WriteAsync(SegmentName.ProducersOf(segment), bytes, null, _abandoned.Token)
            .ConfigureAwait(false) is not null;
    }
}
