namespace OrleansStream.Log.Contract;

/// <summary>Every bound of a partition's log, in one place.</summary>
public static class LogLimits
{
    /// <summary>The most bytes of one append to the store, and so of one append to a partition: an Azure append block (4 MiB).</summary>
    public const int GroupBytesMax = 4 * 1024 * 1024;

    /// <summary>
    /// The waiting bytes from which on the next group is given to the store before the callers of the last one are answered, so that the store does
    /// not stand still meanwhile. Fewer bytes wait until the answers have brought more, because a write of few bytes costs as much as one of many.
    /// </summary>
    public const int StoredBeforeAnswersBytesMin = 128 * 1024;

    /// <summary>
    /// The most bytes that a batch of one record adds to the record's own: header, varints, and a length for each of many record
    /// headers.
    /// </summary>
    public const int RecordFramingBytesMax = 16 * 1024;

    /// <summary>
    /// The most bytes that the compressed batches of one append unfold to: 64 times what an append may have. All are unfolded once to be checked, so
    /// this bounds the time that a request of few bytes may take.
    /// </summary>
    public const int UnfoldedBytesOfAppendMax = 256 * 1024 * 1024;

    /// <summary>The most bytes of a log that are not durable yet. Above it appends are refused, with a time to retry.</summary>
    public const int PendingBytesMax = 32 * 1024 * 1024;

    /// <summary>The most bytes, over all logs of a process, that are not durable yet.</summary>
    public const long PendingBytesMaxOfProcess = 256L * 1024 * 1024;

    /// <summary>
    /// One log may hold a quarter of what is free of <see cref="PendingBytesMaxOfProcess"/>. So eight stuck logs leave a third of the whole to the
    /// others, and a hundred leave 4 %.
    /// </summary>
    public const int PendingShareDivisor = 4;

    /// <summary>The most appends of a log that are not durable yet.</summary>
    public const int PendingAppendsMax = 20_000;

    /// <summary>The most fetches that wait on one log.</summary>
    public const int ParkedFetchesMax = 10_000;

    /// <summary>The most bytes that one fetch returns, unless a single batch is larger. It is far below what a silo's connection carries.</summary>
    public const int FetchBytesMax = 4 * 1024 * 1024;

    /// <summary>The most bytes of a log's newest records that are kept in memory.</summary>
    public const int TailCacheBytesMax = 8 * 1024 * 1024;

    /// <summary>The most bytes, over all logs of a process, kept in memory for readers: the newest ones, and those read ahead.</summary>
    public const long CacheBytesMaxOfProcess = 256L * 1024 * 1024;

    /// <summary>The most reads of older data that all logs of a process have under way at once; each takes up to 4 MiB.</summary>
    public const int ColdReadsMax = 32;

    /// <summary>The most reads of older data that wait for their turn. Above it readers are told to come again.</summary>
    public const int ColdReadsWaitingMax = 1_000;

    /// <summary>The length of a log's first memory chunk. Each next chunk is twice as long, so an idle partition stays small.</summary>
    public const int TailChunkBytesMin = 4 * 1024;

    /// <summary>The most bytes of a memory chunk, unless a single group is larger.</summary>
    public const int TailChunkBytesMax = 1024 * 1024;

    /// <summary>The bytes of a segment between two index entries, as in Kafka's <c>index.interval.bytes</c>.</summary>
    public const int IndexIntervalBytes = 4096;

    /// <summary>The most closed segments of a log whose index is kept in memory.</summary>
    public const int IndexesMax = 4;

    /// <summary>The bytes that one read of older data asks the store for. The same reader's next fetches are served from them.</summary>
    public const int ReadAheadBytes = 1024 * 1024;

    /// <summary>
    /// The most read-ahead blocks of a log. So many readers of older data can go on side by side without evicting each other's
    /// block.
    /// </summary>
    public const int ReadAheadBlocksMax = 16;

    /// <summary>The bytes that recovery reads at a time. At least one whole group must fit.</summary>
    public const int RecoveryReadBytes = GroupBytesMax;

    /// <summary>The most batches of a segment that are reported one by one when their records cannot be read.</summary>
    public const int SegmentFaultsMax = 100;

    /// <summary>
    /// The bytes of an aged active segment that are read to find out whether it holds any record. They hold over a thousand fences.
    /// </summary>
    public const int MaintenanceProbeBytes = 64 * 1024;

    /// <summary>
    /// The runs of batches that are remembered for each producer. Kafka remembers 5 batches, the most that a client has in flight. Here a request of
    /// 16 MiB is at most 8 appends to a partition, because two neighbours that fit one append (nearly 4 MiB) are joined. Each append is one run.
    /// Only what is divided over partitions can be more: compressed batches that unfold to more, and records of very few bytes, to which headers are
    /// added. A repeat of a forgotten run is told that it is stored, without its offset, and what is behind it in its request is appended all the
    /// same.
    /// </summary>
    public const int ProducerRunsMax = 8;

    /// <summary>The most producers that a log remembers. Above it the log forgets those that have been idle longest.</summary>
    public const int ProducersMax = 20_000;

    /// <summary>
    /// So many producers above <see cref="ProducersMax"/>, the log forgets the longest idle ones at once instead of at the next
    /// maintenance.
    /// </summary>
    public const int ProducersSurplusMax = 2_000;

    /// <summary>
    /// The most segments in a manifest. At that count the active segment grows instead. With 128 MiB each it is over a terabyte a
    /// partition.
    /// </summary>
    public const int SegmentsMax = 10_000;

    /// <summary>How often an owner tries to claim a manifest while others claim it too.</summary>
    public const int ClaimAttemptsMax = 5;

    /// <summary>How many conflicts without an explanation one append may meet before the log goes offline.</summary>
    public const int UnexplainedConflictsMax = 5;

    /// <summary>A producer that has been idle for so long is forgotten (Kafka's <c>producer.id.expiration.ms</c>).</summary>
    public static readonly TimeSpan ProducerIdleMax = TimeSpan.FromDays(1);

    /// <summary>
    /// How long an append waits for the store before its caller is told that the outcome is unknown. The caller is told at the next check,
    /// up to <see cref="DeadlineCheckPeriod"/> later.
    /// </summary>
    public static readonly TimeSpan AppendWaitMax = TimeSpan.FromSeconds(30);

    /// <summary>The time over which a process measures how fast its pending bytes become durable.</summary>
    public static readonly TimeSpan DrainRateWindow = TimeSpan.FromSeconds(5);

    /// <summary>How long a fetch may wait in one call.</summary>
    public static readonly TimeSpan FetchWaitMax = TimeSpan.FromSeconds(20);

    /// <summary>An owner that has not appended for so long looks at the manifest before it says that nothing is newer.</summary>
    public static readonly TimeSpan OwnershipProofAge = TimeSpan.FromSeconds(5);

    /// <summary>
    /// After which time an append may be sent again that a full store refused. Somebody must make room first, which takes longer than a retry costs.
    /// </summary>
    public static readonly TimeSpan StoreFullRetryAfter = TimeSpan.FromSeconds(5);

    /// <summary>The time between taking a segment out of the log and deleting its bytes. Reads under way can finish in it.</summary>
    public static readonly TimeSpan DeletionGrace = TimeSpan.FromSeconds(60);

    /// <summary>A second failed sync within this time takes the partition offline, because the medium is failing.</summary>
    public static readonly TimeSpan BrokenAgainWithin = TimeSpan.FromMinutes(1);

    /// <summary>A log that has been idle for so long gives its cached bytes back.</summary>
    public static readonly TimeSpan CacheIdleMax = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long an append that is refused by what its owner knows of the log waits for the proof that this one still owns it. Without it the append
    /// is told to try again, because all other appends wait meanwhile.
    /// </summary>
    public static readonly TimeSpan RefusalProofMax = TimeSpan.FromSeconds(2);

    /// <summary>The first and the longest pause between two tries against a failing store.</summary>
    public static readonly TimeSpan RetryPauseMin = TimeSpan.FromMilliseconds(10), RetryPauseMax = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long an opening log reads again while the store answers without the fence that the log has just stored. After that the opening fails, and
    /// the next one starts from the beginning.
    /// </summary>
    public static readonly TimeSpan StaleReadsMax = TimeSpan.FromSeconds(10);

    /// <summary>The appends to a segment that are left for the fences of later owners, where the store bounds the appends to a segment.</summary>
    public const int AppendsSpared = 64;

    /// <summary>The appends that a segment takes at least, however few the store allows: for instance its owner's fence, and one group.</summary>
    public const int SegmentAppendsMin = 2;

    /// <summary>
    /// The least time after which a refused append is to be sent again. A pace measured on few bytes may promise less, and callers would come again
    /// before the appends before them are durable.
    /// </summary>
    public static readonly TimeSpan DrainTimeMin = TimeSpan.FromMilliseconds(50);

    /// <summary>How long the pending bytes are taken to need before the first append has shown the store's pace.</summary>
    public static readonly TimeSpan DrainTimeUnknown = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The weight of the newest group in the measured pace of a log. The groups before it have the rest, so one slow write changes the pace little.
    /// </summary>
    public const double PaceWeightOfNewest = 0.2;

    /// <summary>The shortest time that a write counts as in the measured pace. A store in memory, and a clock that stands, would show none.</summary>
    public static readonly TimeSpan PacedTimeMin = TimeSpan.FromMicroseconds(1);

    /// <summary>How often a log looks for appends whose callers have waited too long.</summary>
    public static readonly TimeSpan DeadlineCheckPeriod = TimeSpan.FromSeconds(5);

    /// <summary>How long closing a log waits for the append under way.</summary>
    public static readonly TimeSpan CloseWaitMax = TimeSpan.FromSeconds(10);
}
