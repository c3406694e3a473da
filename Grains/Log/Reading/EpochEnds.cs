using OrleansStream.Log.Contract;
using OrleansStream.Log.State;
using OrleansStream.Records;

namespace OrleansStream.Log.Reading;

/// <summary>
/// Finds where the batches of an owner's epoch end (KIP-101), by the epochs that each owner stamped on its batches behind its fence.
/// </summary>
/// <remarks>The epochs of a log's batches never go down, so the end is searched for from the newest batch back, in steps that double.</remarks>
internal sealed class EpochEnds(OpenLog log, LogReader reader)
{
    /// <summary>Finds the end of an epoch.</summary>
    /// <inheritdoc cref="PartitionLog.FindEpochEndAsync"/>
    public async ValueTask<LogEpochEnd> FindAsync(int epoch, CancellationToken cancellationToken)
    {
        try
        {
            // Whoever asks may have read from a newer owner, and a consumer starts all over when it is told that there is no such epoch.
            if (epoch > log.Epoch)
                return await log.ProveOwnershipAsync(cancellationToken).ConfigureAwait(false) ? LogEpochEnd.None : LogEpochEnd.Failed(log.EndError());

            return await FindKnownAsync(epoch, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (ReadErrors.Of(e) is { } error)
        {
            return LogEpochEnd.Failed(error);
        }
    }

    private async ValueTask<LogEpochEnd> FindKnownAsync(int epoch, CancellationToken cancellationToken)
    {
        var newest = await reader.FetchAsync(LogOffsets.Latest, bytesMax: 1, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
        if (newest.Error is { } error)
            return LogEpochEnd.Failed(error);
        if (epoch == log.Epoch)
            return new LogEpochEnd(null, epoch, newest.HighWatermark);

        // All batches from here on are of later epochs.
        var later = newest.HighWatermark;
        var step = 1L;
        while (later > newest.LogStartOffset)
        {
            var probe = await ReadAsync(Math.Max(newest.LogStartOffset, later - step), cancellationToken).ConfigureAwait(false);
            if (probe.Error is not null)
                return LogEpochEnd.Failed(probe.Error);
            if (probe.Epoch <= epoch)
                return await FindBetweenAsync(epoch, probe, later, cancellationToken).ConfigureAwait(false);
            later = Math.Max(newest.LogStartOffset, probe.BaseOffset);
            step *= 2;
        }

        // Nothing of the epoch is in the log any more.
        return new LogEpochEnd(null, epoch, newest.LogStartOffset);
    }

    /// <param name="epoch">The epoch whose end is looked for.</param>
    /// <param name="known">A batch of the epoch or an earlier one.</param>
    /// <param name="later">The offset of a batch of a later epoch, or the end of the log.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    private async ValueTask<LogEpochEnd> FindBetweenAsync(int epoch, Probe known, long later, CancellationToken cancellationToken)
    {
        while (known.NextOffset < later)
        {
            var probe = await ReadAsync(known.NextOffset + ((later - known.NextOffset) / 2), cancellationToken).ConfigureAwait(false);
            if (probe.Error is not null)
                return LogEpochEnd.Failed(probe.Error);
            if (probe.Epoch <= epoch)
                known = probe;
            else
                later = probe.BaseOffset;
        }

        return new LogEpochEnd(null, known.Epoch, known.NextOffset);
    }

    private async ValueTask<Probe> ReadAsync(long offset, CancellationToken cancellationToken)
    {
        var read = await reader.FetchAsync(offset, bytesMax: 1, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
        if (read.Error is { } error)
            return new Probe(error, 0, 0, 0);
        var batches = read.Batches;
        // The first bytes may be a fence, which has no records.
        while (RecordBatchHeader.TryRead(batches.Span, out var header))
        {
            if (!FenceBatch.IsFence(header, out _) && header.LastOffset >= offset)
                return new Probe(null, header.PartitionLeaderEpoch, header.BaseOffset, header.NextOffset);
            batches = batches[header.LengthBytes..];
        }

        throw new InvalidOperationException($"A read of offset {offset}, which is in the log, gave no batch with it.");
    }

    private readonly record struct Probe(LogError? Error, int Epoch, long BaseOffset, long NextOffset);
}
