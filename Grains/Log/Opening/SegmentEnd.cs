using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Resources;
using OrleansStream.Storage;

namespace OrleansStream.Log.Opening;

/// <summary>Finds the end of the active segment of a log that is being taken over.</summary>
/// <param name="place">Where the log is.</param>
/// <param name="segment">The segment.</param>
/// <param name="scan">Reads it, and goes on where it stopped.</param>
/// <param name="cancellationToken">Gives up.</param>
internal sealed class SegmentEnd(LogPlace place, string segment, SegmentScan scan, CancellationToken cancellationToken)
{
    /// <summary>Reads the segment to its end, and cuts off what a crash of the process left there.</summary>
    /// <remarks>
    /// A crash may have torn the last append of a file. Where the store says so, the tail behind the last whole batch is cut; damage below
    /// what was once durable is never cut.
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
                $"{scan.Damage ?? "it ends there"}; it was durable up to position {extent.DurableLength}");
        }

        // What is cut must have been read: bytes that are no batch, and not the end of an answer that came short.
        if (scan.ReadEnd is { } end && end < extent.Length)
        {
            throw new StoreUnavailableException(
                $"Segment '{segment}' has {extent.Length} bytes, and reading it gave {end}: nothing is cut by such an answer.");
        }

        await place.Segments.SettleAsync(segment, scan.Position, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads what was appended until our fence, and the fence.</summary>
    /// <param name="manifest">The manifest that was claimed.</param>
    /// <param name="takesAppends">False when the segment takes no appends, so that our fence is not in it.</param>
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

    // Our fence was stored before this reads, so an answer without it is an old one: it may lack what older owners acknowledged.
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
                    $"The store goes on answering with an old state of segment '{segment}': up to position {scan.Position}, without the fence of epoch {epoch}.");
            }

            await LogPause.WaitAsync(pause, place.Time, cancellationToken).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    // A segment that takes no appends has no fence of ours. It has been read to its end once that is where the store says it is durable.
    private async ValueTask<bool> HasReadDurableAsync() =>
        await place.Segments.GetExtentAsync(segment, cancellationToken).ConfigureAwait(false) is { } extent
        && scan.ReadEnd >= extent.DurableLength;
}
