using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Reading;
using OrleansStream.Log.State;
using OrleansStream.Storage;

namespace OrleansStream.Log.Retention;

/// <summary>Removes old segments: the manifest's log start offset moves up first, and the bytes are freed after a grace.</summary>
/// <remarks>Changes happen only in the turn of <see cref="LogMaintenance"/>.</remarks>
internal sealed class LogRetention(OpenLog log, SegmentTimes times)
{
    /// <summary>Moves the log start offset up, and removes the whole segments below it.</summary>
    /// <inheritdoc cref="PartitionLog.DeleteRecordsAsync"/>
    public async ValueTask<LogError?> DeleteRecordsAsync(long beforeOffset, CancellationToken cancellationToken)
    {
        try
        {
            // A newer owner may hold records up to there, or have another end.
            if (IsBeyondKnown(beforeOffset) && await ProveAsync(cancellationToken).ConfigureAwait(false) is { } unproven)
                return unproven;

            lock (log.Gate)
            {
                beforeOffset = beforeOffset == LogOffsets.Latest ? log.EndOffset : beforeOffset;
                if (log.HasEnded)
                    return log.EndError();

                if (beforeOffset < 0 || beforeOffset > log.EndOffset)
                {
                    return new LogError(
                        StreamErrorCode.OffsetOutOfRange,
                        $"Offset {beforeOffset} is above the high watermark {log.EndOffset}; only records below it can be deleted.");
                }
            }

            await RaiseLogStartAsync(beforeOffset, cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (LogFencedException e)
        {
            log.EndWith(LogEnd.Fenced, e.Message);
            return log.EndError();
        }
        catch (CorruptDocumentException e)
        {
            log.EndWith(LogEnd.Offline, e.Message);
            return log.EndError();
        }
        catch (OperationCanceledException) when (log.Abandoned.IsCancellationRequested)
        {
            return log.EndError() with { OutcomeUnknown = true };
        }
    }

    private bool IsBeyondKnown(long offset)
    {
        lock (log.Gate)
        {
            return offset == LogOffsets.Latest || offset > log.EndOffset;
        }
    }

    /// <returns>Null when this owner still owns the log.</returns>
    private async ValueTask<LogError?> ProveAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await log.ProveOwnershipAsync(cancellationToken).ConfigureAwait(false) ? null : log.EndError();
        }
        catch (StoreUnavailableException e)
        {
            return ReadErrors.Of(e);
        }
    }

    /// <summary>Applies the settings of retention by age and by size.</summary>
    public async ValueTask RetainAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            long logStart;
            ManifestSegment? undated;
            lock (log.Gate)
            {
                if (log.HasEnded)
                    return;

                logStart = FindRetained(out undated);
            }

            if (undated is null)
            {
                await RaiseLogStartAsync(logStart, cancellationToken).ConfigureAwait(false);
                return;
            }

            await times.CheckInTurnAsync(undated, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Whether retention would do anything now. Under the gate.</summary>
    public bool IsDue() =>
        log.Sealed.Count > 0 && (log.Sealed[0].EndOffset <= FindRetained(out var undated) || undated is not null);

    /// <summary>Whether the active segment is to be closed, because it or its newest record is old enough. Under the gate.</summary>
    /// <remarks>As in Kafka, an active segment that retention by age would delete is closed first.</remarks>
    public bool IsRollWanted()
    {
        var options = log.Options;
        return log.HasActiveRecords && !log.IsClosing && log.Sealed.Count + 1 < LogLimits.SegmentsMax
            && (log.IsActiveAged(options) || IsExpired(log.Active.MaxTimestampMs, log.NowMs, options));
    }

    // As in Kafka, records without a time are as old as their segment. Its age counts from its closing.
    private bool IsExpired(long maxTimestampMs, long closedAtMs, LogOptions options) =>
        options.RetentionAge is { } age
        && log.NowMs - (maxTimestampMs >= 0 ? maxTimestampMs : closedAtMs) > (long)age.TotalMilliseconds;

    /// <summary>The log start offset after retention. Under the gate.</summary>
    /// <param name="undated">The segment whose times decide and are not known yet; null when all times that decide are known.</param>
    private long FindRetained(out ManifestSegment? undated)
    {
        undated = null;
        var options = log.Options;
        var surplus = options.RetentionBytes is { } bytes
            ? log.Active.Position + log.Sealed.Sum(segment => segment.Length) - bytes
            : 0;
        var logStart = log.LogStartOffset;
        for (var i = 0; i < log.Sealed.Count; i++)
        {
            var segment = log.Sealed[i];
            var closedAtMs = log.ClosedAtMs(i);
            surplus -= segment.Length;
            var isExpired = IsExpired(segment.DatedMs(closedAtMs), closedAtMs, options);
            if ((!isExpired || !segment.TimesChecked) && (options.RetentionBytes is null || surplus < 0))
            {
                undated = isExpired ? segment : null;
                break;
            }

            logStart = Math.Max(logStart, segment.EndOffset);
        }

        return logStart;
    }

    private async ValueTask RaiseLogStartAsync(long logStart, CancellationToken cancellationToken)
    {
        var gone = ImmutableList<ManifestSegment>.Empty;
        await log.UpdateManifestAsync(
            manifest =>
            {
                gone = manifest.Segments.FindAll(segment => segment.IsSealed && segment.EndOffset <= logStart);
                return logStart <= manifest.LogStartOffset && gone.IsEmpty ? null : manifest with
                {
                    LogStartOffset = Math.Max(logStart, manifest.LogStartOffset),
                    Segments = manifest.Segments.RemoveRange(gone),
                    Deleting = manifest.Deleting.AddRange(gone.Select(segment => new DeletedSegment(segment.Name, log.NowMs, segment.Length))),
                };
            },
            cancellationToken).ConfigureAwait(false);

        lock (log.Gate)
        {
            log.LogStartOffset = Math.Max(log.LogStartOffset, logStart);
            log.Sealed = log.Sealed.RemoveAll(segment => segment.EndOffset <= logStart);
        }
    }
}
