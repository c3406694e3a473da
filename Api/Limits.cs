using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.Api;

/// <summary>Every bound of the REST surface. A request over one is answered with an error that names the bound.</summary>
internal static class Limits
{
    /// <summary>The longest request body, in bytes, also after its <c>Content-Encoding</c> is undone. Not for ndjson streams.</summary>
    public const int RequestBytesMax = TopicLimits.RequestBytesMax;

    /// <summary>
    /// The longest body that is read to its end, in bytes, though it is refused: a client that is still sending would see a broken
    /// connection in place of the error. Beyond this the connection is cut.
    /// </summary>
    public const int RequestBytesDrainedMax = 4 * RequestBytesMax;

    /// <summary>
    /// How long the rest of a body is read off behind the answer that refuses it. Many clients, .NET's among them, look for an answer only once
    /// they have sent their whole body. Beyond this the connection is cut.
    /// </summary>
    public static readonly TimeSpan RequestDrainTimeMax = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How many times its length a body may unfold to once it is beyond <see cref="RequestBytesMax"/>: what a few bytes may cost is bounded. It is
    /// what Apache's httpd takes (<c>DeflateInflateRatioLimit</c>); JSON logs seldom reach 50.
    /// </summary>
    public const int UnfoldingRatioMax = 200;

    /// <summary>The bytes of a body in brotli or zstd that are read at a time.</summary>
    public const int DecodingInputBytes = 16 * 1024;

    /// <summary>What a decoder of gzip or deflate keeps of what was unfolded last, in bytes (RFC 1951).</summary>
    public const int DeflateWindowBytes = 32 * 1024;

    /// <summary>The most that a decoder of brotli keeps of what was unfolded last, in bytes: the largest window there is (RFC 7932, section 9.1).</summary>
    public const int BrotliWindowBytesMax = 16 * 1024 * 1024;

    /// <summary>
    /// The base-2 logarithm of the most that a decoder of zstd keeps of what was unfolded last, in bytes: 8 MiB, as RFC 9659 has it for the content
    /// coding. A body with a larger window is refused.
    /// </summary>
    public const int ZstdWindowLogMax = 23;

    /// <summary>
    /// The most bytes of memory that produce requests take at once, until they are answered: 16 of the largest bodies, each with the
    /// batches made of it. Beyond it requests are refused with the time that the queue takes to drain.
    /// </summary>
    public const long ProduceBytesInFlightMax = 32L * RequestBytesMax;

    /// <summary>What an ndjson stream counts for, whatever its length: the chunk that is appended, the next one, and room for lines.</summary>
    public const int NdjsonBytesInFlight = 2 * NdjsonChunkBytes;

    /// <summary>
    /// The most bytes of memory that answers with records take at once, until their readers have taken them: eight of the largest batches, unfolded.
    /// Beyond it reads are refused with the time that the answers under way take.
    /// </summary>
    public const long AnswerBytesInFlightMax = 8L * RecordLimits.DecompressedBatchBytesMax;

    /// <summary>An answer takes at most a quarter of what is free of that at once: readers of large batches leave room to all others.</summary>
    public const int AnswerPartOfFree = 4;

    /// <summary>The time over which the pace is measured at which requests are answered.</summary>
    public static readonly TimeSpan DrainRateWindow = TimeSpan.FromSeconds(5);

    /// <summary>The longest time after which a refused request is told to come again.</summary>
    public static readonly TimeSpan RetryAfterMax = TimeSpan.FromSeconds(30);

    /// <summary>The longest name a client may give itself, in characters.</summary>
    public const int ClientIdLengthMax = 100;

    /// <summary>The highest quota of requests a second.</summary>
    public const int QuotaRequestsPerSecondMax = 1_000_000;

    /// <summary>The highest quota of bytes a second: 1 GiB.</summary>
    public const int QuotaBytesPerSecondMax = 1024 * 1024 * 1024;

    /// <summary>The bytes of a stream that are held to a quota at a time.</summary>
    public const int MeteredReadBytes = 64 * 1024;

    /// <summary>The longest request line, in bytes: the method, the path with its query, and the version. As most servers have it.</summary>
    public const int RequestLineBytesMax = 8 * 1024;

    /// <summary>The most bytes of a request's headers: a live tail's longest resume token, with room for others.</summary>
    public const int RequestHeaderBytesMax = TailTokenBytesMax + 8 * 1024;

    /// <summary>The most headers of a request: those of a record, and as many others.</summary>
    public const int RequestHeadersMax = 2 * RecordHeadersMax;

    /// <summary>The longest name of a field in an error, in characters: a longer one, which only a mistaken request has, is cut short.</summary>
    public const int ProblemFieldLengthMax = 300;

    /// <summary>The longest explanation in an error, in characters: nobody gets back what they sent, however long it was.</summary>
    public const int ProblemDetailLengthMax = 2_000;

    /// <summary>How long a node goes by it that a topic exists until it asks again: a topic that was deleted meanwhile answers for itself.</summary>
    public static readonly TimeSpan TopicKnownAge = TimeSpan.FromMinutes(1);

    /// <summary>The most topics that a node knows of at once; beyond it, it asks for all anew. More than there can be at a time.</summary>
    public const int TopicsKnownMax = 2 * TopicLimits.TopicsMax;

    /// <summary>How long a request waits to learn whether its topic exists until it is let through: the topic itself answers then.</summary>
    public static readonly TimeSpan TopicLookupMax = TimeSpan.FromSeconds(2);

    /// <summary>The most connections at once.</summary>
    public const int ConnectionsMax = 10_000;

    /// <summary>The length of the memory that a connection receives into, and sends from, at a time, in bytes.</summary>
    public const int ConnectionBlockBytes = 64 * 1024;

    /// <summary>The most of these, 64 MiB in all: the connections beyond use 4 KiB at a time.</summary>
    public const int ConnectionBlocksMax = 1_024;

    /// <summary>The longest body that names a producer, in bytes.</summary>
    public const int ProducerBodyBytesMax = 1024;

    /// <summary>The producer identities that wait for their next request: as many as there are requests at once on so many connections.</summary>
    public const int ProducerLanesMax = ConnectionsMax;

    /// <summary>
    /// How often a request goes on under another producer identity, when partitions refuse its own as fenced: nobody can fence one from outside, so
    /// this is for faults not known yet.
    /// </summary>
    public const int ProducerLaneChangesMax = 3;

    /// <summary>
    /// The least time between two questions how far producer ids were given out, which this node asks for an id above those that it knows of: one
    /// answer serves all requests that came before the question, so ids that somebody invents cost four calls a second, however many they are.
    /// </summary>
    public static readonly TimeSpan ProducerIdsAskPause = TimeSpan.FromMilliseconds(250);

    /// <summary>The pause before a call that was lost is repeated.</summary>
    public static readonly TimeSpan LostCallPause = TimeSpan.FromMilliseconds(100);

    /// <summary>How long after its beginning a request that only reads is repeated: longer than a dead server's grains take to move.</summary>
    public static readonly TimeSpan LostReadRepeatMax = TimeSpan.FromSeconds(15);

    /// <summary>The longest body that describes a topic, in bytes.</summary>
    public const int TopicBodyBytesMax = 64 * 1024;

    /// <summary>The most records in one request; an ndjson stream may have any count.</summary>
    public const int RecordsPerRequestMax = 100_000;

    /// <summary>
    /// The results of an ndjson stream that are kept until its end, at 24 bytes each, so that its status can tell of them. With more they are
    /// sent while the records come, and the client must read them while it sends.
    /// </summary>
    public const int NdjsonResultsKeptMax = 100_000;

    /// <summary>
    /// The bytes of errors among these results at which they are sent, too: each line may have one of its own, and a few hundred bytes of them.
    /// </summary>
    public const int NdjsonErrorBytesKeptMax = 1024 * 1024;

    /// <summary>The longest line of an ndjson body, in bytes: the largest record, with room for base64 and escapes.</summary>
    public const int NdjsonLineBytesMax = 8 * 1024 * 1024;

    /// <summary>The bytes of an ndjson body that are read at a time.</summary>
    public const int NdjsonReadBytes = 64 * 1024;

    /// <summary>
    /// The bytes of blank lines that an ndjson stream may hold beyond the bytes of its other lines: years of a line break every minute. Compressed,
    /// blank lines cost next to nothing to send.
    /// </summary>
    public const int NdjsonBlankBytesMax = 1024 * 1024;

    /// <summary>
    /// The malformed lines that an ndjson stream may hold beyond its well-formed ones. Each has an answer many times its length, so a stream of them is
    /// stopped.
    /// </summary>
    public const int NdjsonMalformedLinesMax = 10_000;

    /// <summary>The encoded bytes at which an ndjson stream's records are appended although more are there.</summary>
    public const int NdjsonChunkBytes = 1024 * 1024;

    /// <summary>
    /// The encoded bytes at which a new batch is started. Well under the codec's bound for one batch, so that the log can gather
    /// several into one write.
    /// </summary>
    public const int BatchBytesTarget = 1024 * 1024;

    /// <summary>The most headers of one record.</summary>
    public const int RecordHeadersMax = 100;

    /// <summary>
    /// The deepest nesting of a JSON value. Three less than 64, where most parsers stop, since an answer puts a value inside a
    /// record inside a list inside an object.
    /// </summary>
    public const int JsonValueDepthMax = 61;

    /// <summary>The deepest nesting of a request: a value's, and the envelope around it.</summary>
    public const int JsonDepthMax = JsonValueDepthMax + 3;

    /// <summary>Records in a fetch answer when the request does not say.</summary>
    public const int FetchRecordsDefault = 1_000;

    /// <summary>The most records in a fetch answer.</summary>
    public const int FetchRecordsMax = 10_000;

    /// <summary>Bytes of batches read for a fetch when the request does not say.</summary>
    public const int FetchBytesDefault = 1024 * 1024;

    /// <summary>The most bytes of batches read for a fetch: what one grain call may carry.</summary>
    public const int FetchBytesMax = PartitionLimits.FetchBytesMax;

    /// <summary>The longest wait of a fetch, in milliseconds: below the response timeout of a grain call (30 s).</summary>
    public const int FetchWaitMsMax = PartitionLimits.FetchWaitMsMax;

    /// <summary>The length of a JSON answer at which no further record is added, in bytes; the next fetch goes on from there.</summary>
    public const int ResponseBytesTarget = 8 * 1024 * 1024;

    /// <summary>
    /// The bytes that an answer in JSON unfolds of compressed batches at which no further batch is opened: two of the largest. The next fetch
    /// goes on from there.
    /// </summary>
    public const int UnfoldedBytesPerAnswerMax = 2 * RecordLimits.DecompressedBatchBytesMax;

    /// <summary>The bytes of an answer that gather before they are sent.</summary>
    public const int ResponseFlushBytes = 64 * 1024;

    /// <summary>
    /// The bytes of a record, or of a field of it, that are written to an answer at once. As JSON that is at most some twenty times as much, where
    /// every few bytes are a header.
    /// </summary>
    public const int ResponsePieceBytes = 16 * 1024;

    /// <summary>Topics on a page when the request does not say.</summary>
    public const int TopicPageDefault = 100;

    /// <summary>The most topics on a page.</summary>
    public const int TopicPageMax = TopicLimits.CatalogPageMax;

    /// <summary>Partitions of a new topic when the request does not say (Kafka's <c>num.partitions</c>).</summary>
    public const int PartitionsDefault = 1;

    /// <summary>The most live tails at once in this process; each holds one parked read per partition.</summary>
    public const int TailsMax = 1_000;

    /// <summary>Bytes of batches a live tail reads at once, per partition.</summary>
    public const int TailFetchBytes = 64 * 1024;

    /// <summary>The most events a live tail may be limited to.</summary>
    public const int TailRecordsMax = 1_000_000_000;

    /// <summary>
    /// The longest resume token that comes with every event, in bytes; a longer one (a topic of many partitions) comes with the
    /// last event of each write.
    /// </summary>
    public const int TailTokenPerEventBytes = 256;

    /// <summary>The longest resume token that is read back, in bytes.</summary>
    public const int TailTokenBytesMax = 32 * 1024;

    /// <summary>
    /// How long a write of an answer may take, for each <see cref="AnswerWriteBytes"/> of it or a part of that, before its reader counts as standing
    /// still and the connection is cut. Readers that pause do so for seconds. The server's own bound is a pace over all that was
    /// ever written to a connection, so one that has read much may stand still for hours.
    /// </summary>
    public static readonly TimeSpan AnswerWriteMax = TimeSpan.FromSeconds(60);

    /// <summary>The bytes of an answer that are written at once; a longer write is made in parts, so that a slow reader is seen to go on: 4 KiB a second is enough.</summary>
    public const int AnswerWriteBytes = 256 * 1024;

    /// <summary>How often a live tail sends a comment, so that both ends notice a dead connection, and looks for new partitions.</summary>
    public static readonly TimeSpan TailHeartbeat = TimeSpan.FromSeconds(15);

    /// <summary>The wait before a live tail asks again for a partition that is moving.</summary>
    public static readonly TimeSpan TailRetry = TimeSpan.FromSeconds(1);

    /// <summary>How long a partition of a live tail may be away before its client is told: longer than a partition takes to move.</summary>
    public static readonly TimeSpan TailOutageUntold = TimeSpan.FromSeconds(15);

    /// <summary>When to come back where waiting helps and the error does not say, in seconds.</summary>
    public const int RetryAfterSecondsDefault = 1;

    /// <summary>The longest body of a request to a group, in bytes.</summary>
    public const int GroupBodyBytesMax = 2 * 1024 * 1024;

    /// <summary>The longest cursor that is read back, in characters: every partition of a few large topics.</summary>
    public const int GroupCursorLengthMax = 256 * 1024;

    /// <summary>Records in an answer to a poll when the request does not say.</summary>
    public const int PollRecordsDefault = 500;

    /// <summary>The longest wait of a poll, in milliseconds: below what proxies in between commonly cut.</summary>
    public const int PollWaitMsMax = 50_000;

    /// <summary>The ends of logs that a node remembers, at about a hundred bytes each, so that it need not ask for them when a member commits.</summary>
    public const int LogEndsMax = 20_000;

    /// <summary>The partitions that a poll reads at the same time when it does not wait.</summary>
    public const int PollFetchesAtOnce = 16;

    /// <summary>How long a poll waits for partitions that do not answer, when others may have records.</summary>
    public static readonly TimeSpan PollGatherMax = TimeSpan.FromMilliseconds(500);

    /// <summary>The wait, in milliseconds, before a poll asks again for partitions that could not be read, such as those that are moving.</summary>
    public const int PollRetryMs = 500;

    /// <summary>
    /// How long a poll asks on, in milliseconds, while nobody answers for its group, also when it waits less for records: longer than
    /// it takes to notice that a server died, and to move its groups.
    /// </summary>
    public const int PollMoveMsMax = 15_000;

    /// <summary>How long one answer of a group may take before it is asked again: the call may have been lost with a server in between.</summary>
    public static readonly TimeSpan PollAskMax = TimeSpan.FromSeconds(5);

    /// <summary>The wait before a poll asks again for its group while that is moving.</summary>
    public static readonly TimeSpan PollMoveRetry = TimeSpan.FromMilliseconds(200);

    /// <summary>How often in the length of a lease a waiting poll renews it.</summary>
    public const int PollRenewalsPerLease = 3;

    /// <summary>The part of a lease that may be gone when a poll is answered; beyond it the lease is renewed first.</summary>
    public const double PollLeaseSlack = 0.1;

    /// <summary>How long one turn of a poll's stream waits before it sends a comment, so that both ends notice a dead connection.</summary>
    public const int PollStreamWaitMs = 10_000;

    /// <summary>The records whose age is looked up at the same time for a group's lag.</summary>
    public const int LagReadsAtOnce = 16;

    /// <summary>Groups on a page when the request does not say.</summary>
    public const int GroupPageDefault = 100;
}
