using OrleansStream.Log.Contract;
using OrleansStream.Log.Writing;

namespace OrleansStream.Log;

// Nobody waits for ever: an append that the store does not confirm in time is answered with its outcome unknown, and resolving it goes on.
public sealed partial class PartitionLog
{
    private static readonly TimeSpan DeadlineCheckInterval = TimeSpan.FromSeconds(5);
    private readonly ITimer _deadlineTimer;
    private bool _deadlinesWatched;

    /// <summary>Starts looking for late appends, if nobody does. Under the gate. Costs nothing while the store answers.</summary>
    private void WatchDeadlines()
    {
        if (!_deadlinesWatched)
        {
            _deadlinesWatched = true;
            _deadlineTimer.Change(DeadlineCheckInterval, Timeout.InfiniteTimeSpan);
        }
    }

    private void ExpireWaiting()
    {
        List<PendingAppend> late;
        lock (_gate)
        {
            late = [.. (_group?.Appends ?? []).Concat(_queue)
                .Where(append => _time.GetElapsedTime(append.AdmittedAt) >= LogLimits.AppendWaitMax)];
            _deadlinesWatched = _group is not null || _queue.Count > 0;
            if (_deadlinesWatched && _end is null)
            {
                _deadlineTimer.Change(DeadlineCheckInterval, Timeout.InfiniteTimeSpan);
            }
        }

        foreach (var append in late)
        {
            append.TrySetResult(TimedOut(append));
        }
    }
}
