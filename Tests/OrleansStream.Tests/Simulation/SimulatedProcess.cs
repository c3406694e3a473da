using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Simulation;

/// <summary>
/// A process that can be stopped for a while (SIGSTOP) or killed at any moment. It sees time through its own clock: once it
/// is dead neither its timers nor the replies to its requests reach it any more, so nothing of its code runs again.
/// </summary>
internal sealed class SimulatedProcess(SimulatedTime time, string name) : TimeProvider
{
    private TimeSpan _pausedUntil;

    public string Name => name;

    public bool IsAlive { get; private set; } = true;

    public bool IsPaused => time.Elapsed < _pausedUntil;

    /// <summary>Runs once, when the process dies; never for one that exits in order.</summary>
    public event Action? Killed;

    public override long TimestampFrequency => time.TimestampFrequency;

    public override DateTimeOffset GetUtcNow() => time.GetUtcNow();

    public override long GetTimestamp() => time.GetTimestamp();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new SimulatedTimer(Post, callback, state, dueTime, period);

    /// <summary>Runs something inside the process later: not while it is stopped, and never once it is dead.</summary>
    public void Post(TimeSpan delay, Action action) => time.Schedule(delay, () => Run(action));

    public void Pause(TimeSpan span) => _pausedUntil = time.Elapsed + span;

    public void Resume() => _pausedUntil = TimeSpan.Zero;

    public void Kill()
    {
        if (!IsAlive)
            return;
        IsAlive = false;
        Killed?.Invoke();
    }

    /// <summary>Ends a process that has closed everything it had open.</summary>
    public void Exit() => IsAlive = false;

    private void Run(Action action)
    {
        if (!IsAlive)
            return;
        if (IsPaused)
            time.Schedule(_pausedUntil - time.Elapsed, () => Run(action));
        else
            action();
    }
}
