using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Admission;

/// <summary>The bounds of what a node lets in and holds in memory.</summary>
public static class AdmissionLimits
{
    /// <summary>
    /// The most bytes of memory that the bodies of requests take together: 16 of the largest bodies. A body counts until it is read and parsed. A
    /// body with records counts until its request is answered, twice, for the batches that are made from it. Above the bound requests are refused,
    /// with the time that the requests under way take as <c>Retry-After</c>.
    /// </summary>
    public const long RequestBytesInFlightMax = 32L * TopicLimits.RequestBytesMax;

    /// <summary>A request takes at most a quarter of the free memory at once, so that a few large bodies leave room for many small ones.</summary>
    public const int RequestPartOfFree = 4;

    /// <summary>
    /// How long a stream of records waits for memory for its next records. Refusing at once would end the stream, and its client would have to find
    /// out what was stored.
    /// </summary>
    public static readonly TimeSpan StreamWaitMax = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The most bytes of memory that answers with records take together: eight of the largest batches, decompressed. They count until their readers
    /// have received them. Above the bound reads are refused, with the time that the answers under way take as <c>Retry-After</c>.
    /// </summary>
    public const long AnswerBytesInFlightMax = 8L * RecordLimits.DecompressedBatchBytesMax;

    /// <summary>An answer takes at most a quarter of the free memory at once, so that readers of large batches leave room for all others.</summary>
    public const int AnswerPartOfFree = 4;

    /// <summary>The time over which the rate of returned memory is measured.</summary>
    public static readonly TimeSpan DrainRateWindow = TimeSpan.FromSeconds(5);

    /// <summary>The longest <c>Retry-After</c> of a refused request.</summary>
    public static readonly TimeSpan RetryAfterMax = TimeSpan.FromSeconds(30);

    /// <summary>The longest name a client may give itself, in characters.</summary>
    public const int ClientIdLengthMax = 100;

    /// <summary>
    /// The most requests that a client owes at once, one on each of its connections; those of further connections are asked for every
    /// <see cref="DebtPause"/>.
    /// </summary>
    public const int RequestsOwedMax = 10_000;

    /// <summary>The pause before a debt that finds no place in its queue is asked for again.</summary>
    public static readonly TimeSpan DebtPause = TimeSpan.FromSeconds(1);

    /// <summary>The highest quota of requests a second.</summary>
    public const int QuotaRequestsPerSecondMax = 1_000_000;

    /// <summary>The highest quota of bytes a second: 1 GiB.</summary>
    public const int QuotaBytesPerSecondMax = 1024 * 1024 * 1024;

    /// <summary>
    /// How long a node assumes that a topic still exists before it asks again. The topic itself refuses calls after it was deleted.
    /// </summary>
    public static readonly TimeSpan TopicKnownAge = TimeSpan.FromMinutes(1);

    /// <summary>
    /// The most topics that a node remembers; above the bound it forgets all of them. It is more than the topics that can exist at a time.
    /// </summary>
    public const int TopicsKnownMax = 2 * TopicLimits.TopicsMax;

    /// <summary>How long a request waits to learn whether its topic exists. After that it is let through, and the topic itself answers.</summary>
    public static readonly TimeSpan TopicLookupMax = TimeSpan.FromSeconds(2);
}
