namespace OrleansStream.Topics;

/// <summary>Bounds of the topic grains' own work.</summary>
internal static class TopicGrainLimits
{
    /// <summary>How long a change of a topic waits for its partitions; what is not done by then is done later.</summary>
    public static readonly TimeSpan PartitionsWaitMax = TimeSpan.FromSeconds(10);

    /// <summary>How long a router uses what it knows of a topic before it asks again.</summary>
    public static readonly TimeSpan TopicCacheAge = TimeSpan.FromSeconds(2);

    /// <summary>How long a router goes on asking for a topic whose owner's silo has gone: longer than a killed silo's grains take to move.</summary>
    public static readonly TimeSpan TopicOwnerWaitMax = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long a router stays that nobody uses, in minutes: it costs little to make anew, and those of deleted topics are of no use. The runtime
    /// looks once a minute.
    /// </summary>
    public const double RouterAgeMinutes = 3;

    /// <summary>The routers of a process: more than there can be topics, as names of deleted ones stay for a while.</summary>
    public const int RoutersMax = 2 * TopicLimits.TopicsMax;

    /// <summary>How often a router tries an append without identity that was definitely not stored, or a read.</summary>
    public const int AttemptsMax = 3;

    /// <summary>The pause between two such tries: a partition takes about as long to move.</summary>
    public static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(100);

    /// <summary>How often the catalogue looks for deleted topics whose bytes are still there.</summary>
    public static readonly TimeSpan DeletionPeriod = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long after a deleted topic's bytes were freed they are looked for once more: an owner that was stopped while it opened or
    /// rolled a partition may have left some. Longer than a silo without its membership goes unnoticed.
    /// </summary>
    public static readonly TimeSpan DeletionWatch = TimeSpan.FromMinutes(15);

    /// <summary>The deleted topics that are watched; beyond it they are forgotten once their bytes are freed.</summary>
    public const int DeletionsWatchedMax = 10_000;

    /// <summary>The partitions whose bytes are freed at the same time.</summary>
    public const int DeletionsAtOnce = 8;
}
