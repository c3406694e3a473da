using OrleansStream.Instrumentation;

namespace OrleansStream.Log.Resources;

/// <summary>Bounds how many appends all logs of a process begin in a second. The log that has waited longest goes first.</summary>
/// <remarks>
/// Safe to call from any thread. Turns come at even intervals. A late turn, as timers cause it, is made up for, but no second has more turns than the
/// budget. A log has at most one append that waits, so busy and quiet logs get equally many turns.
/// </remarks>
public sealed class AppendBudget : IDisposable
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly long[] _turnsAt;
    private readonly long _interval;
    private readonly long _window;
    private readonly Queue<TaskCompletionSource> _waiting = new();
    private readonly ITimer _timer;
    private long _turns;
    private long _nextAt;

    /// <summary>Makes a budget.</summary>
    /// <param name="appendsPerSecondMax">The most appends in any second.</param>
    /// <param name="time">Times the turns.</param>
    public AppendBudget(int appendsPerSecondMax, TimeProvider time)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(appendsPerSecondMax);
        _time = time;
        _turnsAt = new long[appendsPerSecondMax];
        _interval = time.TimestampFrequency / appendsPerSecondMax;
        _window = (long)(Window.TotalSeconds * time.TimestampFrequency);
        _nextAt = time.GetTimestamp();
        _timer = OutsideRequest.CreateTimer(
            time, static budget => ((AppendBudget)budget!).GiveTurns(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The logs that wait for their turn.</summary>
    public int WaitingCount
    {
        get
        {
            lock (_gate)
                return _waiting.Count;
        }
    }

    /// <summary>How long an append that comes now waits for its turn.</summary>
    public TimeSpan WaitOfNext => TimeSpan.FromSeconds((double)WaitingCount * _interval / _time.TimestampFrequency);

    /// <summary>Waits for the turn to append once.</summary>
    /// <param name="cancellationToken">Gives the turn up; the next one in the queue gets it.</param>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public ValueTask TakeTurnAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            var now = _time.GetTimestamp();
            if (_waiting.Count == 0 && DueAt <= now)
            {
                // Unused turns do not add up.
                _nextAt = Math.Max(_nextAt, now);
                Take(now);
                return ValueTask.CompletedTask;
            }

            var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Enqueue(turn);
            if (_waiting.Count == 1)
                SetTimer(now);
            return new ValueTask(WaitAsync(turn, cancellationToken));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private static async Task WaitAsync(TaskCompletionSource turn, CancellationToken cancellationToken)
    {
        using var registration = cancellationToken.UnsafeRegister(
            static (state, token) => ((TaskCompletionSource)state!).TrySetCanceled(token), turn);
        await turn.Task.ConfigureAwait(false);
    }

    // The next turn is due after the interval, and not before the second is over in which the last full budget of turns began.
    private long DueAt => _turns < _turnsAt.Length ? _nextAt : Math.Max(_nextAt, _turnsAt[_turns % _turnsAt.Length] + _window);

    private void Take(long now)
    {
        _turnsAt[_turns++ % _turnsAt.Length] = now;
        _nextAt += _interval;
    }

    private void GiveTurns()
    {
        lock (_gate)
        {
            var now = _time.GetTimestamp();
            while (_waiting.Count > 0 && DueAt <= now)
            {
                // A waiter that gave up takes no turn.
                if (_waiting.Dequeue().TrySetResult())
                    Take(now);
            }

            if (_waiting.Count > 0)
                SetTimer(now);
        }
    }

    private void SetTimer(long now)
    {
        var left = TimeSpan.FromSeconds((double)(DueAt - now) / _time.TimestampFrequency);
        // Timers count whole milliseconds. Rounded down, the timer would fire too early again and again.
        _timer.Change(TimeSpan.FromMilliseconds(Math.Max(1, Math.Ceiling(left.TotalMilliseconds))), Timeout.InfiniteTimeSpan);
    }
}
