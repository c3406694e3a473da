using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Reading;
using OrleansStream.Log.Resources;
using OrleansStream.Storage;

namespace OrleansStream.Log;

// Reading: whole batches below the high watermark, the newest from memory, older ones from the store.
public sealed partial class PartitionLog
{
    private readonly List<FetchWaiter> _parked = [];
    private bool _waitsNoMore;

    /// <summary>Reads whole batches below the high watermark.</summary>
    /// <param name="offset">The first offset wanted; -2 for the log start, -1 for the high watermark.</param>
    /// <param name="bytesMax">The most bytes to return; the first batch comes even when it is larger.</param>
    /// <param name="wait">How long to wait when there is nothing yet.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The batches, or why there are none; it never throws for a failure of the store.</returns>
    public async ValueTask<LogFetchResult> FetchAsync(
        long offset, int bytesMax, TimeSpan wait, CancellationToken cancellationToken = default)
    {
        try
        {
            bytesMax = Math.Clamp(bytesMax, 1, LogLimits.FetchBytesMax);
            if (offset == LatestOffset && !await IsProvenAsync(cancellationToken).ConfigureAwait(false))
            {
                return Failed(EndError(), offset);
            }

            var result = await ReadAsync(offset, bytesMax, cancellationToken).ConfigureAwait(false);
            if (IsBeyondEnd(result))
            {
                // A newer owner may hold the offset: only one that is the owner after it was asked says that nobody does. Readers go
                // back on this word, so an earlier proof will not do.
                if (!await ProveOwnershipAsync(cancellationToken).ConfigureAwait(false))
                {
                    return Failed(EndError(), offset);
                }

                result = await ReadAsync(offset, bytesMax, cancellationToken).ConfigureAwait(false);
            }

            if (result.Error is not null || !result.Batches.IsEmpty)
            {
                return result;
            }

            if (wait > TimeSpan.Zero && await WaitForAppendAsync(result.Offset, wait, cancellationToken).ConfigureAwait(false) is { } full)
            {
                return Failed(full, result.Offset);
            }

            if (wait > TimeSpan.Zero)
            {
                result = await ReadAsync(result.Offset, bytesMax, cancellationToken).ConfigureAwait(false);
            }

            // "Nothing new" is only said by an owner that still is one.
            return result.Error is null && result.Batches.IsEmpty && !await IsProvenAsync(cancellationToken).ConfigureAwait(false)
                ? Failed(EndError(), result.Offset)
                : result;
        }
        catch (Exception e) when (e is StoreUnavailableException or SegmentNotFoundException or CorruptDocumentException)
        {
            return Failed(new LogError(StreamErrorCode.KafkaStorageError, $"The store could not be read: {e.Message}"), offset);
        }
        catch (LogCorruptException e)
        {
            return Failed(new LogError(StreamErrorCode.PartitionOffline, e.Message) { Damage = e.Damage }, offset);
        }
        catch (ColdReadsBusyException e)
        {
            return Failed(Busy(e), offset);
        }
    }

    private const long LatestOffset = -1, EarliestOffset = -2;

    private static bool IsBeyondEnd(in LogFetchResult result) =>
        result.Error is { Code: StreamErrorCode.OffsetOutOfRange } && result.Offset > result.HighWatermark;

    private LogFetchResult Failed(LogError error, long offset)
    {
        lock (_gate)
        {
            return new LogFetchResult(error, offset, default, _endOffset, _logStartOffset);
        }
    }

    private async ValueTask<LogFetchResult> ReadAsync(long offset, int bytesMax, CancellationToken cancellationToken)
    {
        LogFetchResult result;
        SegmentView view;
        lock (_gate)
        {
            _usedAt = _time.GetTimestamp();
            offset = offset switch { LatestOffset => _endOffset, EarliestOffset => _logStartOffset, _ => offset };
            var error = _end is not null ? EndError()
                : offset < _logStartOffset || offset > _endOffset
                ? new LogError(
                    StreamErrorCode.OffsetOutOfRange,
                    $"Offset {offset} lies outside the log: it holds {_logStartOffset} up to its high watermark {_endOffset}.")
                : null;
            result = new LogFetchResult(error, offset, default, _endOffset, _logStartOffset);
            if (error is not null || offset == _endOffset)
            {
                return result;
            }

            var cached = _tail.Read(offset, bytesMax);
            if (cached.IsEmpty && _blocks.Find(offset) is { } ahead)
            {
                cached = ahead.Read(offset, bytesMax);
            }

            if (!cached.IsEmpty)
            {
                CountOut(cached);
                return result with { Batches = cached };
            }

            view = FindSegment(offset);
        }

        var block = await ReadBlockAsync(view, offset, bytesMax).ConfigureAwait(false);
        var batches = block.Read(offset, bytesMax);
        lock (_gate)
        {
            CountOut(batches);
        }

        return result with { Batches = batches };
    }

    private void CountOut(ReadOnlyMemory<byte> batches) =>
        _flowOut.Add(BatchRange.CountRecords(batches.Span), batches.Length);

    /// <summary>Parks until something is appended at or above an offset, the time is up, or the log ends.</summary>
    /// <returns>Null; or that too many wait already.</returns>
    private async ValueTask<LogError?> WaitForAppendAsync(long offset, TimeSpan wait, CancellationToken cancellationToken)
    {
        FetchWaiter waiter;
        lock (_gate)
        {
            if (_endOffset > offset || _end is not null || _waitsNoMore)
            {
                return null;
            }

            if (_parked.Count >= LogLimits.ParkedFetchesMax)
            {
                return new LogError(
                    StreamErrorCode.ThrottlingQuotaExceeded,
                    $"{LogLimits.ParkedFetchesMax} readers wait on this partition already.", RetryAfter: LogLimits.RetryPauseMax);
            }

            waiter = new FetchWaiter(_time, wait < LogLimits.FetchWaitMax ? wait : LogLimits.FetchWaitMax);
            _parked.Add(waiter);
        }

        using (cancellationToken.UnsafeRegister(static waiter => ((FetchWaiter)waiter!).Wake(), waiter))
        {
            await waiter.Task.ConfigureAwait(false);
        }

        lock (_gate)
        {
            _parked.Remove(waiter);
        }

        waiter.Dispose();
        cancellationToken.ThrowIfCancellationRequested();
        return null;
    }

    /// <summary>Answers all fetches that wait, and lets none wait from now on: for a server that is stopping.</summary>
    public void StopWaiting()
    {
        lock (_gate)
        {
            _waitsNoMore = true;
        }

        WakeFetches();
    }

    private void WakeFetches()
    {
        FetchWaiter[] woken;
        lock (_gate)
        {
            if (_parked.Count == 0)
            {
                return;
            }

            woken = [.. _parked];
            _parked.Clear();
        }

        foreach (var waiter in woken)
        {
            waiter.Wake();
        }
    }

    // A stale owner may at worst serve an older prefix; that there is nothing newer it may not say.
    private async ValueTask<bool> IsProvenAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_end is not null)
            {
                return false;
            }

            if (_time.GetElapsedTime(_provenAt) < LogLimits.OwnershipProofAge)
            {
                return true;
            }
        }

        return await ProveOwnershipAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>One long poll: no thread, one timer.</summary>
    private sealed class FetchWaiter : IDisposable
    {
        private readonly TaskCompletionSource _woken = new();
        private readonly ITimer _timer;

        public FetchWaiter(TimeProvider time, TimeSpan wait) =>
            _timer = time.CreateTimer(static waiter => ((FetchWaiter)waiter!).Wake(), this, wait, Timeout.InfiniteTimeSpan);

        public Task Task => _woken.Task;

        public void Wake() => _woken.TrySetResult();

        public void Dispose() => _timer.Dispose();
    }
}
