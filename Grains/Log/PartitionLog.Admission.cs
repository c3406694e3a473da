using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Writing;
using OrleansStream.Records;

namespace OrleansStream.Log;

// What may enter the log: well-formed batches, within its bounds.
public sealed partial class PartitionLog
{
    private readonly Queue<PendingAppend> _queue = new();
    private long _pendingBytes;
    private bool _isClosing;

    /// <summary>Appends the batches of one request next to each other, all or none.</summary>
    /// <param name="batches">Whole batches v2; not changed by anybody until the result is there.</param>
    /// <param name="acks">When to answer.</param>
    /// <param name="expectedNextOffset">Append only when this is the next offset; null for no condition.</param>
    /// <param name="cancellationToken">
    /// Gives up waiting: before the batches have a place nothing is stored, later the outcome is unknown.
    /// </param>
    /// <returns>Where the batches are, or why they are not; it never throws for a failure of the store.</returns>
    public ValueTask<LogAppendResult> AppendAsync(
        AppendBatches batches, LogAcks acks, long? expectedNextOffset = null,
        CancellationToken cancellationToken = default)
    {
        var invalid = Judge(ref batches);
        batches.TryReadFirst(out var first);
        if (acks == LogAcks.Admitted)
        {
            batches = batches.ToArray(); // the caller has its answer, and its memory back, before these are written
        }

        PendingAppend append;
        var starts = false;
        lock (_gate)
        {
            if ((_end is not null || _isClosing ? EndError() : invalid) is { } error)
            {
                return ValueTask.FromResult(Refused(error));
            }

            if (TakeRoom(batches.LengthBytes) is { } full)
            {
                AwaitRefused(first);
                return ValueTask.FromResult(Refused(full));
            }

            append = new PendingAppend(batches, first, acks, expectedNextOffset, _time.GetTimestamp());
            _queue.Enqueue(append);
            WatchDeadlines();
            starts = StartsDraining();
        }

        if (starts)
        {
            _ = DrainAsync();
        }

        return acks == LogAcks.Admitted
            ? ValueTask.FromResult(new LogAppendResult(null, -1, -1, _logStartOffset))
            : cancellationToken.CanBeCanceled && !append.Task.IsCompleted
                ? new ValueTask<LogAppendResult>(WaitAsync(append, cancellationToken))
                : new ValueTask<LogAppendResult>(append.Task);
    }

    private async Task<LogAppendResult> WaitAsync(PendingAppend append, CancellationToken cancellationToken)
    {
        using var registration = cancellationToken.UnsafeRegister(
            static (state, _) =>
            {
                var (log, append) = ((PartitionLog, PendingAppend))state!;
                append.TrySetResult(log.TimedOut(append));
            },
            (this, append));
        return await append.Task.ConfigureAwait(false);
    }

    // What is said and what happens to the append are settled in one: the writer may be about to give it a place.
    private LogAppendResult TimedOut(PendingAppend append)
    {
        lock (_gate)
        {
            append.IsGivenUp = !append.IsPlaced;
            return Refused(new LogError(
                StreamErrorCode.RequestTimedOut,
                append.IsPlaced
                    ? "The store has not confirmed the append in time; it may still take effect."
                    : "The append could not be begun in time; nothing was stored.",
                OutcomeUnknown: append.IsPlaced));
        }
    }

    /// <summary>Takes room for an append, of this log's own and of all logs'. Under the gate.</summary>
    /// <returns>Null; or that there is none, and when there will be.</returns>
    private LogError? TakeRoom(int lengthBytes)
    {
        if (_pendingBytes + lengthBytes > LogLimits.PendingBytesMax || _queue.Count >= LogLimits.PendingAppendsMax)
        {
            return new LogError(
                StreamErrorCode.ThrottlingQuotaExceeded,
                $"The partition has {_pendingBytes} bytes in {_queue.Count} appends that are not durable yet; at most "
                + $"{LogLimits.PendingBytesMax} bytes in {LogLimits.PendingAppendsMax} appends are taken.",
                RetryAfter: DrainTime());
        }

        if (!_resources.TryTakePending(lengthBytes, _pendingBytes))
        {
            return new LogError(
                StreamErrorCode.ThrottlingQuotaExceeded,
                $"The server has {_resources.PendingBytes} bytes that are not durable yet, {_pendingBytes} of them this partition's; "
                + "it takes no more of this one now.",
                RetryAfter: _pendingBytes > 0 ? DrainTime() : _resources.DrainTime() ?? LogLimits.RetryPauseMax);
        }

        _pendingBytes += lengthBytes;
        return null;
    }

    /// <summary>Gives back the room of an append that was answered. Under the gate.</summary>
    private void ReturnRoom(int lengthBytes)
    {
        _pendingBytes -= lengthBytes;
        if (_end is null)
        {
            _resources.ReturnPending(lengthBytes); // an ended log has given back all at once
        }
    }

    /// <summary>
    /// How long the bytes that are pending take at the pace of the last appends; and not less than the append under way has taken, as
    /// a store that does not answer has no pace. Under the gate.
    /// </summary>
    private TimeSpan DrainTime()
    {
        var seconds = _bytesPerSecond > 0 ? _pendingBytes / _bytesPerSecond : 1;
        if (_group is { } group)
        {
            seconds = Math.Max(seconds, _time.GetElapsedTime(group.BeganAt).TotalSeconds);
        }

        return TimeSpan.FromSeconds(Math.Clamp(seconds, 0.05, LogLimits.AppendWaitMax.TotalSeconds));
    }

    /// <summary>Judges what is to be appended, and puts right what may be taken but not as it came.</summary>
    private LogError? Judge(ref AppendBatches batches)
    {
        if (batches.IsEmpty)
        {
            return new LogError(StreamErrorCode.InvalidRequest, "There is no batch to append.");
        }

        if (JudgeLength(batches.LengthBytes) is { } tooLong)
        {
            return tooLong;
        }

        var options = Volatile.Read(ref _options);
        var latestMs = options.StampsAppendTime ? long.MaxValue : NowMs + (long)options.TimestampAheadMax.TotalMilliseconds;
        RecordBatchHeader? previous = null;
        List<AppendBatches>? rewritten = null;
        for (var left = batches; !left.IsEmpty;)
        {
            var position = batches.LengthBytes - left.LengthBytes;
            var status = left.Validate(out var header, out var lengthBytes);
            byte[]? batch = null;
            if ((JudgeFormat(status, position)
                ?? JudgeSize(header, lengthBytes, options)
                ?? SentBatches.JudgeHeader(header)
                ?? JudgeSequence(previous, header)
                ?? JudgeRecords(left, header, latestMs, out batch)) is { } error)
            {
                return error;
            }

            if (batch is not null && rewritten is null)
            {
                rewritten = Split(batches, position);
            }

            rewritten?.Add(batch ?? left.First(lengthBytes));
            previous = header;
            left = left.WithoutFirst(lengthBytes);
        }

        if (rewritten is not null)
        {
            batches = new AppendBatches([.. rewritten]);
        }

        return rewritten is null ? null : JudgeLength(batches.LengthBytes);
    }

    private LogError? JudgeLength(int lengthBytes)
    {
        var lengthMax = Math.Min(LogLimits.GroupBytesMax, _segments.Limits.AppendBytesMax);
        return lengthBytes <= lengthMax ? null : new LogError(
            StreamErrorCode.RecordListTooLarge,
            $"The batches of one append have {lengthBytes} bytes; at most {lengthMax} are taken.");
    }

    /// <summary>The batches before a position, one by one.</summary>
    private static List<AppendBatches> Split(AppendBatches batches, int position)
    {
        var split = new List<AppendBatches>();
        for (var end = batches.LengthBytes - position; batches.LengthBytes > end && batches.TryReadFirst(out var header);)
        {
            split.Add(batches.First(header.LengthBytes));
            batches = batches.WithoutFirst(header.LengthBytes);
        }

        return split;
    }

    // Each record is looked at once on its way in: what this process wrote itself was looked at where it came from.
    private static LogError? JudgeRecords(in AppendBatches left, in RecordBatchHeader header, long latestMs, out byte[]? rewritten)
    {
        rewritten = null;
        return left.IsFirstWrittenHere
            ? SentBatches.JudgeTime(header.MaxTimestamp, latestMs)
            : SentBatches.JudgeRecords(left.First(header.LengthBytes).ToMemory().Span, header, latestMs, out rewritten);
    }

    private static LogError? JudgeFormat(RecordBatchStatus status, int position) => status switch
    {
        RecordBatchStatus.Valid => null,
        RecordBatchStatus.BadMagic => new LogError(
            StreamErrorCode.UnsupportedForMessageFormat, $"The batch at byte {position} is not of format (magic) 2."),
        _ => new LogError(
            StreamErrorCode.CorruptMessage, $"The batch at byte {position} fails its check: {status}."),
    };

    private static LogError? JudgeSize(in RecordBatchHeader header, int lengthBytes, LogOptions options)
    {
        var lengthMax = header.RecordCount == 1
            ? options.MessageBytesMax + LogLimits.RecordFramingBytesMax
            : options.MessageBytesMax;
        return lengthBytes <= lengthMax ? null : new LogError(
            StreamErrorCode.MessageTooLarge,
            $"A batch has {lengthBytes} bytes; the topic's max.message.bytes is {options.MessageBytesMax}. Store the "
            + "payload in a blob and send its address, or send smaller batches.");
    }

    // One request is one producer's unbroken sequence, so that its first batch decides for all of them.
    private static LogError? JudgeSequence(RecordBatchHeader? previous, in RecordBatchHeader header) =>
        previous is not { } before
        || (before.ProducerId == header.ProducerId && before.ProducerEpoch == header.ProducerEpoch
            && (!header.HasProducer || header.BaseSequence == (unchecked(before.LastSequence + 1) & int.MaxValue)))
            ? null
            : new LogError(
                StreamErrorCode.InvalidRecord,
                "The batches of one append must be of one producer, with consecutive sequences.");
}
