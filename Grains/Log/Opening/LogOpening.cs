using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Resources;
using OrleansStream.Log.State;
using OrleansStream.Log.Writing;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Log.Opening;

/// <summary>Takes a log over: claims the next epoch, fences the active segment, and reads it to its end. Needs only the store.</summary>
/// <remarks>The order of the steps is in <c>Log/FORMAT.md</c>, section 4.</remarks>
internal sealed class LogOpening
{
    private readonly LogPlace _place;
    private readonly string _owner;
    private readonly CancellationToken _cancellationToken;

    private LogOpening(LogPlace place, string owner, CancellationToken cancellationToken) =>
        (_place, _owner, _cancellationToken) = (place, owner, cancellationToken);

    /// <summary>Takes a log over.</summary>
    /// <inheritdoc
    /// cref="PartitionLog.OpenAsync(string, string, LogOptions, ISegmentStore, IDocumentStore, TimeProvider, LogResources, CancellationToken)"/>
    public static async ValueTask<OpenedLog> OpenAsync(
        LogPlace place, string owner, LogOptions options, LogResources resources, CancellationToken cancellationToken)
    {
        var opening = new LogOpening(place, owner, cancellationToken);
        ManifestFile? manifest = null;
        try
        {
            manifest = await ManifestFile.ClaimAsync(
                place, owner, () => opening.BeginAsync(resources.Random.NewId()), cancellationToken).ConfigureAwait(false);
            return await opening.OpenAsync(manifest, options, resources).ConfigureAwait(false);
        }
        catch (CorruptDocumentException e)
        {
            throw new LogCorruptException(e.Message, e);
        }
        catch (LogCorruptException) when (manifest is not null)
        {
            // An owner that stood still while it opened may miss segments that a later owner has deleted. This is not damage.
            if (await manifest.CheckAsync(cancellationToken).ConfigureAwait(false) != Ownership.Ours)
                throw new LogFencedException($"Epoch {manifest.Current.Epoch} was replaced while it opened '{place.Name}'.");

            throw;
        }
    }

    private async ValueTask<OpenedLog> OpenAsync(ManifestFile manifest, LogOptions options, LogResources resources)
    {
        var nowMs = _place.NowMs;
        var producers = await ProducerSnapshots.LoadAsync(_place, manifest.Current, nowMs, _cancellationToken).ConfigureAwait(false);
        var active = manifest.Current.Active;
        var scan = new SegmentScan(
            _place.Segments, active.Name, active.BaseOffset, producers, nowMs, opensBatches: !active.TimesChecked);
        var end = new SegmentEnd(_place, active.Name, scan, _cancellationToken);
        await end.SettleAsync().ConfigureAwait(false);
        var takesAppends = await FenceAsync(active.Name, scan.EndOffset, manifest.Current.Epoch).ConfigureAwait(false);
        await end.ReadBehindFenceAsync(manifest.Current, takesAppends).ConfigureAwait(false);

        var extent = await _place.Segments.GetExtentAsync(active.Name, _cancellationToken).ConfigureAwait(false);
        var log = new OpenLog(_place, options, resources, manifest, scan, producers, extent?.AppendCount ?? 0);
        var roller = new SegmentRoller(log);
        try
        {
            if (!takesAppends)
                await RollAsync(log, roller).ConfigureAwait(false);
        }
        catch
        {
            await CloseAsync(log).ConfigureAwait(false); // nobody else would dispose its timer
            throw;
        }

        return new OpenedLog(log, roller);
    }

    private async ValueTask<PartitionManifest> BeginAsync(Guid segmentId)
    {
        await ThrowWhenLostAsync().ConfigureAwait(false);
        var segment = SegmentName.Make(_place.Name, 0, PartitionManifest.FirstEpoch, segmentId);
        await _place.Segments.CreateAsync(segment, _cancellationToken).ConfigureAwait(false);
        return new PartitionManifest
        {
            Epoch = PartitionManifest.FirstEpoch, Owner = _owner, Revision = 1, LogStartOffset = 0,
            Segments = [_place.BeginSegment(segment, 0)],
        };
    }

    // A missing manifest beside stored bytes was lost. A log begun anew would take those bytes for orphans and free them.
    private async ValueTask ThrowWhenLostAsync()
    {
        await foreach (var segment in _place.Segments.ListAsync(_place.Name + "/", _cancellationToken).ConfigureAwait(false))
        {
            // Another owner may have begun the log meanwhile; the claim then finds its manifest.
            if (segment.Length > 0
                && await HoldsBatchesAsync(segment.Name).ConfigureAwait(false)
                && await _place.Documents.ReadAsync(SegmentName.ManifestOf(_place.Name), _cancellationToken)
                    .ConfigureAwait(false) is null)
            {
                throw new LogCorruptException(
                    $"'{_place.Name}' has segment '{segment.Name}' of {segment.Length} bytes, but no manifest: its manifest was lost.");
            }
        }
    }

    // A crash may leave a file that was just created with bytes and no fence. Such bytes were never durable.
    private async ValueTask<bool> HoldsBatchesAsync(string segment)
    {
        if (await _place.Segments.GetExtentAsync(segment, _cancellationToken).ConfigureAwait(false) is not { } extent)
            return false;

        var start = new byte[FenceBatch.LengthBytes];
        await _place.Segments.ReadAsync(segment, 0, start, _cancellationToken).ConfigureAwait(false);
        return extent.DurableLength > 0
            || RecordBatchScanner.Validate(start, out _, out _) == RecordBatchStatus.Valid;
    }

    // After the fence no append of an older owner succeeds: it expects a length that the segment no longer has, and when it reads there it finds a
    // higher epoch. A fence may be stored twice without harm, so a lost reply is answered by sending it again.
    private async ValueTask<bool> FenceAsync(string segment, long offset, int epoch)
    {
        var fence = new byte[FenceBatch.LengthBytes];
        FenceBatch.Write(fence, offset, epoch);
        for (var pause = LogLimits.RetryPauseMin; ; pause = LogPause.Next(pause))
        {
            var outcome = await _place.Segments.AppendAnywhereAsync(segment, fence, _cancellationToken).ConfigureAwait(false);
            switch (outcome.Status)
            {
                case AppendStatus.Appended:
                    return true;
                case AppendStatus.Sealed or AppendStatus.SegmentFull or AppendStatus.Broken:
                    return false; // nobody can append to it, which is as good as a fence
                case AppendStatus.NotFound:
                    throw new LogCorruptException($"The manifest names segment '{segment}', which does not exist.");
                case AppendStatus.StoreFull:
                    throw new StoreFullException($"The store has no room for the fence of epoch {epoch} in '{segment}'.");
                default:
                    await LogPause.WaitAsync(pause, _place.Time, _cancellationToken).ConfigureAwait(false);
                    _cancellationToken.ThrowIfCancellationRequested();
                    break;
            }
        }
    }

    private async ValueTask RollAsync(OpenLog log, SegmentRoller roller)
    {
        using (_cancellationToken.UnsafeRegister(
            static log => ((OpenLog)log!).EndWith(LogEnd.Closed, "The opening of the log was cancelled."), log))
        {
            if (await roller.RollAsync().ConfigureAwait(false))
                return;
        }

        _cancellationToken.ThrowIfCancellationRequested();
        throw log.End == LogEnd.Offline ? new LogCorruptException(log.EndDetail) : new LogFencedException(log.EndDetail);
    }

    private static async ValueTask CloseAsync(OpenLog log)
    {
        log.EndWith(LogEnd.Closed, "The opening of the log failed.");
        await log.DisposeAsync().ConfigureAwait(false);
    }
}

/// <summary>A log that has been taken over.</summary>
/// <param name="Log">Its state.</param>
/// <param name="Roller">Closes its segments; it may have closed one during the opening.</param>
internal readonly record struct OpenedLog(OpenLog Log, SegmentRoller Roller);
