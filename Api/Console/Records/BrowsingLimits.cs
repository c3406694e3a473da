namespace OrleansStream.WebConsole.Records;

/// <summary>Bounds of what the pages that show records ask of the service.</summary>
public static class BrowsingLimits
{
    /// <summary>The most records that the service looks at for one page, before it asks whether to search on.</summary>
    public const int ScannedMax = 200_000;

    /// <summary>The partitions that are asked at once.</summary>
    public const int AskedAtOnce = 6;

    /// <summary>The most partitions whose records come in one order of time.</summary>
    public const int PartitionsTogether = 64;

    /// <summary>The most records that one round of a live view reads.</summary>
    public const int RoundRecordsMax = 60;

    /// <summary>The most partitions that one round of a live view reads from.</summary>
    public const int RoundPartitionsMax = 12;

    /// <summary>The time between two rounds of a live view.</summary>
    public static readonly TimeSpan RoundPeriod = TimeSpan.FromMilliseconds(700);
}
