using OrleansStream.Log.Contract;

namespace OrleansStream.Log.Resources;

/// <summary>
/// Waits on the log's clock. Unlike those of a cancelled <see cref="Task.Delay(TimeSpan, TimeProvider, CancellationToken)"/> its
/// continuations never go to the thread pool: a log runs wholly on the threads of its store, its clock and its callers.
/// </summary>
internal static class LogPause
{
    /// <summary>The pause after another one, between two tries against a failing store.</summary>
    public static TimeSpan Next(TimeSpan pause) => pause * 2 < LogLimits.RetryPauseMax ? pause * 2 : LogLimits.RetryPauseMax;

    /// <summary>Waits for a time, or less when it is given up; it does not throw then.</summary>
    public static ValueTask WaitAsync(TimeSpan span, TimeProvider time, CancellationToken cancellationToken) =>
        WaitAsync(new TaskCompletionSource(), span, time, cancellationToken);

    /// <summary>Waits for a task to end, but not longer than a time.</summary>
    public static async ValueTask WaitAsync(Task task, TimeSpan span, TimeProvider time)
    {
        var either = new TaskCompletionSource();
        _ = task.ContinueWith(
            static (_, either) => ((TaskCompletionSource)either!).TrySetResult(), either, CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        await WaitAsync(either, span, time, CancellationToken.None).ConfigureAwait(false);
    }

    private static async ValueTask WaitAsync(
        TaskCompletionSource over, TimeSpan span, TimeProvider time, CancellationToken cancellationToken)
    {
        using var timer = time.CreateTimer(
            static over => ((TaskCompletionSource)over!).TrySetResult(), over, span, Timeout.InfiniteTimeSpan);
        using (cancellationToken.UnsafeRegister(static over => ((TaskCompletionSource)over!).TrySetResult(), over))
            await over.Task.ConfigureAwait(false);
    }
}
