using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.State;
using OrleansStream.Records;

namespace OrleansStream.Log.Reading;

/// <summary>Finds offsets by time.</summary>
internal sealed class OffsetFinder(OpenLog log, LogReader reader, SegmentIndexes indexes, SegmentTimes times)
{
    /// <summary>Finds the first offset dated at or after a time.</summary>
    /// <inheritdoc cref="PartitionLog.FindOffsetAsync"/>
    public async ValueTask<LogFindResult> FindOffsetAsync(long timestampMs, CancellationToken cancellationToken)
    {
        try
        {
            if (timestampMs == LogOffsets.MaxTimestamp)
                return await FindLatestTimeAsync(cancellationToken).ConfigureAwait(false);
            long logStart, endOffset;
            List<TimeCandidate> candidates;
            lock (log.Gate)
            {
                if (log.HasEnded)
                    return new LogFindResult(log.EndError(), -1, -1);

                (logStart, endOffset) = (log.LogStartOffset, log.EndOffset);
                candidates = [.. log.Sealed
                    .Where(s => s.EndOffset > logStart && (s.MaxTimestampMs >= timestampMs || !s.TimesChecked))
                    .Select(s => new TimeCandidate(new SegmentView(s.Name, s.BaseOffset, s.Length), s.TimesChecked ? null : s))];
                if (log.Active.MaxTimestampMs >= timestampMs)
                    candidates.Add(new TimeCandidate(new SegmentView(log.Active.Name, log.Active.BaseOffset, log.Active.Position), null));
            }

            if (await FindInTurnAsync(candidates, timestampMs, logStart, cancellationToken).ConfigureAwait(false) is { } found)
                return found;

            return await reader.IsProvenAsync(cancellationToken).ConfigureAwait(false)
                ? new LogFindResult(null, endOffset, -1)
                : new LogFindResult(log.EndError(), -1, -1);
        }
        catch (Exception e) when (ReadErrors.Of(e) is { } error)
        {
            return new LogFindResult(error, -1, -1);
        }
    }

    /// <summary>Finds the first record with the latest time. Records that no time was given have none.</summary>
    private async ValueTask<LogFindResult> FindLatestTimeAsync(CancellationToken cancellationToken)
    {
        while (FindUndated() is { } undated)
            await times.CheckInTurnAsync(undated, cancellationToken).ConfigureAwait(false);
        long latestMs, endOffset;
        lock (log.Gate)
        {
            endOffset = log.EndOffset;
            latestMs = log.Sealed.Where(segment => segment.EndOffset > log.LogStartOffset).Select(segment => segment.MaxTimestampMs)
                .Append(log.Active.MaxTimestampMs).Max();
        }

        // The record that a segment has its latest time from may lie below the log start. Then the time is searched for at which records end.
        var found = new LogFindResult(null, endOffset, -1);
        var timeMs = Math.Min(latestMs, long.MaxValue - 1);
        var tooLateMs = timeMs + 1;
        while (found.TimestampMs < tooLateMs - 1)
        {
            var probe = await FindOffsetAsync(timeMs, cancellationToken).ConfigureAwait(false);
            if (probe.Error is not null)
                return probe;
            if (probe.TimestampMs >= 0)
                found = probe;
            else
                tooLateMs = timeMs;
            timeMs = found.TimestampMs + 1 + ((tooLateMs - found.TimestampMs - 1) / 2);
        }

        // A newer owner may hold a later one.
        return await reader.IsProvenAsync(cancellationToken).ConfigureAwait(false) ? found : new LogFindResult(log.EndError(), -1, -1);
    }

    private ManifestSegment? FindUndated()
    {
        lock (log.Gate)
        {
            return log.Sealed.Find(segment => segment.EndOffset > log.LogStartOffset && !segment.TimesChecked);
        }
    }

    private async ValueTask<LogFindResult?> FindInTurnAsync(
        List<TimeCandidate> candidates, long timestampMs, long logStart, CancellationToken cancellationToken)
    {
        if (candidates.Count == 0)
            return null;

        await log.Resources.ColdReads.EnterAsync().ConfigureAwait(false);
        try
        {
            foreach (var (view, undated) in candidates)
            {
                if (undated is not null)
                {
                    await times.CheckAsync(undated, cancellationToken).ConfigureAwait(false);
                    if (!IsDatedFrom(undated.Name, timestampMs))
                        continue;
                }

                var found = await FindInSegmentAsync(view, timestampMs, logStart, cancellationToken).ConfigureAwait(false);
                if (found.Offset >= 0)
                    return found;
            }

            return null;
        }
        finally
        {
            log.Resources.ColdReads.Leave();
        }
    }

    private bool IsDatedFrom(string segment, long timestampMs)
    {
        lock (log.Gate)
        {
            return log.Sealed.Exists(s => s.Name == segment && s.MaxTimestampMs >= timestampMs);
        }
    }

    private async ValueTask<LogFindResult> FindInSegmentAsync(
        SegmentView view, long timestampMs, long fromOffset, CancellationToken cancellationToken)
    {
        var (position, baseOffset) = await indexes.FindAsync(
            view, index => index.FindPositionByTime(timestampMs), cancellationToken, byTime: true).ConfigureAwait(false);
        while (position < view.Length)
        {
            var bytes = new byte[(int)Math.Min(LogLimits.GroupBytesMax, view.Length - position)];
            var read = await log.Place.Segments.ReadAsync(view.Name, position, bytes, cancellationToken).ConfigureAwait(false);
            var scanned = FindInBatches(bytes.AsSpan(0, read), timestampMs, fromOffset, ref baseOffset, out var found);
            if (found.Offset >= 0)
                return found;

            if (scanned == 0)
            {
                throw new LogCorruptException(
                    new LogDamage(view.Name, position, baseOffset), $"a batch fails its check, while time {timestampMs} is searched");
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
                break; // the CRC does not cover the base offset, so a break in the chain is damage

            // The records are read, whatever the header says, because an earlier version may have stored a wrong header. The index keeps the batches
            // few.
            if (!isFence && header.LastOffset >= fromOffset)
            {
                using var records = new StoredBatchReader(bytes.Slice(position, lengthBytes));
                while (records.TryReadNext(out var record))
                {
                    if (record.TimestampMs >= timestampMs && record.Offset >= fromOffset)
                    {
                        found = new LogFindResult(null, record.Offset, record.TimestampMs) { Epoch = header.PartitionLeaderEpoch };
                        return position;
                    }
                }

                // An unreadable record may be that late, by what the header says.
                if (header.MaxTimestamp >= timestampMs && records.UnreadableFrom(fromOffset) is { } unreadable)
                {
                    found = new LogFindResult(null, unreadable.Offset, header.MaxTimestamp) { Epoch = header.PartitionLeaderEpoch };
                    return position;
                }
            }

            position += lengthBytes;
            endOffset = isFence ? endOffset : header.NextOffset;
        }

        return position;
    }

    /// <summary>A segment that may hold a record at or after a time.</summary>
    /// <param name="View">The segment.</param>
    /// <param name="Undated">The segment's manifest entry, while the times of its records are not known; else null.</param>
    private readonly record struct TimeCandidate(SegmentView View, ManifestSegment? Undated);
}
