namespace OrleansStream.Tests.Support;

/// <summary>
/// Lets time pass where that is what a test does: the pace of a load, how slow a store is. It is not for waiting until something has come about,
/// which <see cref="Wait"/> does by a condition.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class Pacing(TimeProvider time)
{
    /// <summary>By the system's clock, which real processes go by.</summary>
    public static Pacing Real { get; } = new(TimeProvider.System);

    /// <summary>Lets a time pass.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled before.</exception>
    public Task PassAsync(TimeSpan pause, CancellationToken cancellationToken) => Task.Delay(pause, time, cancellationToken);

    /// <summary>Lets a time pass, or what there was of it before it was cancelled.</summary>
    public Task PassAtMostAsync(TimeSpan pause, CancellationToken cancellationToken) =>
        PassAsync(pause, cancellationToken).ContinueWith(_ => { }, TaskScheduler.Default);

    /// <summary>Stands still until it is cancelled: what never answers.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static Task StandStillAsync(CancellationToken cancellationToken) =>
        Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
}
