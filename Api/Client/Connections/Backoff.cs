namespace OrleansStream.Client.Connections;

/// <summary>The waits of calls that are repeated.</summary>
internal static class Backoff
{
    /// <summary>The wait before the next try of a call that is repeated for as long as it takes.</summary>
    /// <param name="failures">The failures before.</param>
    public static TimeSpan After(int failures) => After(failures, ConnectionLimits.BackoffDefault, ConnectionLimits.EndlessBackoffMax);

    /// <summary>The wait before the next try: about twice as long each time, and varied at random, so that clients come apart.</summary>
    /// <param name="failures">The failures before.</param>
    /// <param name="first">About how long the first wait is.</param>
    /// <param name="longest">The longest wait.</param>
    public static TimeSpan After(int failures, TimeSpan first, TimeSpan longest)
    {
        var doubled = first.TotalMilliseconds * Math.Pow(2, Math.Min(failures, 20));
        return TimeSpan.FromMilliseconds(Math.Min(longest.TotalMilliseconds, doubled) * (0.5 + Random.Shared.NextDouble() / 2));
    }
}
