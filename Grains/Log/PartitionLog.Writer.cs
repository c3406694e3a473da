using OrleansStream.Errors;
using OrleansStream.Records;

namespace OrleansStream.Log;

// The one writer: the only code that assigns offsets. While one group is being stored the next one gathers.
public sealed partial class PartitionLog
{
    private readonly ProducerStates _producers;
    private readonly ProducerStates _open = new();
    private AppendGroup? _group;
    private TaskCompletionSource? _drained;
    private bool _rollWanted;
    private long _lastStoredAt;
    private long _usedAt;
    private double _bytesPerSecond;

    /// <summary>True for the caller that must run the loop: nobody does yet. Under the gate.</summary>
    private bool StartsDraining()
    {
        if (_drained is not null)
        {
            return false;
        }

        _drained = new TaskCompletionSource();
        return true;
    }

    private async Task DrainAsync()
    {
        try
        {
            while (await DrainNextAsync().ConfigureAwait(false))
            {
            }
        }
        catch (Exception e)
        {
            // Nobody awaits this loop. The owner goes away, and the next one recovers from what is stored.
            End(LogEnd.Closed, $"The partition's writer failed: {e.Message}");
            FinishDraining();
        }
    }

    /// <returns>False when there was nothing to do: then the loop is over, and the next append starts it again.</returns>
    private async ValueTask<bool> DrainNextAsync()
    {
        await PaceAsync().ConfigureAwait(false);
        AppendGroup? group;
        bool roll;
        TaskCompletionSource? drained = null;
        lock (_gate)
        {
            roll = _rollWanted && _end is null;
            _rollWanted = false;
            group = roll ? null : TakeGroup();
            if (!roll && group is null)
            {
                (drained, _drained) = (_drained, null);
            }
        }

        drained?.TrySetResult();
        if (roll)
        {
            await RollAsync().ConfigureAwait(false);
        }
        else if (group is not null)
        {
            await CommitAsync(group).ConfigureAwait(false);
        }

        return drained is null;
    }

    private void FinishDraining()
    {
        TaskCompletionSource? drained;
        lock (_gate)
        {
            (drained, _drained) = (_drained, null);
        }

        drained?.TrySetResult();
    }

    // flush.interval.ms trades latency for fewer writes; at its default nothing waits here.
    private async ValueTask PaceAsync()
    {
        var interval = Volatile.Read(ref _options).FlushInterval;
        if (interval > TimeSpan.Zero && _lastStoredAt != 0 && _end is null && !_isClosing)
        {
            var left = interval - _time.GetElapsedTime(_lastStoredAt);
            if (left > TimeSpan.Zero)
            {
                await LogPause.WaitAsync(left, _time, _abandoned.Token).ConfigureAwait(false);
            }
        }
    }

    private AppendGroup? TakeGroup()
    {
        if (_end is not null)
        {
            return null;
        }

        var lengthMax = Math.Min(LogLimits.GroupBytesMax, _segments.Limits.AppendBytesMax);
        var group = new AppendGroup { BaseOffset = _endOffset, EndOffset = _endOffset };
        var length = 0;
        _open.Clear();
        while (_queue.TryPeek(out var append) && length + append.Batches.Length <= lengthMax)
        {
            _queue.Dequeue();
            if (append.Task.IsCompleted)
            {
                _pendingBytes -= append.Batches.Length; // its caller gave up before it had a place
                continue;
            }

            append.IsPlaced = true;
            group.Appends.Add(append);
            length += Place(append, group);
        }

        if (group.Appends.Count == 0)
        {
            return null;
        }

        group.Bytes = length == 0 ? default : _tail.Reserve(length, group.BaseOffset);
        _group = group;
        WatchDeadlines();
        return group;
    }

    /// <summary>Gives an append its offsets, or the answer it gets instead, judged with all that is before it in the group.</summary>
    /// <returns>The bytes it takes.</returns>
    private int Place(PendingAppend append, AppendGroup group)
    {
        if (append.ExpectedNextOffset is { } expected && expected != group.EndOffset)
        {
            return Refuse(append, group, new LogError(
                StreamErrorCode.OffsetConditionFailed,
                $"The next offset is {group.EndOffset}, not {expected}; nothing was stored."));
        }

        RecordBatchHeader.TryRead(append.Batches.Span, out var first);
        var settled = _producers.Check(first);
        var verdict = settled.DuplicateOffset >= 0 ? settled : _producers.Check(first, _open);
        var isStored = verdict.DuplicateOffset >= 0 || verdict.Error == StreamErrorCode.DuplicateSequenceNumber;
        if (isStored && WasCutShort(append, out var rest, out var restOffset))
        {
            if (verdict.DuplicateOffset < 0 || restOffset != group.EndOffset)
            {
                return Refuse(append, group, CutShortError(first));
            }

            (append.Placed, append.BaseOffset) = (rest, verdict.DuplicateOffset);
        }
        else if (verdict.DuplicateOffset >= 0)
        {
            append.Result = new LogAppendResult(null, verdict.DuplicateOffset, -1, _logStartOffset, Duplicate: true);
            append.DependsOnGroup = settled.DuplicateOffset < 0;
            return 0;
        }
        else if (verdict.Error != StreamErrorCode.None)
        {
            return Refuse(append, group, SequenceError(verdict, first));
        }
        else
        {
            append.BaseOffset = group.EndOffset;
        }

        append.DependsOnGroup = true;
        for (var left = append.Placed.Span; RecordBatchHeader.TryRead(left, out var header); left = left[header.LengthBytes..])
        {
            _open.Apply(header, group.EndOffset, NowMs, _producers);
            group.EndOffset += header.RecordCount;
        }

        return append.Placed.Length;
    }

    private int Refuse(PendingAppend append, AppendGroup group, LogError error)
    {
        append.Result = Refused(error);
        append.DependsOnGroup = group.EndOffset != group.BaseOffset; // then it waits until what it was judged by is durable
        return 0;
    }

    private async ValueTask CommitAsync(AppendGroup group)
    {
        if (group.LengthBytes == 0)
        {
            Complete(group);
            return;
        }

        Stamp(group);
        var beganAt = _time.GetTimestamp();
        var stored = await RollIfDueAsync(group.LengthBytes).ConfigureAwait(false)
            ? await StoreAsync(group.Bytes).ConfigureAwait(false)
            : StoreResult.Ended;
        _lastStoredAt = _time.GetTimestamp();
        if (stored.Position >= 0)
        {
            Publish(group, stored.Position, beganAt);
            Complete(group);
        }
        else if (stored.Error is { } error)
        {
            Fail(group, error);
        }
        else
        {
            lock (_gate)
            {
                _group = null; // the log has ended, and with it everybody has been answered
            }
        }
    }

    // The leader's fields lie outside the CRC, but for the time where the topic asks for the log's own.
    private void Stamp(AppendGroup group)
    {
        var bytes = group.Bytes.Span;
        var offset = group.BaseOffset;
        var appendTimeMs = Volatile.Read(ref _options).StampsAppendTime ? NowMs : -1;
        foreach (var append in group.Appends)
        {
            if (append.BaseOffset < 0)
            {
                continue;
            }

            append.Result = new LogAppendResult(null, append.BaseOffset, appendTimeMs, _logStartOffset);
            append.Placed.Span.CopyTo(bytes);
            for (var end = append.Placed.Length; end > 0;)
            {
                RecordBatchHeader.TryRead(bytes, out var header);
                RecordBatchHeader.StampBaseOffset(bytes, offset);
                RecordBatchHeader.StampPartitionLeaderEpoch(bytes, Epoch);
                if (appendTimeMs >= 0)
                {
                    RecordBatchHeader.StampLogAppendTime(bytes[..header.LengthBytes], appendTimeMs);
                }

                offset += header.RecordCount;
                end -= header.LengthBytes;
                bytes = bytes[header.LengthBytes..];
            }

            if (append.Acks == LogAcks.Ordered)
            {
                append.TrySetResult(append.Result);
            }
        }
    }

    /// <summary>The group is durable: readers may see it, and producers are remembered by it.</summary>
    private void Publish(AppendGroup group, long position, long beganAt)
    {
        lock (_gate)
        {
            var nowMs = NowMs;
            var scanner = new RecordBatchScanner(group.Bytes.Span, checkCrc: false);
            while (scanner.MoveNext())
            {
                var header = scanner.Header;
                _active.Index.Add(header.BaseOffset, (int)(position + scanner.Position), header.MaxTimestamp);
                _active.MaxTimestampMs = Math.Max(_active.MaxTimestampMs, header.MaxTimestamp);
                _producers.Apply(header, header.BaseOffset, nowMs);
            }

            _active.Position = position + group.LengthBytes;
            _active.AppendCount++;
            if (_end is null)
            {
                _tail.Publish(group.LengthBytes, group.EndOffset);
            }

            _endOffset = group.EndOffset;
            _provenAt = _usedAt = _time.GetTimestamp();
            var pace = group.LengthBytes / Math.Max(_time.GetElapsedTime(beganAt).TotalSeconds, 1e-6);
            _bytesPerSecond = _bytesPerSecond == 0 ? pace : (_bytesPerSecond * 0.8) + (pace * 0.2);
        }
    }

    private void Complete(AppendGroup group)
    {
        Release(group);
        foreach (var append in group.Appends)
        {
            append.TrySetResult(append.Result);
        }

        WakeFetches();
    }

    // Definitely not stored. Batches of the same producers that queued behind fail with it: they would leave a gap.
    private void Fail(AppendGroup group, LogError error)
    {
        var failed = new List<PendingAppend>();
        lock (_gate)
        {
            var producers = ProducersOf(group);
            if (producers.Count > 0)
            {
                foreach (var append in _queue)
                {
                    if (append.IsByAny(producers))
                    {
                        failed.Add(append); // stays in the queue, answered: the next group passes it over
                    }
                }
            }
        }

        Release(group);
        foreach (var append in group.Appends)
        {
            append.TrySetResult(append.DependsOnGroup ? Refused(error) : append.Result);
        }

        foreach (var append in failed)
        {
            append.TrySetResult(Refused(error));
        }
    }

    private static HashSet<long> ProducersOf(AppendGroup group)
    {
        var ids = new HashSet<long>();
        foreach (var append in group.Appends)
        {
            if (append.BaseOffset >= 0 && RecordBatchHeader.TryRead(append.Batches.Span, out var header) && header.HasProducer)
            {
                ids.Add(header.ProducerId);
            }
        }

        return ids;
    }

    private void Release(AppendGroup group)
    {
        lock (_gate)
        {
            foreach (var append in group.Appends)
            {
                _pendingBytes -= append.Batches.Length;
            }

            _group = null;
        }
    }
}
