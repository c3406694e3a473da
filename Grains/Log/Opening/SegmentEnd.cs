using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Resources;
using OrleansStream.Storage;

namespace OrleansStream.Log.Opening;

/// <summary>Finds the end of the active segment of a log that is being taken over.</summary>
/// <param name="place">The log's folder, and the stores that hold it.</param>
/// <param name="segment">The active segment's name, by the manifest.</param>
/// <param name="scan">Reads the segment, and can go on where it stopped.</param>
/// <param name="cancellationToken">Cancels the call.</param>
internal sealed class SegmentEnd(LogPlace place, string segment, SegmentScan scan, CancellationToken cancellationToken)
{
    /// <summary>Reads the segment to its end, and cuts off what a crash of the process has left there.</summary>
    /// <remarks>
    /// A crash may tear the last append to a file. When the store says that the end is unsettled, the bytes behind the last whole batch are cut.
    /// Damage in bytes that were durable is never cut.
    /// </remarks>
    public async ValueTask SettleAsync()
    {
        if (await place.Segments.GetExtentAsync(segment, cancellationToken).ConfigureAwait(false) is not { } extent)
            throw new LogCorruptException($"The manifest names segment '{segment}', which does not exist.");

        await scan.RunAsync(null, cancellationToken).ConfigureAwait(false);
        if (extent.Settled)
        {
            scan.ThrowOnDamage();
            return;
        }

        if (scan.Position < extent.DurableLength)
        {
            throw new LogCorruptException(
                new LogDamage(segment, scan.Position, scan.EndOffset),
                $"{scan.Damage ?? "the segment ends there"}; it was durable up to position {extent.DurableLength}");
        }

        // Only bytes that were read and are no batch may be cut. An answer that ended too early must not cut anything.
        if (scan.ReadEnd is { } end && end < extent.Length)
        {
            throw new StoreUnavailableException(
                $"Segment '{segment}' has {extent.Length} bytes, but a read returned only {end}. Nothing is cut.");
        }

        await place.Segments.SettleAsync(segment, scan.Position, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads what was appended before our fence, and the fence itself.</summary>
    /// <param name="manifest">The manifest that was claimed.</param>
    /// <param name="takesAppends">False when the segment takes no appends, and so does not hold our fence.</param>
    public async ValueTask ReadBehindFenceAsync(PartitionManifest manifest, bool takesAppends)
    {
        await ReadToFenceAsync(manifest.Epoch, takesAppends).ConfigureAwait(false);
        if (scan.Epoch > manifest.Epoch)
            throw new LogFencedException($"Epoch {manifest.Epoch} met the fence of epoch {scan.Epoch} in '{segment}'.");

        if (manifest.LogStartOffset > scan.EndOffset)
        {
            throw new LogCorruptException(
                $"Segment '{segment}' ends at offset {scan.EndOffset}, below the log start offset {manifest.LogStartOffset}.");
        }
    }

    // Our fence was stored before this read. An answer without it is old, and may lack records that older owners acknowledged.
    private async ValueTask ReadToFenceAsync(int epoch, bool takesAppends)
    {
        var startedAt = place.Time.GetTimestamp();
        for (var pause = LogLimits.RetryPauseMin; ; pause = LogPause.Next(pause))
        {
            await scan.RunAsync(null, cancellationToken).ConfigureAwait(false);
            scan.ThrowOnDamage();
            if (takesAppends ? scan.Epoch >= epoch : await HasReadDurableAsync().ConfigureAwait(false))
                return;

            if (place.Time.GetElapsedTime(startedAt) >= LogLimits.StaleReadsMax)
            {
                throw new StoreUnavailableException(
                    $"The store keeps returning an old state of segment '{segment}': up to position {scan.Position}, without the fence of epoch {epoch}.");
            }

            await LogPause.WaitAsync(pause, place.Time, cancellationToken).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    // A segment that takes no appends does not hold our fence. It is read to the end once the read reaches its durable length.
    private async ValueTask<bool> HasReadDurableAsync() =>
        await place.Segments.GetExtentAsync(segment, cancellationToken).ConfigureAwait(false) is { } extent
        && scan.ReadEnd >= extent.DurableLength;
}
