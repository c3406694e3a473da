namespace OrleansStream.Topics.HotKeys;

/// <summary>Bounds of the detection of hot keys.</summary>
internal static class HotKeyLimits
{
    /// <summary>The counters of a router, and of a topic. A key's weight has an error of at most 1/128 of the traffic.</summary>
    public const int Counters = 128;

    /// <summary>The longest key, in bytes, that has its own counter. Longer keys only count towards the total.</summary>
    public const int KeyBytesMax = 256;

    /// <summary>The most keys that a router reports.</summary>
    public const int ReportedKeysMax = 32;

    /// <summary>The most keys that are shown.</summary>
    public const int ShownKeysMax = 20;

    /// <summary>The time between two reports of a router.</summary>
    public static readonly TimeSpan ReportPeriod = TimeSpan.FromSeconds(2);

    /// <summary>The age at which a record's weight has decayed to 1/e.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromSeconds(30);

    /// <summary>The count of records that must have been seen before a key counts as hot.</summary>
    public const double RecordsMin = 1_000;

    /// <summary>A key is hot when its traffic alone is this many times the even share of a partition.</summary>
    public const double HotShares = 1.5;
}
