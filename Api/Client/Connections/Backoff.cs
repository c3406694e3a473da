namespace OrleansStream.Client.Connections;

/// <summary>The waits of calls that are repeated for as long as it takes.</summary>
internal static class Backoff
{
    /// <summary>The wait before the next try: about twice as long each time, and varied at random, so that clients come apart.</summary>
    /// <param name="failures">The failures before.</param>
    public static TimeSpan After(int failures)
    {
        var doubled = ConnectionLimits.BackoffDefault.TotalMilliseconds * Math.Pow(2, Math.Min(failures, 20));
        var longest = Math.Min(ConnectionLimits.EndlessBackoffMax.TotalMilliseconds, doubled);
        return TimeSpan.FromMilliseconds(longest * (0.5 + Random.Shared.NextDouble() / 2));
    }
}
