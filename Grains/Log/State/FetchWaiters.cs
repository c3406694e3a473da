using OrleansStream.Errors;
using OrleansStream.Log.Contract;

namespace OrleansStream.Log.State;

/// <summary>The fetches that wait for new records. Each costs a timer and no thread.</summary>
/// <remarks>The log's gate guards the list. A waiter is woken outside the gate, because its continuation runs on the waking thread.</remarks>
/// <param name="log">The log whose end they wait for, and whose gate guards them.</param>
internal sealed class FetchWaiters(OpenLog log)
{
    private readonly List<Waiter> _waiting = [];
    private bool _waitsNoMore;

    /// <summary>Waits until something is appended at or above an offset, the time is up, or the log ends.</summary>
    /// <param name="offset">The high watermark that the caller has seen.</param>
    /// <param name="wait">How long to wait at most; the bound is <see cref="LogLimits.FetchWaitMax"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Null when the wait is over; an error when too many wait already.</returns>
    /// <exception cref="OperationCanceledException">The wait was cancelled.</exception>
    public async ValueTask<LogError?> WaitAsync(long offset, TimeSpan wait, CancellationToken cancellationToken)
    {
        Waiter waiter;
        lock (log.Gate)
        {
            if (log.EndOffset > offset || log.HasEnded || _waitsNoMore)
                return null;

            if (_waiting.Count >= LogLimits.ParkedFetchesMax)
            {
                return new LogError(
                    StreamErrorCode.ThrottlingQuotaExceeded,
                    $"{LogLimits.ParkedFetchesMax} readers wait on this partition already.", RetryAfter: LogLimits.RetryPauseMax);
            }

            waiter = new Waiter(log.Place.Time, wait < LogLimits.FetchWaitMax ? wait : LogLimits.FetchWaitMax);
            _waiting.Add(waiter);
        }

        using (cancellationToken.UnsafeRegister(static waiter => ((Waiter)waiter!).Wake(), waiter))
            await waiter.Task.ConfigureAwait(false);

        lock (log.Gate)
        {
            _waiting.Remove(waiter);
        }

        waiter.Dispose();
        cancellationToken.ThrowIfCancellationRequested();
        return null;
    }

    /// <summary>Wakes all waiting fetches. Not under the gate.</summary>
    public void Wake()
    {
        Waiter[] woken;
        lock (log.Gate)
        {
            if (_waiting.Count == 0)
                return;

            woken = [.. _waiting];
            _waiting.Clear();
        }

        foreach (var waiter in woken)
            waiter.Wake();
    }

    /// <summary>Wakes all waiting fetches, and lets none wait from now on. A server that stops calls it.</summary>
    public void Stop()
    {
        lock (log.Gate)
        {
            _waitsNoMore = true;
        }

        Wake();
    }

    private sealed class Waiter : IDisposable
    {
        private readonly TaskCompletionSource _woken = new();
        private readonly ITimer _timer;

        public Waiter(TimeProvider time, TimeSpan wait) =>
            _timer = time.CreateTimer(static waiter => ((Waiter)waiter!).Wake(), this, wait, Timeout.InfiniteTimeSpan);

        public Task Task => _woken.Task;

        public void Wake() => _woken.TrySetResult();

        public void Dispose() => _timer.Dispose();
    }
}
