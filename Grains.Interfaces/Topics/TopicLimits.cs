using OrleansStream.Records;

namespace OrleansStream.Topics;

/// <summary>Every bound of topics and of requests to them, in one place.</summary>
public static class TopicLimits
{
    /// <summary>The most characters of a topic's name, as in Kafka.</summary>
    public const int NameLengthMax = 249;

    /// <summary>The most topics. Their catalogue is one document, with a few hundred bytes for each.</summary>
    public const int TopicsMax = 10_000;

    /// <summary>The most partitions of one topic.</summary>
    public const int PartitionsMax = 1_024;

    /// <summary>The most topics on one page of the catalogue.</summary>
    public const int CatalogPageMax = 1_000;

    /// <summary>The highest <c>max.message.bytes</c>: 3 MiB, so that a record and its framing fit one 4 MiB append.</summary>
    public const int MessageBytesMax = 3 * 1024 * 1024;

    /// <summary>The lowest <c>segment.bytes</c>. Below it a partition would have too many segments.</summary>
    public const int SegmentBytesMin = 1024;

    /// <summary>The highest <c>segment.bytes</c>: 1 GiB, Kafka's default.</summary>
    public const int SegmentBytesMax = 1024 * 1024 * 1024;

    /// <summary>The highest <c>flush.interval.ms</c>, well below the time for which a produce waits for its answer.</summary>
    public const int FlushIntervalMsMax = 10_000;

    /// <summary>The most partitions over which a hot key is spread.</summary>
    public const int HotKeySpreadMax = 64;

    /// <summary>The most hot keys of a topic.</summary>
    public const int HotKeysMax = 16;

    /// <summary>The longest hot key, in bytes of UTF-8.</summary>
    public const int HotKeyBytesMax = 256;

    /// <summary>The longest age that a setting may have: 100 years of 365 days, in milliseconds.</summary>
    public const long AgeMsMax = 100L * 365 * 24 * 60 * 60 * 1000;

    /// <summary>The most bytes of batches in one produce over all its partitions: 16 MiB.</summary>
    public const int RequestBytesMax = 16 * 1024 * 1024;

    /// <summary>
    /// The most bytes that the batches of one produce unfold to where they are divided over partitions or compressed anew: what one batch may.
    /// </summary>
    public const int UnfoldedBytesMax = RecordLimits.DecompressedBatchBytesMax;

    /// <summary>The most records in one produce.</summary>
    public const int RequestRecordsMax = 500_000;

    /// <summary>
    /// The bytes that an append leaves free for what its log writes anew. The log stores several gzip members as one, which may be longer, and
    /// refuses an append that is then longer than a block of the store.
    /// </summary>
    public const int RewriteBytes = 64 * 1024;

    /// <summary>The most bytes of one append to a partition: one block of the store, less <see cref="RewriteBytes"/>.</summary>
    public const int AppendBytesMax = RecordLimits.BatchBytesMax - RewriteBytes;

    /// <summary>
    /// How long a produce is tried before its outcome is reported as unknown. It is below 30 s, after which clients commonly hang up. A call to a
    /// router is given up after the same time.
    /// </summary>
    public const string AppendTimeoutText = "00:00:25";

    /// <inheritdoc cref="AppendTimeoutText"/>
    public static readonly TimeSpan AppendTimeout = TimeSpan.Parse(AppendTimeoutText, System.Globalization.CultureInfo.InvariantCulture);
}
