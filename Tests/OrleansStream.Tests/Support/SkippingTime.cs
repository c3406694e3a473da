namespace OrleansStream.Tests.Support;

/// <summary>The real time, and what it was put forward by: what was to happen meanwhile happens at once.</summary>
internal sealed class SkippingTime : TimeProvider
{
    private const int TriesPerStep = 50;

    private readonly Lock _lock = new();
    private readonly HashSet<SkippingTimer> _timers = [];
    private long _shiftTicks;

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddTicks(Volatile.Read(ref _shiftTicks));

    public override long GetTimestamp() =>
        System.GetTimestamp() + Volatile.Read(ref _shiftTicks) / TimeSpan.TicksPerMillisecond * (TimestampFrequency / 1000);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new SkippingTimer(this, callback, state);
        lock (_lock)
            _timers.Add(timer);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Puts time forward.</summary>
    public void Advance(TimeSpan by)
    {
        Interlocked.Add(ref _shiftTicks, by.Ticks);
        SkippingTimer[] timers;
        lock (_lock)
            timers = [.. _timers];
        foreach (var timer in timers)
            timer.Shift();
    }

    /// <summary>Puts time forward, and again about once a second, until a condition holds.</summary>
    /// <remarks>
    /// One step can be lost on a timer whose callback is still at work: a grain's timer is due one period after its callback has ended, so after
    /// the step.
    /// </remarks>
    /// <exception cref="TimeoutException">The condition did not hold within <see cref="Wait.Patience"/>.</exception>
    public Task AdvanceUntilAsync(string what, TimeSpan step, Func<Task<bool>> condition)
    {
        var tries = 0;
        return Wait.UntilAsync(what, async () =>
        {
            if (await condition())
                return true;
            if (tries++ % TriesPerStep == 0)
                Advance(step);
            return false;
        });
    }

    private sealed class SkippingTimer : ITimer
    {
        private readonly SkippingTime _time;
        private readonly ITimer _timer;
        private readonly Lock _lock = new();
        private DateTimeOffset _dueAt = DateTimeOffset.MaxValue;
        private TimeSpan _period;

        public SkippingTimer(SkippingTime time, TimerCallback callback, object? state)
        {
            _time = time;
            _timer = System.CreateTimer(
                given =>
                {
                    lock (_lock)
                        _dueAt = _period > TimeSpan.Zero ? _time.GetUtcNow() + _period : DateTimeOffset.MaxValue;
                    callback(given);
                },
                state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (_lock)
            {
                _period = period;
                _dueAt = dueTime < TimeSpan.Zero ? DateTimeOffset.MaxValue : _time.GetUtcNow() + dueTime;
                return _timer.Change(dueTime, period);
            }
        }

        public void Shift()
        {
            lock (_lock)
            {
                if (_dueAt == DateTimeOffset.MaxValue)
                    return;
                var left = _dueAt - _time.GetUtcNow();
                _timer.Change(left > TimeSpan.Zero ? left : TimeSpan.Zero, _period);
            }
        }

        public void Dispose()
        {
            Forget();
            _timer.Dispose();
        }

        // Waits for a callback that is under way, as the system's timers do.
        public ValueTask DisposeAsync()
        {
            Forget();
            return _timer.DisposeAsync();
        }

        private void Forget()
        {
            lock (_time._lock)
                _time._timers.Remove(this);
        }
    }
}
