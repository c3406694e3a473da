namespace OrleansStream.Client.Connections;

/// <summary>The waits of calls that are repeated for as long as it takes.</summary>
internal static class Backoff
{
    private static readonly TimeSpan Min = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Max = TimeSpan.FromSeconds(5);

    /// <summary>The wait before the next try: about twice as long each time, and varied at random, so that clients come apart.</summary>
    /// <param name="failures">The failures before.</param>
    public static TimeSpan After(int failures)
    {
        var longest = Math.Min(Max.TotalMilliseconds, Min.TotalMilliseconds * Math.Pow(2, Math.Min(failures, 20)));
        return TimeSpan.FromMilliseconds(longest * (0.5 + Random.Shared.NextDouble() / 2));
    }
}
