namespace OrleansStream.Log.Contract;

/// <summary>Every bound of a partition's log, in one place.</summary>
public static class LogLimits
{
    /// <summary>The most bytes one append to the store carries, and so one request: an Azure append block (4 MiB).</summary>
    public const int GroupBytesMax = 4 * 1024 * 1024;

    /// <summary>What a batch of one record may add to the record's own bytes: header, varints, and a length for each of many record headers.</summary>
    public const int RecordFramingBytesMax = 16 * 1024;

    /// <summary>The most bytes a log holds that are not durable yet; beyond it appends are refused with a time to retry.</summary>
    public const int PendingBytesMax = 32 * 1024 * 1024;

    /// <summary>The most bytes all logs of a process hold that are not durable yet.</summary>
    public const long PendingBytesMaxOfProcess = 256L * 1024 * 1024;

    /// <summary>
    /// A log may hold this part of what is free of <see cref="PendingBytesMaxOfProcess"/>, a quarter: eight stuck logs leave a third
    /// of it to the others, a hundred leave a twenty-fifth.
    /// </summary>
    public const int PendingShareDivisor = 4;

    /// <summary>The most appends a log holds that are not durable yet.</summary>
    public const int PendingAppendsMax = 20_000;

    /// <summary>The most fetches that wait on one log.</summary>
    public const int ParkedFetchesMax = 10_000;

    /// <summary>The most bytes one fetch returns, but for a single larger batch: far below what a silo's connection carries.</summary>
    public const int FetchBytesMax = 4 * 1024 * 1024;

    /// <summary>The newest bytes of a log that are kept in memory.</summary>
    public const int TailCacheBytesMax = 8 * 1024 * 1024;

    /// <summary>The bytes of all logs of a process that are kept in memory to be read: newest ones, and what was read ahead.</summary>
    public const long CacheBytesMaxOfProcess = 256L * 1024 * 1024;

    /// <summary>The reads of older data that all logs of a process have under way at once; each takes up to 4 MiB.</summary>
    public const int ColdReadsMax = 32;

    /// <summary>The reads of older data that wait for their turn; beyond it readers are told to come again.</summary>
    public const int ColdReadsWaitingMax = 1_000;

    /// <summary>The first memory chunk of a log; each next one doubles, so that an idle partition stays small.</summary>
    public const int TailChunkBytesMin = 4 * 1024;

    /// <summary>The largest memory chunk, but for a single larger group.</summary>
    public const int TailChunkBytesMax = 1024 * 1024;

    /// <summary>One index entry per so many bytes, as Kafka's <c>index.interval.bytes</c>.</summary>
    public const int IndexIntervalBytes = 4096;

    /// <summary>The sealed segments whose index is kept in memory, per log.</summary>
    public const int IndexesMax = 4;

    /// <summary>The bytes one read of older data asks the store for: the reader's next fetches are served from them.</summary>
    public const int ReadAheadBytes = 1024 * 1024;

    /// <summary>The read-ahead blocks a log keeps: so many readers of older data go on side by side without reading each other's away.</summary>
    public const int ReadAheadBlocksMax = 16;

    /// <summary>The bytes recovery reads at a time; at least one whole group must fit.</summary>
    public const int RecoveryReadBytes = GroupBytesMax;

    /// <summary>The batches of a segment that are told one by one when their records cannot be read.</summary>
    public const int SegmentFaultsMax = 100;

    /// <summary>The bytes of an aged active segment that are read to see whether it holds any record: over a thousand fences.</summary>
    public const int UpkeepProbeBytes = 64 * 1024;

    /// <summary>
    /// The runs of batches remembered per producer. Kafka keeps 5 batches, the most that a client has in flight; a request of 16 MiB is
    /// at most 8 appends to a partition, each of which is one run.
    /// </summary>
    public const int ProducerRunsMax = 8;

    /// <summary>The producers a log remembers; beyond it the longest idle one is forgotten.</summary>
    public const int ProducersMax = 20_000;

    /// <summary>The producers above <see cref="ProducersMax"/> at which the longest idle ones are forgotten at once, not by the next upkeep.</summary>
    public const int ProducersSurplusMax = 2_000;

    /// <summary>The segments a manifest names; at that count segments grow instead; at 128 MiB each that is over a terabyte a partition.</summary>
    public const int SegmentsMax = 10_000;

    /// <summary>How often claiming a manifest is tried against others who claim it too.</summary>
    public const int ClaimAttemptsMax = 5;

    /// <summary>How often one append meets an inexplicable conflict before the log goes offline.</summary>
    public const int UnexplainedConflictsMax = 5;

    /// <summary>A producer that was idle for so long is forgotten (Kafka's <c>producer.id.expiration.ms</c>).</summary>
    public static readonly TimeSpan ProducerIdleMax = TimeSpan.FromDays(1);

    /// <summary>How long an append waits for the store before its caller is told that the outcome is unknown.</summary>
    public static readonly TimeSpan AppendWaitMax = TimeSpan.FromSeconds(30);

    /// <summary>The time over which the pace is measured at which a process's pending bytes become durable.</summary>
    public static readonly TimeSpan DrainRateWindow = TimeSpan.FromSeconds(5);

    /// <summary>How long a fetch may wait in one call.</summary>
    public static readonly TimeSpan FetchWaitMax = TimeSpan.FromSeconds(20);

    /// <summary>An owner that has not appended for so long looks at the manifest before it says that there is nothing newer.</summary>
    public static readonly TimeSpan OwnershipProofAge = TimeSpan.FromSeconds(5);

    /// <summary>The time between taking a segment out of the log and deleting its bytes: readers under way may finish.</summary>
    public static readonly TimeSpan DeletionGrace = TimeSpan.FromSeconds(60);

    /// <summary>A second failed sync within this time takes the partition offline: the medium is failing.</summary>
    public static readonly TimeSpan BrokenAgainWithin = TimeSpan.FromMinutes(1);

    /// <summary>A log that was idle for so long gives its cached bytes back.</summary>
    public static readonly TimeSpan CacheIdleMax = TimeSpan.FromSeconds(60);

    /// <summary>The first and the longest pause between two tries against a failing store.</summary>
    public static readonly TimeSpan RetryPauseMin = TimeSpan.FromMilliseconds(10), RetryPauseMax = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long an opening log reads again when the store answers without the fence that it has just stored; then it gives up, and whoever
    /// opens it next begins anew.
    /// </summary>
    public static readonly TimeSpan StaleReadsMax = TimeSpan.FromSeconds(10);

    /// <summary>How long closing a log waits for the append under way.</summary>
    public static readonly TimeSpan CloseWaitMax = TimeSpan.FromSeconds(10);
}
