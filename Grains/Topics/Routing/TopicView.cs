using OrleansStream.Topics.HotKeys;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Topics.Routing;

/// <summary>A topic as a router knows it.</summary>
/// <param name="Metadata">The topic.</param>
/// <param name="Config">Its settings, read once.</param>
/// <param name="ReadAt">When it was asked for, in ticks of the clock's timestamps.</param>
internal sealed record TopicView(TopicMetadata Metadata, TopicConfig Config, long ReadAt)
{
    /// <summary>How hot keys are spread; null when none is.</summary>
    public HotKeySpread? Spread { get; } =
        Config.HotKeySpread > 1 && !Config.HotKeys.IsEmpty ? new HotKeySpread(Config.HotKeySpread, Config.HotKeys) : null;

    /// <summary>Whether an append is partitioned by the one as by the other.</summary>
    /// <param name="topic">The topic that a request names, or null.</param>
    public bool IsVersionOf(TopicMetadata? topic) => topic?.Id == Metadata.Id && topic.Version == Metadata.Version;
}

/// <summary>What partitioning an append needs to know.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Sticky">Chooses for records without a key.</param>
/// <param name="NowMs">The time, in milliseconds since the Unix epoch.</param>
/// <param name="Identity">The producer that batches without one are stored under; null for none.</param>
/// <param name="Rewrites">The memory of records that are written anew.</param>
internal readonly record struct AppendContext(
    TopicView Topic, StickyPartitioner Sticky, long NowMs, AppendIdentity? Identity, RewriteMemory Rewrites)
{
    /// <summary>The earliest time a record may be dated: Kafka's "none".</summary>
    public const long TimestampMsMin = -1;

    /// <summary>Counts the keys that choose a partition; null for a try that was counted before.</summary>
    public KeyCounter? Keys { get; init; }

    /// <summary>The topic's settings.</summary>
    public TopicConfig Config => Topic.Config;

    /// <summary>The count of the topic's partitions.</summary>
    public int PartitionCount => Topic.Metadata.PartitionCount;

    /// <summary>Whether a batch names a producer of its own, beside the one that the request as a whole is stored under.</summary>
    /// <param name="header">The batch's header.</param>
    public bool HasOwnProducer(in Records.RecordBatchHeader header) =>
        header.HasProducer && (header.ProducerId != Identity?.ProducerId || header.ProducerEpoch != Identity.ProducerEpoch);

    /// <summary>True when each batch is stored as one batch or refused as a whole, whoever its producer is.</summary>
    public bool HasWholeBatches { get; init; }

    /// <summary>
    /// Whether a batch is stored as one batch or refused as a whole: because the request asks for it, or because the batch's sequence numbers belong
    /// to it as a whole.
    /// </summary>
    /// <param name="header">The batch's header.</param>
    public bool IsWhole(in Records.RecordBatchHeader header) => HasWholeBatches || HasOwnProducer(header);

    /// <summary>The latest time a record may be dated. Even without a bound two times are no more than 64 bits apart.</summary>
    public long TimestampMsMax =>
        Config.TimestampType == Records.TimestampType.LogAppendTime ? long.MaxValue + TimestampMsMin : NowMs + Config.TimestampAfterMaxMs;
}
