using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Producers;
using OrleansStream.Log.Resources;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Log;

// Finding a place in the segments, by offset and by time.
public sealed partial class PartitionLog
{
    /// <summary>A segment as a reader sees it: up to its durable length at one moment.</summary>
    private readonly record struct SegmentView(string Name, long BaseOffset, long Length);

    /// <summary>A segment that may hold a record of a time.</summary>
    /// <param name="View">The segment.</param>
    /// <param name="Undated">It, when its records' times are not known yet.</param>
    private readonly record struct TimeCandidate(SegmentView View, ManifestSegment? Undated);

    /// <summary>The segment that holds an offset of the log. Under the gate, as retention may take segments away.</summary>
    private SegmentView FindSegment(long offset)
    {
        if (offset >= _active.Manifest.BaseOffset)
        {
            return new SegmentView(_active.Name, _active.Manifest.BaseOffset, _active.Position);
        }

        int low = 0, high = _sealed.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) >>> 1;
            (low, high) = _sealed[middle].BaseOffset <= offset ? (middle, high) : (low, middle - 1);
        }

        var segment = _sealed[low];
        return new SegmentView(segment.Name, segment.BaseOffset, segment.Length);
    }

    private async ValueTask<IndexedPlace> FindPlaceAsync(
        SegmentView view, Func<SegmentIndex, IndexedPlace> find, CancellationToken cancellationToken, bool byTime = false)
    {
        lock (_gate)
        {
            var known = view.Name == _active.Name ? _active.Index : _indexes.Find(view.Name);
            if (known is not null && (known.HasRecordTimes || !byTime))
            {
                return find(known);
            }
        }

        var index = await LoadIndexAsync(view, byTime, cancellationToken).ConfigureAwait(false);
        lock (_gate)
        {
            _indexes.Add(view.Name, index);
            return find(index);
        }
    }

    private async ValueTask<SegmentIndex> LoadIndexAsync(SegmentView view, bool byTime, CancellationToken cancellationToken)
    {
        var name = SegmentName.IndexOf(view.Name);
        try
        {
            var document = await _documents.ReadAsync(name, cancellationToken).ConfigureAwait(false);
            if (document is { } found && SegmentIndex.TryParse(view.BaseOffset, found.Bytes.Span) is { } stored
                && (stored.HasRecordTimes || !byTime))
            {
                return stored;
            }
        }
        catch (CorruptDocumentException)
        {
            // made again below
        }

        var scan = new SegmentScan(_segments, view.Name, view.BaseOffset, new ProducerStates(), NowMs, opensBatches: true);
        await scan.RunAsync(view.Length, cancellationToken).ConfigureAwait(false);
        return scan.Index; // as far as the segment is whole: what is damaged is found, and said, when it is read
    }

    /// <summary>Finds the first offset dated at or after a time.</summary>
    /// <param name="timestampMs">Milliseconds since the Unix epoch.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The offset and its time; or the high watermark when nothing is that new.</returns>
    public async ValueTask<LogFindResult> FindOffsetAsync(long timestampMs, CancellationToken cancellationToken = default)
    {
        try
        {
            long logStart, endOffset;
            List<TimeCandidate> candidates;
            lock (_gate)
            {
                if (_end is not null)
                {
                    return new LogFindResult(EndError(), -1, -1);
                }

                (logStart, endOffset) = (_logStartOffset, _endOffset);
                candidates = [.. _sealed
                    .Where(s => s.EndOffset > logStart && (s.MaxTimestampMs >= timestampMs || !s.TimesChecked))
                    .Select(s => new TimeCandidate(new SegmentView(s.Name, s.BaseOffset, s.Length), s.TimesChecked ? null : s))];
                if (_active.MaxTimestampMs >= timestampMs)
                {
                    candidates.Add(new TimeCandidate(new SegmentView(_active.Name, _active.Manifest.BaseOffset, _active.Position), null));
                }
            }

            if (await FindInTurnAsync(candidates, timestampMs, logStart, cancellationToken).ConfigureAwait(false) is { } found)
            {
                return found;
            }

            return await IsProvenAsync(cancellationToken).ConfigureAwait(false)
                ? new LogFindResult(null, endOffset, -1)
                : new LogFindResult(EndError(), -1, -1);
        }
        catch (Exception e) when (e is StoreUnavailableException or SegmentNotFoundException or CorruptDocumentException)
        {
            return new LogFindResult(
                new LogError(StreamErrorCode.KafkaStorageError, $"The store could not be read: {e.Message}"), -1, -1);
        }
        catch (LogCorruptException e)
        {
            return new LogFindResult(new LogError(StreamErrorCode.PartitionOffline, e.Message) { Damage = e.Damage }, -1, -1);
        }
        catch (ColdReadsBusyException e)
        {
            return new LogFindResult(Busy(e), -1, -1);
        }
    }

    private static LogError Busy(ColdReadsBusyException exception) => new(
        StreamErrorCode.ThrottlingQuotaExceeded, $"{exception.Message} Try again.", RetryAfter: LogLimits.RetryPauseMax);

    private async ValueTask<LogFindResult?> FindInTurnAsync(
        List<TimeCandidate> candidates, long timestampMs, long logStart, CancellationToken cancellationToken)
    {
        if (candidates.Count == 0)
        {
            return null;
        }

        await _resources.ColdReads.EnterAsync().ConfigureAwait(false);
        try
        {
            foreach (var (view, undated) in candidates)
            {
                if (undated is not null)
                {
                    await CheckTimesAsync(undated, cancellationToken).ConfigureAwait(false);
                    if (!IsDatedFrom(undated.Name, timestampMs))
                    {
                        continue;
                    }
                }

                var found = await FindInSegmentAsync(view, timestampMs, logStart, cancellationToken).ConfigureAwait(false);
                if (found.Offset >= 0)
                {
                    return found;
                }
            }

            return null;
        }
        finally
        {
            _resources.ColdReads.Leave();
        }
    }

    private bool IsDatedFrom(string segment, long timestampMs)
    {
        lock (_gate)
        {
            return _sealed.Exists(s => s.Name == segment && s.MaxTimestampMs >= timestampMs);
        }
    }

    private async ValueTask<LogFindResult> FindInSegmentAsync(
        SegmentView view, long timestampMs, long fromOffset, CancellationToken cancellationToken)
    {
        var (position, baseOffset) = await FindPlaceAsync(
            view, index => index.FindPositionByTime(timestampMs), cancellationToken, byTime: true).ConfigureAwait(false);
        while (position < view.Length)
        {
            var bytes = new byte[(int)Math.Min(LogLimits.GroupBytesMax, view.Length - position)];
            var read = await _segments.ReadAsync(view.Name, position, bytes, cancellationToken).ConfigureAwait(false);
            var scanned = FindInBatches(bytes.AsSpan(0, read), timestampMs, fromOffset, ref baseOffset, out var found);
            if (found.Offset >= 0)
            {
                return found;
            }

            if (scanned == 0)
            {
                throw new LogCorruptException(
                    new LogDamage(view.Name, position, baseOffset), $"a batch fails its check, where time {timestampMs} is searched");
            }

            position += scanned;
        }

        return new LogFindResult(null, -1, -1);
    }

    private static int FindInBatches(
        ReadOnlySpan<byte> bytes, long timestampMs, long fromOffset, ref long endOffset, out LogFindResult found)
    {
        found = new LogFindResult(null, -1, -1);
        var position = 0;
        while (RecordBatchScanner.Validate(bytes[position..], out var header, out var lengthBytes) == RecordBatchStatus.Valid)
        {
            var isFence = FenceBatch.IsFence(header, out _);
            if (!isFence && header.BaseOffset != endOffset)
            {
                break; // its CRC does not vouch for it, and the chain speaks against it
            }

            // The records are asked, whatever the header says: an earlier version may have stored it as it came. The index keeps them few.
            if (!isFence && header.LastOffset >= fromOffset)
            {
                using var records = new StoredBatchReader(bytes.Slice(position, lengthBytes));
                while (records.TryReadNext(out var record))
                {
                    if (record.TimestampMs >= timestampMs && record.Offset >= fromOffset)
                    {
                        found = new LogFindResult(null, record.Offset, record.TimestampMs);
                        return position;
                    }
                }

                // What cannot be read may be that new, as far as the header says.
                if (header.MaxTimestamp >= timestampMs && records.UnreadableFrom(fromOffset) is { } unreadable)
                {
                    found = new LogFindResult(null, unreadable.Offset, header.MaxTimestamp);
                    return position;
                }
            }

            position += lengthBytes;
            endOffset = isFence ? endOffset : header.NextOffset;
        }

        return position;
    }
}
