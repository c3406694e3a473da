using OrleansStream.Errors;
using OrleansStream.Log.Caches;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Log.State;
using OrleansStream.Records;

namespace OrleansStream.Log.Reading;

/// <summary>Reads whole batches below the high watermark: the newest from memory, older ones from the store.</summary>
internal sealed class LogReader(OpenLog log, SegmentReads segments)
{
    /// <summary>Reads whole batches below the high watermark.</summary>
    /// <inheritdoc cref="PartitionLog.FetchAsync"/>
    public async ValueTask<LogFetchResult> FetchAsync(
        long offset, int bytesMax, TimeSpan wait, CancellationToken cancellationToken)
    {
        try
        {
            bytesMax = Math.Clamp(bytesMax, 1, LogLimits.FetchBytesMax);
            if (offset == LogOffsets.Latest && !await IsProvenAsync(cancellationToken).ConfigureAwait(false))
                return Failed(log.EndError(), offset);

            var result = await ReadAsync(offset, bytesMax, cancellationToken).ConfigureAwait(false);
            if (IsBeyondEnd(result))
            {
                // A newer owner may hold this offset, and readers go back when they are told that nobody does. So this owner proves its ownership
                // after the request, whatever it proved before.
                if (!await log.ProveOwnershipAsync(cancellationToken).ConfigureAwait(false))
                    return Failed(log.EndError(), offset);

                result = await ReadAsync(offset, bytesMax, cancellationToken).ConfigureAwait(false);
            }

            if (result.Error is not null || !result.Batches.IsEmpty)
                return result;

            if (wait > TimeSpan.Zero
                && await log.Waiters.WaitAsync(result.Offset, wait, cancellationToken).ConfigureAwait(false) is { } full)
            {
                return Failed(full, result.Offset);
            }

            if (wait > TimeSpan.Zero)
                result = await ReadAsync(result.Offset, bytesMax, cancellationToken).ConfigureAwait(false);

            // Only an owner that still owns the log says "nothing new".
            return result.Error is null && result.Batches.IsEmpty && !await IsProvenAsync(cancellationToken).ConfigureAwait(false)
                ? Failed(log.EndError(), result.Offset)
                : result;
        }
        catch (Exception e) when (ReadErrors.Of(e) is { } error)
        {
            return Failed(error, offset);
        }
    }

    /// <summary>Whether this owner may say that nothing is newer. A stale owner may at worst serve an older prefix.</summary>
    /// <returns>False when the log has ended.</returns>
    public async ValueTask<bool> IsProvenAsync(CancellationToken cancellationToken)
    {
        lock (log.Gate)
        {
            if (log.HasEnded)
                return false;

            if (log.Place.Time.GetElapsedTime(log.ProvenAt) < LogLimits.OwnershipProofAge)
                return true;
        }

        return await log.ProveOwnershipAsync(cancellationToken).ConfigureAwait(false);
    }

    private static bool IsBeyondEnd(in LogFetchResult result) =>
        result.Error is { Code: StreamErrorCode.OffsetOutOfRange } && result.Offset > result.HighWatermark;

    private LogFetchResult Failed(LogError error, long offset)
    {
        lock (log.Gate)
        {
            return new LogFetchResult(error, offset, default, log.EndOffset, log.LogStartOffset);
        }
    }

    private async ValueTask<LogFetchResult> ReadAsync(long offset, int bytesMax, CancellationToken cancellationToken)
    {
        LogFetchResult result;
        SegmentView view;
        lock (log.Gate)
        {
            log.UsedAt = log.Place.Time.GetTimestamp();
            offset = offset switch { LogOffsets.Latest => log.EndOffset, LogOffsets.Earliest => log.LogStartOffset, _ => offset };
            var error = log.HasEnded ? log.EndError()
                : offset < log.LogStartOffset || offset > log.EndOffset
                ? new LogError(
                    StreamErrorCode.OffsetOutOfRange,
                    $"Offset {offset} lies outside the log: it holds {log.LogStartOffset} up to its high watermark {log.EndOffset}.")
                : null;
            result = new LogFetchResult(error, offset, default, log.EndOffset, log.LogStartOffset);
            if (error is not null || offset == log.EndOffset)
                return result;

            var (cached, source) = (log.Tail.Read(offset, bytesMax), "tail");
            if (cached.IsEmpty && log.ReadAhead.Find(offset) is { } ahead)
                (cached, source) = (ahead.Read(offset, bytesMax), "ahead");

            if (!cached.IsEmpty)
            {
                CountOut(cached, source);
                return result with { Batches = cached };
            }

            view = log.FindSegment(offset);
        }

        var block = await segments.ReadAsync(view, offset, bytesMax).ConfigureAwait(false);
        var batches = block.Read(offset, bytesMax);
        lock (log.Gate)
        {
            CountOut(batches, "store");
        }

        return result with { Batches = batches };
    }

    private void CountOut(ReadOnlyMemory<byte> batches, string source)
    {
        log.FlowOut.Add(BatchRange.CountRecords(batches.Span), batches.Length);
        LogInstruments.Read(source);
        if (LogInstruments.CollectsAge && RecordBatchHeader.TryRead(batches.Span, out var first))
            LogInstruments.Aged(source, (double)log.NowMs - first.MaxTimestamp);
    }
}
