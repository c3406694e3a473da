namespace OrleansStream.Maintenance;

/// <summary>The pace of the upkeep of partitions that nobody has open.</summary>
internal static class UpkeepLimits
{
    /// <summary>How often each silo asks for a sweep; whichever asks first when one is due starts it.</summary>
    public static readonly TimeSpan TickPeriod = TimeSpan.FromMinutes(1);

    /// <summary>The time from the end of a sweep to the start of the next.</summary>
    public static readonly TimeSpan SweepPeriod = TimeSpan.FromMinutes(5);

    /// <summary>The partitions that are looked at, or opened, at the same time.</summary>
    public const int PartitionsAtOnce = 8;

    /// <summary>
    /// The pause after a partition was opened for its upkeep, on each of the <see cref="PartitionsAtOnce"/> ways: so at most ten a
    /// second are opened, and not all of a large cluster's at once.
    /// </summary>
    public static readonly TimeSpan OpenedPause = TimeSpan.FromMilliseconds(800);

    /// <summary>The pause after each topic, so that a sweep of many is a trickle of reads.</summary>
    public static readonly TimeSpan TopicPause = TimeSpan.FromMilliseconds(10);
}
