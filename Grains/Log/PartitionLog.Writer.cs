using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Log.Writing;
using OrleansStream.Records;

namespace OrleansStream.Log;

// The one writer: the only code that assigns offsets. While one group is being stored the next one gathers.
public sealed partial class PartitionLog
{
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
            End(LogEnd.Failed, $"The partition's writer failed: {e.Message}");
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
            await RollAsync(isOptional: true).ConfigureAwait(false);
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

    private async ValueTask CommitAsync(AppendGroup group)
    {
        if (group.LengthBytes == 0)
        {
            Complete(group);
            return;
        }

        Stamp(group);
        var beganAt = _time.GetTimestamp();
        var stored = await RollIfDueAsync(group).ConfigureAwait(false)
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
            append.Placed.CopyTo(bytes);
            for (var end = append.Placed.LengthBytes; end > 0;)
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

            _producers.ExpireSurplus(nowMs);
            _active.Position = position + group.LengthBytes;
            _active.AppendCount++;
            if (_end is null)
            {
                _tail.Publish(group.LengthBytes, group.EndOffset);
            }

            _flowIn.Add(group.EndOffset - group.BaseOffset, group.LengthBytes);
            _endOffset = group.EndOffset;
            (_provenAt, _usedAt) = (beganAt, _time.GetTimestamp());
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

    private void Release(AppendGroup group)
    {
        lock (_gate)
        {
            foreach (var append in group.Appends)
            {
                ReturnRoom(append.Batches.LengthBytes);
            }

            _group = null;
        }
    }
}
