using OrleansStream.Log.Contract;

namespace OrleansStream.Log.Resources;

/// <summary>
/// Waits on the log's clock. After a cancelled <see cref="Task.Delay(TimeSpan, TimeProvider, CancellationToken)"/> continuations run on the thread
/// pool; here they never do, so a log runs wholly on the threads of its store, its clock and its callers.
/// </summary>
internal static class LogPause
{
    /// <summary>The pause that follows a given pause between two tries against a failing store.</summary>
    public static TimeSpan Next(TimeSpan pause) => pause * 2 < LogLimits.RetryPauseMax ? pause * 2 : LogLimits.RetryPauseMax;

    /// <summary>Waits for a time. Cancellation ends the wait early, without an exception.</summary>
    public static ValueTask WaitAsync(TimeSpan span, TimeProvider time, CancellationToken cancellationToken) =>
        WaitAsync(new TaskCompletionSource(), span, time, cancellationToken);

    /// <summary>Waits for a task to end, but no longer than a given time.</summary>
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
