namespace OrleansStream.Maintenance;

/// <summary>The pace at which partitions that nobody has open are maintained.</summary>
internal static class MaintenanceLimits
{
    /// <summary>How often each silo asks for a sweep. The first one to ask when a sweep is due starts it.</summary>
    public static readonly TimeSpan TickPeriod = TimeSpan.FromMinutes(1);

    /// <summary>The time from the end of a sweep to the start of the next.</summary>
    public static readonly TimeSpan SweepPeriod = TimeSpan.FromMinutes(5);

    /// <summary>The most partitions that are looked at, or opened, at the same time.</summary>
    public const int PartitionsAtOnce = 8;

    /// <summary>
    /// The pause after a partition was opened for its maintenance. Each of the <see cref="PartitionsAtOnce"/> loops makes this pause, so at most ten
    /// partitions a second are opened.
    /// </summary>
    public static readonly TimeSpan OpenedPause = TimeSpan.FromMilliseconds(800);

    /// <summary>The pause after each topic, so that a sweep over many topics reads slowly.</summary>
    public static readonly TimeSpan TopicPause = TimeSpan.FromMilliseconds(10);
}
