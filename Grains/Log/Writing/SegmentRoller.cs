using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Resources;
using OrleansStream.Log.State;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Log.Writing;

/// <summary>Closes the active segment and begins the next.</summary>
/// <remarks>
/// Only the write loop rolls, or the opening before the loop exists, so no append is under way meanwhile. <c>Log/FORMAT.md</c>, section 6, has the
/// order of the steps. After a crash between any two of them the log can be opened.
/// </remarks>
internal sealed class SegmentRoller(OpenLog log)
{
    /// <summary>Finds out the outcome of appends to a segment.</summary>
    public AppendResolver Resolver { get; } = new(log);

    /// <summary>Rolls when a group would make the segment grow over a bound, or when the segment is too old.</summary>
    /// <returns>False when the log has ended.</returns>
    public async ValueTask<bool> RollIfDueAsync(AppendGroup group) =>
        (!MustRoll(group) && !ShouldRoll(group)) || await RollAsync(isOptional: !MustRoll(group)).ConfigureAwait(false);

    /// <summary>Begins a new segment at the log's end. Repeats it until it is done or the log has ended.</summary>
    /// <param name="isOptional">True to go on in the old segment when the store has no room for another one.</param>
    /// <returns>False when the log has ended.</returns>
    public async ValueTask<bool> RollAsync(bool isOptional = false)
    {
        for (var pause = LogLimits.RetryPauseMin; !log.HasEnded; pause = LogPause.Next(pause))
        {
            var next = SegmentName.Make(log.Place.Name, log.EndOffset, log.Epoch, log.Resources.Random.NewId());
            try
            {
                await log.Place.Segments.CreateAsync(next, log.Abandoned).ConfigureAwait(false);
                if (await RollToAsync(next).ConfigureAwait(false))
                    return true;

                await log.PauseAsync(pause).ConfigureAwait(false);
            }
            catch (LogFencedException e)
            {
                log.EndWith(LogEnd.Fenced, e.Message);
            }
            catch (CorruptDocumentException e)
            {
                log.EndWith(LogEnd.Offline, e.Message);
            }
            catch (StoreFullException) when (isOptional)
            {
                await TryFreeAsync(next).ConfigureAwait(false); // the manifest does not name it, as an update of it would wait for room
                return !log.HasEnded;
            }
            catch (Exception e) when (e is StoreUnavailableException or StoreFullException)
            {
                await log.PauseAsync(pause).ConfigureAwait(false); // the next try creates another segment, and this one is an orphan
            }
            catch (OperationCanceledException) when (log.HasEnded)
            {
                return false;
            }
        }

        return false;
    }

    // The bounds of the store and of an index entry, which has 31 bits each for the offset delta and the position.
    private bool MustRoll(AppendGroup group) =>
        log.Active.AppendCount >= Math.Max(log.Place.Segments.Limits.AppendCountMax - LogLimits.AppendsSpared, LogLimits.SegmentAppendsMin)
        || (log.HasActiveRecords
            && (group.EndOffset - log.Active.BaseOffset > int.MaxValue
                || log.Active.Position + group.LengthBytes > int.MaxValue));

    private bool ShouldRoll(AppendGroup group)
    {
        var options = log.Options;
        return log.HasActiveRecords && log.Sealed.Count + 1 < LogLimits.SegmentsMax
            && (log.Active.Position + group.LengthBytes > options.SegmentBytes || log.IsActiveAged(options));
    }

    /// <returns>True when the new segment takes appends; false when another roll is needed or the log has ended.</returns>
    private async ValueTask<bool> RollToAsync(string next)
    {
        var last = log.Active;
        var hasProducers = await SaveProducersAsync(next).ConfigureAwait(false);
        var begun = log.Place.BeginSegment(next, log.EndOffset) with { HasProducers = hasProducers };
        var closed = last.Manifest with
        {
            EndOffset = log.EndOffset, Length = last.Position, MaxTimestampMs = last.MaxTimestampMs, TimesChecked = true,
        };
        var isEmpty = closed.EndOffset == closed.BaseOffset;
        await log.Manifest.UpdateAsync(
            manifest => manifest with
            {
                Segments = isEmpty
                    ? manifest.Segments.SetItem(manifest.Segments.Count - 1, begun)
                    : manifest.Segments.SetItem(manifest.Segments.Count - 1, closed).Add(begun),
                Deleting = isEmpty
                    ? manifest.Deleting.Add(new DeletedSegment(closed.Name, log.NowMs, last.Position))
                    : manifest.Deleting,
            },
            log.Abandoned).ConfigureAwait(false);

        lock (log.Gate)
        {
            log.Active = new ActiveSegment(begun, new SegmentIndex(begun.BaseOffset), 0, 0, -1);
            if (!isEmpty)
            {
                log.Sealed = log.Sealed.Add(closed);
                log.Indexes.Add(closed.Name, last.Index);
            }
        }

        // The first bytes of the new segment are this owner's fence. A newer owner may have fenced it already.
        var fence = new byte[FenceBatch.LengthBytes];
        FenceBatch.Write(fence, begun.BaseOffset, log.Epoch);
        var stored = await AppendFenceAsync(next, fence).ConfigureAwait(false);
        if (stored && !isEmpty)
            await CloseAsync(closed, last.Index).ConfigureAwait(false);

        return stored;
    }

    private async ValueTask<bool> AppendFenceAsync(string segment, byte[] fence)
    {
        for (var pause = LogLimits.RetryPauseMin; !log.HasEnded; pause = LogPause.Next(pause))
        {
            AppendOutcome outcome;
            try
            {
                outcome = await log.Place.Segments.AppendAsync(segment, 0, fence).ConfigureAwait(false);
            }
            catch (StoreUnavailableException)
            {
                outcome = AppendResolver.NoAnswer;
            }

            var found = outcome.Status == AppendStatus.Appended
                ? FoundBytes.Ours
                : await Resolver.FindAsync(0, fence).ConfigureAwait(false);
            switch (found)
            {
                case FoundBytes.Ours or FoundBytes.PassedFence:
                    lock (log.Gate)
                    {
                        log.Active.Position = FenceBatch.LengthBytes;
                        log.Active.AppendCount = 1;
                    }

                    return true;
                case FoundBytes.HigherFence:
                    log.EndWith(LogEnd.Fenced, $"Another owner has fenced epoch {log.Epoch} in '{segment}'.");
                    return false;
                case FoundBytes.Others:
                    log.EndWith(LogEnd.Offline, $"The new segment '{segment}' holds bytes that no known owner wrote.");
                    return false;
                default:
                    break;
            }

            switch (outcome.Status)
            {
                case AppendStatus.NotFound when await Resolver.OwnsLogAsync().ConfigureAwait(false):
                    log.EndWith(LogEnd.Offline, $"The new segment '{segment}' has vanished from the store.");
                    return false;
                case AppendStatus.Sealed or AppendStatus.SegmentFull:
                    return false; // it takes no appends, so the caller replaces it
                case AppendStatus.Broken:
                    Resolver.EndWhenBrokenAgain();
                    return false;
                default:
                    break;
            }

            await log.PauseAsync(pause).ConfigureAwait(false);
        }

        return false;
    }

    // The index is a cache, and sealing is a second lock behind the manifest. So a failure of either does no harm.
    private async ValueTask CloseAsync(ManifestSegment closed, SegmentIndex index)
    {
        try
        {
            await log.Place.Documents.WriteAsync(SegmentName.IndexOf(closed.Name), index.ToBytes(), null, log.Abandoned)
                .ConfigureAwait(false);
            await log.Place.Segments.SealAsync(closed.Name, log.Abandoned).ConfigureAwait(false);
        }
        catch (Exception e) when (e is StoreUnavailableException or StoreFullException or OperationCanceledException)
        {
        }
    }

    private async ValueTask TryFreeAsync(string segment)
    {
        try
        {
            await log.Place.FreeAsync(segment, log.Abandoned).ConfigureAwait(false);
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException)
        {
            // the segment stays an orphan until the next owner frees it
        }
    }

    private async ValueTask<bool> SaveProducersAsync(string segment)
    {
        byte[] bytes;
        lock (log.Gate)
        {
            log.Producers.Expire(log.NowMs);
            bytes = log.Producers.ToBytes();
        }

        return await log.Place.Documents.WriteAsync(SegmentName.ProducersOf(segment), bytes, null, log.Abandoned)
            .ConfigureAwait(false) is not null;
    }
}
