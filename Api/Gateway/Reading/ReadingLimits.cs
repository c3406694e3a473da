using OrleansStream.Records;

namespace OrleansStream.Gateway.Reading;

/// <summary>The bounds of reading and following topics.</summary>
public static class ReadingLimits
{
    /// <summary>The bytes of batches that a fetch reads when the request does not say.</summary>
    public const int FetchBytesDefault = 1024 * 1024;

    /// <summary>
    /// Once a JSON answer has decompressed so many bytes, it opens no further batch. It is twice the largest batch. The next fetch goes on there.
    /// </summary>
    public const int UnfoldedBytesPerAnswerMax = 2 * RecordLimits.DecompressedBatchBytesMax;

    /// <summary>The most partitions that one read of many partitions asks at once.</summary>
    public const int SetReadsAtOnce = 16;

    /// <summary>
    /// How long a read of many partitions that may wait holds back the error of a partition, because its caller would ask again at once.
    /// </summary>
    public static readonly TimeSpan ErrorPause = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// How long a read of many partitions waits for those that do not answer at once, each <see cref="SetReadsAtOnce"/> of them. It is longer than a
    /// read from the store takes, and shorter than an owner that hangs is waited for.
    /// </summary>
    public static readonly TimeSpan SlowPartitionWait = TimeSpan.FromSeconds(1);

    /// <summary>The same wait once a partition of the same read did not answer in time.</summary>
    public static readonly TimeSpan SlowPartitionWaitMin = TimeSpan.FromMilliseconds(50);

    /// <summary>The same wait for a partition that answered late the last time.</summary>
    public static readonly TimeSpan SlowPartitionWaitMax = TimeSpan.FromSeconds(10);

    /// <summary>The most partitions that one reader leaves behind. A reader that has as many waits for every answer.</summary>
    public const int LateReadsMax = 1_000;

    /// <summary>The pause before a read of many partitions asks again those on which it may not wait.</summary>
    public static readonly TimeSpan UnwaitedPause = TimeSpan.FromMilliseconds(200);

    /// <summary>How long a lost read is repeated after its start. It is longer than a dead server's grains take to move.</summary>
    public static readonly TimeSpan LostReadRepeatMax = TimeSpan.FromSeconds(15);

    /// <summary>The pause before a lost read is repeated.</summary>
    public static readonly TimeSpan LostReadPause = TimeSpan.FromMilliseconds(100);

    /// <summary>The most live tails of this process at once.</summary>
    public const int TailsMax = 1_000;

    /// <summary>
    /// The most reads of this process that wait for records at once. A fetch is one read; a tail or a poll has one for each partition. Each takes
    /// about 10 KB.
    /// </summary>
    public const int WaitingReadsMax = 32 * 1024;

    /// <summary>A poll may wait with at most one in this many of the free reads, and asks its other partitions in turn.</summary>
    public const int WaitingReadsPartOfFree = 4;

    /// <summary>The bytes of batches that a live tail reads at once from each partition.</summary>
    public const int TailFetchBytes = 64 * 1024;

    /// <summary>How often a live tail sends a comment, by which both ends notice a dead connection, and looks for new partitions.</summary>
    public static readonly TimeSpan TailHeartbeat = TimeSpan.FromSeconds(15);

    /// <summary>The wait before a live tail asks again for a partition that is moving.</summary>
    public static readonly TimeSpan TailRetry = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long a partition of a live tail may be unavailable before its client is told. It is longer than a partition takes to move.
    /// </summary>
    public static readonly TimeSpan TailOutageUntold = TimeSpan.FromSeconds(15);
}
