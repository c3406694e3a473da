namespace OrleansStream.Tests.Support;

/// <summary>
/// Virtual time and the one queue of events that drives a round. Time stands still while an event runs; events due at the
/// same moment run in the order they were scheduled.
/// </summary>
internal sealed class SimulatedTime : TimeProvider
{
    private static readonly DateTimeOffset Start = new(2026, 6, 11, 19, 0, 0, TimeSpan.Zero);
    private readonly PriorityQueue<Action, (long Due, long Order)> _events = new();
    private long _nowTicks;
    private long _order;

    public TimeSpan Elapsed => TimeSpan.FromTicks(_nowTicks);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => Start + Elapsed;

    public override long GetTimestamp() => _nowTicks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new SimulatedTimer(Schedule, callback, state, dueTime, period);

    public void Schedule(TimeSpan delay, Action action) =>
        _events.Enqueue(action, (_nowTicks + Math.Max(0, delay.Ticks), _order++));

    /// <summary>Runs everything due up to a moment, and stops there.</summary>
    public void RunUntil(TimeSpan moment)
    {
        while (_events.TryPeek(out _, out var next) && next.Due <= moment.Ticks)
            RunNext();
        _nowTicks = Math.Max(_nowTicks, moment.Ticks);
    }

    /// <summary>Runs events until a condition holds or a moment has come.</summary>
    /// <returns>True when the condition holds.</returns>
    public bool RunUntil(Func<bool> condition, TimeSpan moment)
    {
        while (!condition())
        {
            if (!_events.TryPeek(out _, out var next) || next.Due > moment.Ticks)
            {
                RunUntil(moment);
                return condition();
            }

            RunNext();
        }

        return true;
    }

    /// <summary>Moves the clock ahead at once: what was due meanwhile runs late, as after a suspended machine wakes.</summary>
    public void Jump(TimeSpan span) => _nowTicks += span.Ticks;

    private void RunNext()
    {
        _events.TryDequeue(out var action, out var next);
        _nowTicks = Math.Max(_nowTicks, next.Due);
        action!();
    }
}

/// <summary>A timer over a scheduler of virtual time.</summary>
internal sealed class SimulatedTimer : ITimer
{
    private readonly Action<TimeSpan, Action> _schedule;
    private readonly TimerCallback _callback;
    private readonly object? _state;
    private int _generation;

    public SimulatedTimer(
        Action<TimeSpan, Action> schedule, TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        _schedule = schedule;
        _callback = callback;
        _state = state;
        Change(dueTime, period);
    }

    public bool Change(TimeSpan dueTime, TimeSpan period)
    {
        var generation = ++_generation;
        if (dueTime != Timeout.InfiniteTimeSpan)
            _schedule(dueTime, () => Fire(generation, period));
        return true;
    }

    public void Dispose() => _generation++;

    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private void Fire(int generation, TimeSpan period)
    {
        if (generation != _generation)
            return;
        if (period > TimeSpan.Zero)
            _schedule(period, () => Fire(generation, period));
        _callback(_state);
    }
}
