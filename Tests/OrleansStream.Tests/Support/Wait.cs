using System.Diagnostics;

namespace OrleansStream.Tests.Support;

/// <summary>Waiting for something that a real process does: on a condition, with patience.</summary>
internal static class Wait
{
    /// <summary>Ample for any one step, even on a machine that is busy with other work.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Lets a time pass, for a test to which no condition tells what it needs. <c>WaitingTests</c> lists those tests.</summary>
    public static Task ForAsync(TimeSpan time) => Task.Delay(time, TimeProvider.System, TestContext.Current.CancellationToken);

    /// <summary>Waits until a condition holds.</summary>
    /// <exception cref="TimeoutException">It did not within <see cref="Patience"/>.</exception>
    public static Task UntilAsync(string what, Func<bool> condition) => UntilAsync(what, () => Task.FromResult(condition()));

    /// <inheritdoc cref="UntilAsync(string, Func{bool})"/>
    public static Task UntilAsync(string what, Func<Task<bool>> condition) => UntilAsync(what, condition, Patience);

    /// <summary>Waits until a condition holds, with a patience of its own.</summary>
    /// <exception cref="TimeoutException">It did not within the patience.</exception>
    public static async Task UntilAsync(string what, Func<Task<bool>> condition, TimeSpan patience)
    {
        if (!await TryUntilAsync(condition, patience))
            throw new TimeoutException($"Waited for {patience.TotalSeconds} s until {what}.");
    }

    /// <summary>Waits until a condition holds.</summary>
    /// <returns>False when it did not within the patience.</returns>
    public static async Task<bool> TryUntilAsync(Func<Task<bool>> condition, TimeSpan patience)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(started) > patience)
                return false;
            await ForAsync(Pause);
        }

        return true;
    }
}
