using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Producers;
using OrleansStream.Log.Resources;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Log;

// Taking a log over: claim the epoch, fence the active segment, read it to its end. Needs nothing but the store.
public sealed partial class PartitionLog
{
    private const int FirstEpoch = 1;

    /// <summary>Takes the log over: claims the next epoch, fences the active segment, and reads it to its end.</summary>
    /// <param name="name">The partition's folder, <c>{topicId}/{partition}</c>; a log that has none yet is begun.</param>
    /// <param name="owner">Who takes it over; a text of its own for each activation, as two that are alike would not fence each other.</param>
    /// <param name="options">The log's settings.</param>
    /// <param name="segments">Where its segments are.</param>
    /// <param name="documents">Where its manifest is.</param>
    /// <param name="time">The clock.</param>
    /// <param name="resources">What it shares with the other logs of the process.</param>
    /// <param name="cancellationToken">Gives up; the log is then as it was, but for a higher epoch.</param>
    /// <exception cref="LogFencedException">Another owner took it over meanwhile.</exception>
    /// <exception cref="LogCorruptException">Durable bytes are damaged.</exception>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    /// <exception cref="StoreFullException">The store has no room for the fence.</exception>
    public static async ValueTask<PartitionLog> OpenAsync(
        string name, string owner, LogOptions options, ISegmentStore segments, IDocumentStore documents, TimeProvider time,
        LogResources resources, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentException.ThrowIfNullOrEmpty(owner);
        ArgumentNullException.ThrowIfNull(options);
        ManifestFile? manifest = null;
        try
        {
            manifest = await ManifestFile
                .ClaimAsync(name, owner, BeginAsync, documents, time, cancellationToken).ConfigureAwait(false);
            var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
            var producers = await LoadProducersAsync(manifest.Current, segments, documents, nowMs, cancellationToken)
                .ConfigureAwait(false);
            var active = manifest.Current.Active;
            var scan = new SegmentScan(segments, active.Name, active.BaseOffset, producers, nowMs, opensBatches: !active.TimesChecked);
            await SettleAsync(scan, active.Name, segments, cancellationToken).ConfigureAwait(false);
            var takesAppends = await FenceAsync(
                active.Name, scan.EndOffset, manifest.Current.Epoch, segments, time, cancellationToken).ConfigureAwait(false);
            await ScanToEndAsync(scan, active.Name, manifest.Current, takesAppends, segments, time, cancellationToken)
                .ConfigureAwait(false);

            var extent = await segments.GetExtentAsync(active.Name, cancellationToken).ConfigureAwait(false);
            var log = new PartitionLog(
                name, options, segments, documents, time, resources, manifest, scan, producers, extent?.AppendCount ?? 0);
            try
            {
                if (!takesAppends)
                {
                    await log.RollAtOpeningAsync(cancellationToken).ConfigureAwait(false);
                }
            }
            catch
            {
                await log.DisposeAsync().ConfigureAwait(false); // nobody else has it: its timer would outlive it
                throw;
            }

            return log;
        }
        catch (CorruptDocumentException e)
        {
            throw new LogCorruptException(e.Message, e);
        }
        catch (LogCorruptException) when (manifest is not null)
        {
            // An owner that stood still while it opened may miss segments that a later one has deleted: no damage.
            if (await manifest.CheckAsync(cancellationToken).ConfigureAwait(false) != Ownership.Ours)
            {
                throw new LogFencedException($"Epoch {manifest.Current.Epoch} was replaced while it opened '{name}'.");
            }

            throw;
        }

        async ValueTask<PartitionManifest> BeginAsync()
        {
            await ThrowWhenLostAsync(name, segments, documents, cancellationToken).ConfigureAwait(false);
            var segment = SegmentName.Make(name, 0, FirstEpoch, Guid.NewGuid());
            await segments.CreateAsync(segment, cancellationToken).ConfigureAwait(false);
            return new PartitionManifest
            {
                Epoch = FirstEpoch, Owner = owner, Revision = 1, LogStartOffset = 0,
                Segments = [NewSegment(segment, 0, time)],
            };
        }
    }

    /// <summary>Takes a log over that is alone in its process.</summary>
    /// <inheritdoc cref="OpenAsync(string, string, LogOptions, ISegmentStore, IDocumentStore, TimeProvider, LogResources, CancellationToken)"/>
    internal static ValueTask<PartitionLog> OpenAsync(
        string name, string owner, LogOptions options, ISegmentStore segments, IDocumentStore documents, TimeProvider time,
        CancellationToken cancellationToken = default) =>
        OpenAsync(name, owner, options, segments, documents, time, new LogResources(time), cancellationToken);

    // Where there are bytes, a missing manifest was lost: a log begun anew beside them would take them for orphans and free them.
    private static async ValueTask ThrowWhenLostAsync(
        string name, ISegmentStore segments, IDocumentStore documents, CancellationToken cancellationToken)
    {
        await foreach (var segment in segments.ListAsync(name + "/", cancellationToken).ConfigureAwait(false))
        {
            // Another owner may have begun the log meanwhile; then claiming finds its manifest.
            if (segment.Length > 0
                && await HoldsBatchesAsync(segment.Name, segments, cancellationToken).ConfigureAwait(false)
                && await documents.ReadAsync(SegmentName.ManifestOf(name), cancellationToken).ConfigureAwait(false) is null)
            {
                throw new LogCorruptException(
                    $"'{name}' has no manifest, but segment '{segment.Name}' of {segment.Length} bytes: its manifest was lost.");
            }
        }
    }

    // A crash may leave bytes of nobody in a file that was only just created: they were never durable, and begin with no fence.
    private static async ValueTask<bool> HoldsBatchesAsync(
        string name, ISegmentStore segments, CancellationToken cancellationToken)
    {
        if (await segments.GetExtentAsync(name, cancellationToken).ConfigureAwait(false) is not { } extent)
        {
            return false;
        }

        var start = new byte[FenceBatch.LengthBytes];
        await segments.ReadAsync(name, 0, start, cancellationToken).ConfigureAwait(false);
        return extent.DurableLength > 0
            || RecordBatchScanner.Validate(start, out _, out _) == RecordBatchStatus.Valid;
    }

    private static ManifestSegment NewSegment(string name, long baseOffset, TimeProvider time) => new()
    {
        Name = name, BaseOffset = baseOffset, CreatedAtMs = time.GetUtcNow().ToUnixTimeMilliseconds(), TimesChecked = true,
    };

    private async ValueTask RollAtOpeningAsync(CancellationToken cancellationToken)
    {
        using (cancellationToken.UnsafeRegister(
            static log => ((PartitionLog)log!).End(LogEnd.Closed, "Opening the log was given up."), this))
        {
            if (await RollAsync().ConfigureAwait(false))
            {
                return;
            }
        }

        cancellationToken.ThrowIfCancellationRequested();
        throw _end == LogEnd.Offline ? new LogCorruptException(EndDetail) : new LogFencedException(EndDetail);
    }

    // A crash of the process may have torn the last append of a file. Where the store says so, the tail behind the last whole batch
    // is cut; damage below what was once durable is never cut.
    private static async ValueTask SettleAsync(
        SegmentScan scan, string name, ISegmentStore segments, CancellationToken cancellationToken)
    {
        if (await segments.GetExtentAsync(name, cancellationToken).ConfigureAwait(false) is not { } extent)
        {
            throw new LogCorruptException($"The manifest names segment '{name}', which does not exist.");
        }

        await scan.RunAsync(null, cancellationToken).ConfigureAwait(false);
        if (extent.Settled)
        {
            ThrowOnDamage(scan, name);
            return;
        }

        if (scan.Position < extent.DurableLength)
        {
            throw new LogCorruptException(
                new LogDamage(name, scan.Position, scan.EndOffset),
                $"{scan.Damage ?? "it ends there"}; it was durable up to position {extent.DurableLength}");
        }

        // What is cut must have been read: bytes that are no batch, and not the end of an answer that came short.
        if (scan.ReadEnd is { } end && end < extent.Length)
        {
            throw new StoreUnavailableException(
                $"Segment '{name}' has {extent.Length} bytes, and reading it gave {end}: nothing is cut by such an answer.");
        }

        await segments.SettleAsync(name, scan.Position, cancellationToken).ConfigureAwait(false);
    }

    private static async ValueTask ScanToEndAsync(
        SegmentScan scan, string name, PartitionManifest manifest, bool takesAppends, ISegmentStore segments, TimeProvider time,
        CancellationToken cancellationToken)
    {
        await ScanBehindFenceAsync(scan, name, manifest.Epoch, takesAppends, segments, time, cancellationToken).ConfigureAwait(false);
        if (scan.Epoch > manifest.Epoch)
        {
            throw new LogFencedException($"Epoch {manifest.Epoch} met the fence of epoch {scan.Epoch} in '{name}'.");
        }

        if (manifest.LogStartOffset > scan.EndOffset)
        {
            throw new LogCorruptException(
                $"Segment '{name}' ends at offset {scan.EndOffset}, below the log start offset {manifest.LogStartOffset}.");
        }
    }

    // Our fence was stored before this reads, so an answer without it is an old one: it may lack what older owners acknowledged.
    private static async ValueTask ScanBehindFenceAsync(
        SegmentScan scan, string name, int epoch, bool takesAppends, ISegmentStore segments, TimeProvider time,
        CancellationToken cancellationToken)
    {
        var startedAt = time.GetTimestamp();
        for (var pause = LogLimits.RetryPauseMin; ; pause = ManifestFile.NextPause(pause))
        {
            await scan.RunAsync(null, cancellationToken).ConfigureAwait(false);
            ThrowOnDamage(scan, name);
            if (takesAppends
                ? scan.Epoch >= epoch
                : await HasReadDurableAsync(scan, name, segments, cancellationToken).ConfigureAwait(false))
            {
                return;
            }

            if (time.GetElapsedTime(startedAt) >= LogLimits.StaleReadsMax)
            {
                throw new StoreUnavailableException(
                    $"The store goes on answering with an old state of segment '{name}': up to position {scan.Position}, without the fence of epoch {epoch}.");
            }

            await LogPause.WaitAsync(pause, time, cancellationToken).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    // A segment that takes no appends has no fence of ours. Its end is what the store says of it after that was known.
    private static async ValueTask<bool> HasReadDurableAsync(
        SegmentScan scan, string name, ISegmentStore segments, CancellationToken cancellationToken) =>
        await segments.GetExtentAsync(name, cancellationToken).ConfigureAwait(false) is { } extent
        && scan.ReadEnd >= extent.DurableLength;

    private static void ThrowOnDamage(SegmentScan scan, string name)
    {
        if (scan.Damage is not null)
        {
            throw new LogCorruptException(new LogDamage(name, scan.Position, scan.EndOffset), scan.Damage);
        }
    }

    // From the fence on no append of an older owner succeeds: it expects a length that the segment no longer has, and reading there
    // it finds a higher epoch. It is appended unconditionally, so a lost reply is answered by sending it again.
    private static async ValueTask<bool> FenceAsync(
        string name, long offset, int epoch, ISegmentStore segments, TimeProvider time, CancellationToken cancellationToken)
    {
        var fence = new byte[FenceBatch.LengthBytes];
        FenceBatch.Write(fence, offset, epoch);
        for (var pause = LogLimits.RetryPauseMin; ; pause = ManifestFile.NextPause(pause))
        {
            var outcome = await segments.AppendAnywhereAsync(name, fence, cancellationToken).ConfigureAwait(false);
            switch (outcome.Status)
            {
                case AppendStatus.Appended:
                    return true;
                case AppendStatus.Sealed or AppendStatus.SegmentFull or AppendStatus.Broken:
                    return false; // nothing can be appended to it by anybody: as good as fenced
                case AppendStatus.NotFound:
                    throw new LogCorruptException($"The manifest names segment '{name}', which does not exist.");
                case AppendStatus.StoreFull:
                    throw new StoreFullException($"The store has no room for the fence of epoch {epoch} in '{name}'.");
                default:
                    await LogPause.WaitAsync(pause, time, cancellationToken).ConfigureAwait(false);
                    cancellationToken.ThrowIfCancellationRequested();
                    break;
            }
        }
    }

    // The newest good snapshot and what was appended since; at worst everything there is, never an empty map in place of a bad one.
    private static async ValueTask<ProducerStates> LoadProducersAsync(
        PartitionManifest manifest, ISegmentStore segments, IDocumentStore documents, long nowMs,
        CancellationToken cancellationToken)
    {
        ProducerStates? producers = null;
        var first = manifest.Segments.Count - 1;
        for (; first >= 0; first--)
        {
            if (manifest.Segments[first].HasProducers)
            {
                producers = await ReadProducersAsync(manifest.Segments[first].Name, documents, cancellationToken)
                    .ConfigureAwait(false);
            }

            if (producers is not null || first == 0)
            {
                break;
            }
        }

        producers ??= new ProducerStates();
        foreach (var segment in manifest.Segments.Skip(first).Where(segment => segment.IsSealed))
        {
            var replay = new SegmentScan(segments, segment.Name, segment.BaseOffset, producers, nowMs);
            await replay.RunAsync(segment.Length, cancellationToken).ConfigureAwait(false);
            ThrowOnDamage(replay, segment.Name);
        }

        return producers;
    }

    private static async ValueTask<ProducerStates?> ReadProducersAsync(
        string segment, IDocumentStore documents, CancellationToken cancellationToken)
    {
        try
        {
            var document = await documents.ReadAsync(SegmentName.ProducersOf(segment), cancellationToken).ConfigureAwait(false);
            return document is { } found ? ProducerStates.TryParse(found.Bytes.Span) : null;
        }
        catch (CorruptDocumentException)
        {
            return null;
        }
    }

    /// <summary>Frees all bytes of a log whose topic is gone; repeating it is harmless.</summary>
    /// <param name="name">The partition's folder.</param>
    /// <param name="segments">Where its segments are.</param>
    /// <param name="documents">Where its manifest is.</param>
    /// <param name="cancellationToken">Gives up; what is left is freed by the next try.</param>
    /// <exception cref="StoreUnavailableException">The store cannot be reached; try again.</exception>
    public static async ValueTask DeleteAsync(
        string name, ISegmentStore segments, IDocumentStore documents, CancellationToken cancellationToken = default)
    {
        // The manifest goes first: a writer that is still alive somewhere finds it gone and ends.
        await documents.DeleteAsync(SegmentName.ManifestOf(name), null, cancellationToken).ConfigureAwait(false);
        foreach (var segment in await segments.ListAsync(name + "/", cancellationToken)
            .ToListAsync(cancellationToken).ConfigureAwait(false))
        {
            await segments.DeleteAsync(segment.Name, cancellationToken).ConfigureAwait(false);
        }

        foreach (var document in await documents.ListAsync(name + "/", cancellationToken)
            .ToListAsync(cancellationToken).ConfigureAwait(false))
        {
            await documents.DeleteAsync(document, null, cancellationToken).ConfigureAwait(false);
        }
    }
}
