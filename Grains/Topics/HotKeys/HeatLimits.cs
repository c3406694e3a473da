namespace OrleansStream.Topics.HotKeys;

/// <summary>Every bound of finding hot keys.</summary>
internal static class HeatLimits
{
    /// <summary>The counters of a router, and of a topic: what is found is exact to one part in 128 of the traffic.</summary>
    public const int Counters = 128;

    /// <summary>The longest key that is counted by itself, in bytes; longer ones count as others.</summary>
    public const int KeyBytesMax = 256;

    /// <summary>The keys a router reports.</summary>
    public const int ReportedKeysMax = 32;

    /// <summary>The keys that are shown.</summary>
    public const int ShownKeysMax = 20;

    /// <summary>The time between two reports of a router.</summary>
    public static readonly TimeSpan ReportPeriod = TimeSpan.FromSeconds(2);

    /// <summary>The time after which what was seen counts 1/e.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromSeconds(30);

    /// <summary>The records that must have been seen before a key is called hot.</summary>
    public const double RecordsMin = 1_000;

    /// <summary>A key is hot when it alone is so many times the even share of a partition.</summary>
    public const double HotShares = 1.5;
}
