using OrleansStream.Errors;
using OrleansStream.Instrumentation;
using OrleansStream.Log.Contract;

namespace OrleansStream.Log.State;

/// <summary>The appends that are not durable yet: those that wait for their offsets, and the group that is being stored.</summary>
/// <remarks>
/// The log's gate guards it. Bytes and count of the appends are bounded, and no caller waits for ever: when the store does not confirm an append in
/// time, its caller is told that the outcome is unknown, and the log goes on resolving it.
/// </remarks>
internal sealed class AppendQueue : IAsyncDisposable
{
    private readonly OpenLog _log;
    private readonly ITimer _deadlineTimer;
    private bool _deadlinesWatched;
    private long _pendingBytes;
    private double _bytesPerSecond;

    public AppendQueue(OpenLog log)
    {
        _log = log;
        _deadlineTimer = OutsideRequest.CreateTimer(
            Time, static queue => ((AppendQueue)queue!).ExpireWaiting(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The appends that have no offsets yet, oldest first.</summary>
    public Queue<PendingAppend> Waiting { get; } = new();

    /// <summary>The group that is being stored; null when there is none.</summary>
    public AppendGroup? Group { get; set; }

    /// <summary>The bytes that wait for their offsets or are being stored.</summary>
    public long PendingBytes => _pendingBytes;

    private TimeProvider Time => _log.Place.Time;

    /// <summary>Lets an append wait for its offsets. Under the gate, after <see cref="TakeRoom"/>.</summary>
    public void Add(PendingAppend append)
    {
        Waiting.Enqueue(append);
        if (!_deadlinesWatched)
        {
            _deadlinesWatched = true; // one timer per log, and none while nothing waits
            _deadlineTimer.Change(LogLimits.DeadlineCheckPeriod, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Takes room for an append, from the log's own bound and from that of all logs. Under the gate.</summary>
    /// <param name="lengthBytes">The bytes of the append.</param>
    /// <param name="bound">Whose bound is met: <c>partition</c> or <c>server</c>; empty when the room was taken.</param>
    /// <returns>Null when the room was taken; else the error, with the time after which to try again.</returns>
    public LogError? TakeRoom(int lengthBytes, out string bound)
    {
        bound = "partition";
        if (_pendingBytes + lengthBytes > LogLimits.PendingBytesMax || Waiting.Count >= LogLimits.PendingAppendsMax)
        {
            return new LogError(
                StreamErrorCode.ThrottlingQuotaExceeded,
                $"The partition has {_pendingBytes} bytes in {Waiting.Count} appends that are not durable yet; at most "
                + $"{LogLimits.PendingBytesMax} bytes in {LogLimits.PendingAppendsMax} appends are taken.",
                RetryAfter: DrainTime());
        }

        var resources = _log.Resources;
        if (!resources.TryTakePending(lengthBytes, _pendingBytes))
        {
            bound = "server";
            return new LogError(
                StreamErrorCode.ThrottlingQuotaExceeded,
                $"The server has {resources.PendingBytes} bytes that are not durable yet, {_pendingBytes} of them this partition's; "
                + "it takes no more appends to this partition now.",
                RetryAfter: _pendingBytes > 0 ? DrainTime() : resources.DrainTime() ?? LogLimits.RetryPauseMax);
        }

        bound = "";
        _pendingBytes += lengthBytes;
        return null;
    }

    /// <summary>Gives back the room of an answered append. Under the gate.</summary>
    public void ReturnRoom(int lengthBytes)
    {
        _pendingBytes -= lengthBytes;
        if (!_log.HasEnded)
            _log.Resources.ReturnPending(lengthBytes); // an ended log gave back all its room at its end
    }

    /// <summary>Updates the pace with the time that a group took to become durable. Under the gate.</summary>
    public void CountStored(int lengthBytes, TimeSpan elapsed)
    {
        var pace = lengthBytes / Math.Max(elapsed.TotalSeconds, LogLimits.PacedTimeMin.TotalSeconds);
        const double weight = LogLimits.PaceWeightOfNewest;
        _bytesPerSecond = _bytesPerSecond == 0 ? pace : (_bytesPerSecond * (1 - weight)) + (pace * weight);
    }

    /// <summary>Gives all room back, as the log ends, and returns the appends that are to be answered. Under the gate.</summary>
    public (List<PendingAppend> Waiting, AppendGroup? Group) Close()
    {
        List<PendingAppend> waiting = [.. Waiting];
        Waiting.Clear();
        _log.Resources.ReturnPending(_pendingBytes);
        return (waiting, Group);
    }

    /// <summary>Waits for an append to be answered, or until its caller gives up.</summary>
    public async Task<LogAppendResult> WaitAsync(PendingAppend append, CancellationToken cancellationToken)
    {
        using var registration = cancellationToken.UnsafeRegister(
            static (state, _) =>
            {
                var (queue, append) = ((AppendQueue, PendingAppend))state!;
                append.TrySetResult(queue.TimedOut(append));
            },
            (this, append));
        return await append.Task.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _deadlineTimer.DisposeAsync();

    // Under the gate, because the writer may be about to place the append: the answer and the append's fate must agree.
    private LogAppendResult TimedOut(PendingAppend append)
    {
        lock (_log.Gate)
        {
            append.IsGivenUp = !append.IsPlaced;
            var mayTakeEffect = append.IsPlaced && append.MayTakeEffect;
            return _log.Refused(new LogError(
                StreamErrorCode.RequestTimedOut,
                mayTakeEffect
                    ? "The store did not confirm the append in time; it may still take effect."
                    : "The append could not begin in time; nothing was stored.",
                OutcomeUnknown: mayTakeEffect));
        }
    }

    private void ExpireWaiting()
    {
        List<PendingAppend> late;
        lock (_log.Gate)
        {
            late = [.. (Group?.Appends ?? []).Concat(Waiting)
                .Where(append => Time.GetElapsedTime(append.AdmittedAt) >= LogLimits.AppendWaitMax)];
            _deadlinesWatched = Group is not null || Waiting.Count > 0;
            if (_deadlinesWatched && !_log.HasEnded)
                _deadlineTimer.Change(LogLimits.DeadlineCheckPeriod, Timeout.InfiniteTimeSpan);
        }

        foreach (var append in late)
            append.TrySetResult(TimedOut(append));
    }

    /// <summary>
    /// How long the pending bytes take at the pace of the last appends, but at least as long as the append under way has taken already, because a
    /// store that does not answer would seem to keep its old pace. Under the gate.
    /// </summary>
    private TimeSpan DrainTime()
    {
        var seconds = _bytesPerSecond > 0 ? _pendingBytes / _bytesPerSecond : LogLimits.DrainTimeUnknown.TotalSeconds;
        if (Group is { } group)
            seconds = Math.Max(seconds, Time.GetElapsedTime(group.BeganAt).TotalSeconds);

        seconds += _log.Resources.Appends?.WaitOfNext.TotalSeconds ?? 0;
        return TimeSpan.FromSeconds(Math.Clamp(seconds, LogLimits.DrainTimeMin.TotalSeconds, LogLimits.AppendWaitMax.TotalSeconds));
    }
}
