using OrleansStream.Records;

namespace OrleansStream.Gateway.Reading;

/// <summary>The bounds of reading and following topics.</summary>
public static class ReadingLimits
{
    /// <summary>Bytes of batches read for a fetch when the request does not say.</summary>
    public const int FetchBytesDefault = 1024 * 1024;

    /// <summary>
    /// The bytes that an answer in JSON unfolds of compressed batches at which no further batch is opened: two of the largest. The next fetch
    /// goes on from there.
    /// </summary>
    public const int UnfoldedBytesPerAnswerMax = 2 * RecordLimits.DecompressedBatchBytesMax;

    /// <summary>The most partitions that are asked at once on behalf of one read of many.</summary>
    public const int SetReadsAtOnce = 16;

    /// <summary>How long the error of a partition is held back in a read of many that may wait: who is told so asks again at once.</summary>
    public static readonly TimeSpan ErrorPause = TimeSpan.FromMilliseconds(200);

    /// <summary>The pause before a read of many asks again for the partitions that it may not wait on.</summary>
    public static readonly TimeSpan UnwaitedPause = TimeSpan.FromMilliseconds(200);

    /// <summary>How long a lost read is repeated, from its beginning on: longer than a dead server's grains take to move.</summary>
    public static readonly TimeSpan LostReadRepeatMax = TimeSpan.FromSeconds(15);

    /// <summary>The pause before a lost read is repeated.</summary>
    public static readonly TimeSpan LostReadPause = TimeSpan.FromMilliseconds(100);

    /// <summary>The most live tails at once in this process.</summary>
    public const int TailsMax = 1_000;

    /// <summary>
    /// The most reads that wait for records at once in this process: a fetch is one, a tail and a poll have one for each partition. Each takes some 10 KB.
    /// </summary>
    public const int WaitingReadsMax = 32 * 1024;

    /// <summary>A poll waits on at most a quarter of that which is free, and asks for its other partitions in turn.</summary>
    public const int WaitingReadsPartOfFree = 4;

    /// <summary>Bytes of batches a live tail reads at once, per partition.</summary>
    public const int TailFetchBytes = 64 * 1024;

    /// <summary>How often a live tail sends a comment, so that both ends notice a dead connection, and looks for new partitions.</summary>
    public static readonly TimeSpan TailHeartbeat = TimeSpan.FromSeconds(15);

    /// <summary>The wait before a live tail asks again for a partition that is moving.</summary>
    public static readonly TimeSpan TailRetry = TimeSpan.FromSeconds(1);

    /// <summary>How long a partition of a live tail may be away before its client is told: longer than a partition takes to move.</summary>
    public static readonly TimeSpan TailOutageUntold = TimeSpan.FromSeconds(15);
}
