using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Storage;

namespace OrleansStream.Log;

// Letting old segments go. The manifest changes first, bytes are freed after a grace.
public sealed partial class PartitionLog
{
    private readonly long _openedAt;
    private bool _orphansFreed;

    /// <summary>Moves the log start offset up and lets whole segments below it go.</summary>
    /// <param name="beforeOffset">The new log start offset; -1 for the high watermark.</param>
    /// <param name="cancellationToken">Gives up; the outcome is then unknown, and repeating it is harmless.</param>
    /// <returns>Null when done, also when the log started higher already; OFFSET_OUT_OF_RANGE beyond the high watermark.</returns>
    public async ValueTask<LogError?> DeleteRecordsAsync(long beforeOffset, CancellationToken cancellationToken = default)
    {
        await _upkeep.EnterAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            lock (_gate)
            {
                beforeOffset = beforeOffset == LatestOffset ? _endOffset : beforeOffset;
                if (_end is not null)
                {
                    return EndError();
                }

                if (beforeOffset < 0 || beforeOffset > _endOffset)
                {
                    return new LogError(
                        StreamErrorCode.OffsetOutOfRange,
                        $"Offset {beforeOffset} is above the high watermark {_endOffset}; only records below it can be deleted.");
                }
            }

            await RaiseLogStartAsync(beforeOffset, cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (LogFencedException e)
        {
            End(LogEnd.Fenced, e.Message);
            return EndError();
        }
        catch (CorruptDocumentException e)
        {
            End(LogEnd.Offline, e.Message);
            return EndError();
        }
        catch (OperationCanceledException) when (_abandoned.IsCancellationRequested)
        {
            return EndError() with { OutcomeUnknown = true };
        }
        finally
        {
            _upkeep.Leave();
        }
    }

    // Records without a time are as old as their segment, as in Kafka: dated from when it was closed.
    private bool IsExpired(long maxTimestampMs, long closedAtMs, LogOptions options) =>
        options.RetentionAge is { } age
        && NowMs - (maxTimestampMs >= 0 ? maxTimestampMs : closedAtMs) > (long)age.TotalMilliseconds;

    private async ValueTask RetainAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            long logStart;
            ManifestSegment? undated;
            lock (_gate)
            {
                if (_end is not null)
                {
                    return;
                }

                logStart = FindRetained(out undated);
            }

            if (undated is null)
            {
                await RaiseLogStartAsync(logStart, cancellationToken).ConfigureAwait(false);
                return;
            }

            await CheckTimesInTurnAsync(undated, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Where the log starts once retention was applied. Under the gate.</summary>
    /// <param name="undated">The segment whose records' times decide, and are not known yet; null when all that matter are.</param>
    private long FindRetained(out ManifestSegment? undated)
    {
        undated = null;
        var options = Volatile.Read(ref _options);
        var surplus = options.RetentionBytes is { } bytes
            ? _active.Position + _sealed.Sum(segment => segment.Length) - bytes
            : 0;
        var logStart = _logStartOffset;
        for (var i = 0; i < _sealed.Count; i++)
        {
            var segment = _sealed[i];
            var closedAtMs = ClosedAtMs(i);
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

    private bool IsRetentionDue() =>
        _sealed.Count > 0 && (_sealed[0].EndOffset <= FindRetained(out var undated) || undated is not null);

    private async ValueTask RaiseLogStartAsync(long logStart, CancellationToken cancellationToken)
    {
        var gone = ImmutableList<ManifestSegment>.Empty;
        await UpdateManifestAsync(
            manifest =>
            {
                gone = manifest.Segments.FindAll(segment => segment.IsSealed && segment.EndOffset <= logStart);
                return logStart <= manifest.LogStartOffset && gone.IsEmpty ? null : manifest with
                {
                    LogStartOffset = Math.Max(logStart, manifest.LogStartOffset),
                    Segments = manifest.Segments.RemoveRange(gone),
                    Deleting = manifest.Deleting.AddRange(gone.Select(segment => new DeletedSegment(segment.Name, NowMs, segment.Length))),
                };
            },
            cancellationToken).ConfigureAwait(false);

        lock (_gate)
        {
            _logStartOffset = Math.Max(_logStartOffset, logStart);
            _sealed = _sealed.RemoveAll(segment => segment.EndOffset <= logStart);
        }
    }

    // Once begun an update is seen through, unless the log ends: one that was given up midway may take effect all the same, and then
    // the next would meet it as if it were a stranger's.
    private ValueTask UpdateManifestAsync(
        Func<PartitionManifest, PartitionManifest?> change, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return _manifest.UpdateAsync(change, _abandoned.Token);
    }

    private ImmutableList<DeletedSegment> FindFreeable()
    {
        var before = NowMs - (long)LogLimits.DeletionGrace.TotalMilliseconds;
        return _manifest.Current.Deleting.FindAll(segment => segment.SinceMs <= before);
    }

    private async ValueTask FreeDeletedAsync(CancellationToken cancellationToken)
    {
        var due = FindFreeable();
        if (due.IsEmpty || !await ProveOwnershipAsync(cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        foreach (var segment in due)
        {
            await FreeAsync(segment.Name, cancellationToken).ConfigureAwait(false);
        }

        await UpdateManifestAsync(
            manifest => manifest with { Deleting = manifest.Deleting.RemoveRange(due) }, cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask FreeAsync(string segment, CancellationToken cancellationToken)
    {
        // The segment last: a listing finds what is still to be freed by it.
        await _documents.DeleteAsync(SegmentName.IndexOf(segment), null, cancellationToken).ConfigureAwait(false);
        await _documents.DeleteAsync(SegmentName.ProducersOf(segment), null, cancellationToken).ConfigureAwait(false);
        await _segments.DeleteAsync(segment, cancellationToken).ConfigureAwait(false);
    }

    // Segments that a roll created but never got into the manifest. Only those of older epochs, whose owners are fenced, and only after
    // this owner has read the manifest as its own: what cannot be read is never taken for an orphan.
    private bool IsOrphanSearchDue() =>
        !_orphansFreed && Epoch > FirstEpoch && _time.GetElapsedTime(_openedAt) >= LogLimits.DeletionGrace;

    private async ValueTask FreeOrphansAsync(CancellationToken cancellationToken)
    {
        if (!IsOrphanSearchDue() || !await ProveOwnershipAsync(cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        var manifest = _manifest.Current;
        var known = manifest.Segments.Select(segment => segment.Name).Concat(manifest.Deleting.Select(segment => segment.Name))
            .ToHashSet(StringComparer.Ordinal);
        var orphans = new List<string>();
        await foreach (var segment in _segments.ListAsync(_name + "/", cancellationToken).ConfigureAwait(false))
        {
            if (SegmentName.EpochOf(segment.Name) < Epoch && !known.Contains(segment.Name))
            {
                orphans.Add(segment.Name);
            }
        }

        foreach (var orphan in orphans)
        {
            await FreeAsync(orphan, cancellationToken).ConfigureAwait(false);
        }

        _orphansFreed = true;
    }
}
