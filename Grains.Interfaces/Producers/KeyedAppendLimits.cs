using OrleansStream.Topics;

namespace OrleansStream.Producers;

/// <summary>Bounds of the memory for keys.</summary>
public static class KeyedAppendLimits
{
    /// <summary>The most characters of a key.</summary>
    public const int KeyLengthMax = 255;

    /// <summary>The grains that share a topic's keys, each with its own document; at most 256.</summary>
    public const int SharesPerTopic = 256;

    /// <summary>
    /// The most keys of one grain; all grains of a topic remember 262,144. Above it new keys are refused; keys that have not expired are not
    /// dropped to make room.
    /// </summary>
    public const int KeysPerShareMax = 1_024;

    /// <summary>
    /// The most bytes of appends and topics in one document; all documents of a topic have 256 MiB. Each append writes its document again. A key is
    /// kept as a hash of 32 characters, a result takes about 60 bytes for each partition, and an error takes its text. The ids that are kept for
    /// later add at most 64 KiB.
    /// </summary>
    public const int BytesPerShareMax = 1024 * 1024;

    /// <summary>From this many bytes on no new append begins. The last quarter is for the results of those that have begun.</summary>
    public const int BytesPerShareToBegin = BytesPerShareMax / 4 * 3;

    /// <summary>
    /// The most bytes of one append with its results. Larger results, of over a thousand partitions or with many long errors, are not kept. A repeat
    /// then makes the append again, and the partitions return the results as long as they remember its producer.
    /// </summary>
    public const int BytesPerKeyMax = 64 * 1024;

    /// <summary>How long a key is remembered after its first request.</summary>
    public static readonly TimeSpan Age = TimeSpan.FromHours(24);

    /// <summary>How long an append belongs to its runner. It is longer than nearly every append takes. One that takes longer, because its store
    /// does not answer, may meet another runner: both store under the same identity, so each record is stored once.</summary>
    public static readonly TimeSpan Lease = TopicLimits.AppendTimeout + TimeSpan.FromSeconds(5);
}
