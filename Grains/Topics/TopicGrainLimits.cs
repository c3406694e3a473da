namespace OrleansStream.Topics;

/// <summary>Bounds of the topic grains' own work.</summary>
internal static class TopicGrainLimits
{
    /// <summary>How long a change of a topic waits for its partitions. Partitions that need longer follow later.</summary>
    public static readonly TimeSpan PartitionsWaitMax = TimeSpan.FromSeconds(10);

    /// <summary>How long a router uses its copy of a topic before it asks again.</summary>
    public static readonly TimeSpan TopicCacheAge = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long one question to a topic's owner or to the catalogue may take. If no answer has come by then, their silo may hang: a router asks
    /// again, because another silo may have taken over.
    /// </summary>
    public static readonly TimeSpan TopicAskMax = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a router asks for a topic whose owner does not answer. It is longer than the 15 s within which the grains of a hung silo move, and
    /// leaves some of <see cref="TopicLimits.AppendTimeout"/> for the append itself.
    /// </summary>
    public static readonly TimeSpan TopicOwnerWaitMax = TimeSpan.FromSeconds(18);

    /// <summary>
    /// How long an unused router stays, in minutes. A router costs little to create again, and those of deleted topics have no use. The runtime
    /// checks once a minute.
    /// </summary>
    public const double RouterAgeMinutes = 3;

    /// <summary>The most routers of a process. There are more than topics, because the routers of deleted topics stay for a while.</summary>
    public const int RoutersMax = 2 * TopicLimits.TopicsMax;

    /// <summary>
    /// The most bytes of records, over all requests of a process, that are held unfolded because they are divided over partitions or compressed anew:
    /// 8 of the largest requests. What short batches take beyond their records counts, too. Above it requests are refused before anything of them is
    /// stored.
    /// </summary>
    public const long RewriteBytesMaxOfProcess = 8L * TopicLimits.UnfoldedBytesMax;

    /// <summary>A batch takes at most a quarter of what is free of that at once, so that a few large ones leave room for many small ones.</summary>
    public const int RewritePartOfFree = 4;

    /// <summary>When a request that was refused for <see cref="RewriteBytesMaxOfProcess"/> may come again: most are stored sooner.</summary>
    public static readonly TimeSpan RewriteRetryAfter = TimeSpan.FromMilliseconds(500);

    /// <summary>How often a router tries a read, or an append without identity that was certainly not stored.</summary>
    public const int AttemptsMax = 3;

    /// <summary>The pause between two such tries; a partition takes about as long to move.</summary>
    public static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(100);

    /// <summary>How often the catalogue looks for deleted topics whose bytes are still there.</summary>
    public static readonly TimeSpan DeletionPeriod = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long after a deleted topic's bytes were freed the catalogue checks once more for bytes. An owner that was stopped while it opened or
    /// rolled a partition may have left some. The time is longer than a silo can remain unaware that it lost its membership.
    /// </summary>
    public static readonly TimeSpan DeletionWatch = TimeSpan.FromMinutes(15);

    /// <summary>The most deleted topics that are watched. Above it they are forgotten once their bytes are freed.</summary>
    public const int DeletionsWatchedMax = 10_000;

    /// <summary>The most partitions whose bytes are freed at the same time.</summary>
    public const int DeletionsAtOnce = 8;
}
