using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Admission;

/// <summary>The bounds of what a node lets in and holds in memory.</summary>
public static class AdmissionLimits
{
    /// <summary>
    /// The most bytes of memory that requests with a body take at once: any body until it is read and parsed, and one with records until it is
    /// answered, with the batches made of it. That is 16 of the largest bodies. Beyond it requests are refused with the time that the queue takes to drain.
    /// </summary>
    public const long RequestBytesInFlightMax = 32L * TopicLimits.RequestBytesMax;

    /// <summary>A request takes at most a quarter of what is free of that at once: few large bodies leave room to many small ones.</summary>
    public const int RequestPartOfFree = 4;

    /// <summary>
    /// How long a stream of records that is under way waits for memory for its next ones. To refuse it at once would end it, and its client would have
    /// to find out what was stored.
    /// </summary>
    public static readonly TimeSpan StreamWaitMax = TimeSpan.FromSeconds(30);

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

    /// <summary>How long a node goes by it that a topic exists until it asks again: a topic that was deleted meanwhile answers for itself.</summary>
    public static readonly TimeSpan TopicKnownAge = TimeSpan.FromMinutes(1);

    /// <summary>The most topics that a node knows of at once; beyond it, it asks for all anew. More than there can be at a time.</summary>
    public const int TopicsKnownMax = 2 * TopicLimits.TopicsMax;

    /// <summary>How long a request waits to learn whether its topic exists until it is let through: the topic itself answers then.</summary>
    public static readonly TimeSpan TopicLookupMax = TimeSpan.FromSeconds(2);
}
