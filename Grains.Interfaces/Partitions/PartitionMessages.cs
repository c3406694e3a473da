using OrleansStream.Errors;
using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.Partitions;

/// <summary>Batches for one partition.</summary>
/// <param name="Batches">Whole record batches of format 2, back to back. Nobody may change them until the call has ended.</param>
/// <param name="Acks">When to answer.</param>
/// <param name="TopicVersion">The version of the topic that the sender knows. A partition that knows an older version reads the topic again.</param>
/// <param name="ExpectedNextOffset">Append only if this is the next offset; null for no condition.</param>
[GenerateSerializer, Immutable, Alias("os.AppendRequest")]
public readonly record struct AppendRequest(
    [property: Id(0)] AppendBatches Batches,
    [property: Id(1)] Acks Acks,
    [property: Id(2)] long TopicVersion,
    [property: Id(3)] long? ExpectedNextOffset = null)
{
    /// <summary>
    /// The silo that must lead the partition; any other refuses the append, without storing anything. Null for whichever leads it.
    /// </summary>
    [Id(4)] public SiloAddress? RequiredLeader { get; init; }

    /// <summary>Where it has its place, for a caller in this process; null for one that waits, and behind the way to another process.</summary>
    [field: NonSerialized] public AppendAffinity? Affinity { get; init; }

    /// <summary>
    /// True when the caller's thread may be kept until the batches are durable, for a caller in this process that does nothing else meanwhile.
    /// </summary>
    [field: NonSerialized] public bool MayBlock { get; init; }
}

/// <summary>The outcome of an append.</summary>
/// <param name="Error">Null when the batches are stored (or, with <see cref="Acks.Leader"/>, ordered).</param>
/// <param name="BaseOffset">The offset of the first record, or -1.</param>
/// <param name="LogAppendTimeMs">The log's time, which the records got if the topic says so, else -1.</param>
/// <param name="LogStartOffset">The log's first readable offset.</param>
/// <param name="Duplicate">True when the batch had been stored before; the answer is that of the first time.</param>
[GenerateSerializer, Immutable, Alias("os.AppendResponse")]
public readonly record struct AppendResponse(
    [property: Id(0)] StreamError? Error,
    [property: Id(1)] long BaseOffset,
    [property: Id(2)] long LogAppendTimeMs,
    [property: Id(3)] long LogStartOffset,
    [property: Id(4)] bool Duplicate = false);

/// <summary>A read of one partition.</summary>
/// <param name="Offset">The first offset wanted, or <see cref="Earliest"/> or <see cref="Latest"/>.</param>
/// <param name="BytesMax">The most bytes of batches to return. The first batch is returned even if it is larger.</param>
/// <param name="WaitMs">How long to wait for a record when there is none yet, in milliseconds.</param>
[GenerateSerializer, Immutable, Alias("os.FetchRequest")]
public readonly record struct FetchRequest(
    [property: Id(0)] long Offset,
    [property: Id(1)] int BytesMax,
    [property: Id(2)] int WaitMs)
{
    /// <summary>
    /// The id of the topic to read; another topic of the same name is then refused as unknown. With null the topic that has the name when the request
    /// comes is read. A wait keeps to that topic, and is refused when the topic is deleted meanwhile.
    /// </summary>
    [Id(3)] public Guid? TopicId { get; init; }

    /// <summary>The log start offset (Kafka's ListOffsets value).</summary>
    public const long Earliest = -2;

    /// <summary>The high watermark (Kafka's ListOffsets value).</summary>
    public const long Latest = -1;
}

/// <summary>Batches of one partition.</summary>
/// <param name="Error">Null when the offset was within the log.</param>
/// <param name="Offset">The offset that was read from. The reader must skip records below it in the first batch.</param>
/// <param name="Batches">Whole record batches as they are stored, back to back; empty when there is nothing new.</param>
/// <param name="HighWatermark">The durable end offset.</param>
/// <param name="LogStartOffset">The first readable offset.</param>
[GenerateSerializer, Immutable, Alias("os.FetchResponse")]
public readonly record struct FetchResponse(
    [property: Id(0)] StreamError? Error,
    [property: Id(1)] long Offset,
    [property: Id(2)] ReadOnlyMemory<byte> Batches,
    [property: Id(3)] long HighWatermark,
    [property: Id(4)] long LogStartOffset)
{
    /// <summary>The topic that was read, set by routers; null from the partition itself, and when no topic was found.</summary>
    [Id(5)] public Guid? TopicId { get; init; }

    /// <summary>The epoch of the leader that answered, at least 1; 0 when it did not say.</summary>
    [Id(6)] public int LeaderEpoch { get; init; }
}

/// <summary>The first offset at or after a time.</summary>
/// <param name="Error">Null when the log could be searched.</param>
/// <param name="Offset">The first offset dated at or after the time; the high watermark when there is none.</param>
/// <param name="TimestampMs">The record's own timestamp, or -1 when there is none.</param>
[GenerateSerializer, Immutable, Alias("os.FindOffsetResponse")]
public readonly record struct FindOffsetResponse(
    [property: Id(0)] StreamError? Error,
    [property: Id(1)] long Offset,
    [property: Id(2)] long TimestampMs)
{
    /// <summary>The topic that was searched, set by routers; null from the partition itself, and when no topic was found.</summary>
    [Id(3)] public Guid? TopicId { get; init; }

    /// <summary>The epoch of the leader that answered, at least 1; 0 when it did not say.</summary>
    [Id(4)] public int LeaderEpoch { get; init; }

    /// <summary>The epoch of the leader that stored the record; 0 when there is none.</summary>
    [Id(5)] public int Epoch { get; init; }

    /// <summary>Stands, as a time to find, for the latest time that a record has (Kafka's ListOffsets value, KIP-734).</summary>
    public const long MaxTimestamp = -3;
}

/// <summary>Where the batches end that the leader of an epoch stored.</summary>
/// <param name="Error">Null when the log could be searched.</param>
/// <param name="Epoch">The epoch, or the latest one before it that stored anything; -1 for one that no leader has had yet.</param>
/// <param name="EndOffset">The offset behind its last record, or -1.</param>
/// <param name="LeaderEpoch">The epoch of the leader that answered, at least 1; 0 when none did.</param>
[GenerateSerializer, Immutable, Alias("os.EpochEndResponse")]
public readonly record struct EpochEndResponse(
    [property: Id(0)] StreamError? Error,
    [property: Id(1)] int Epoch,
    [property: Id(2)] long EndOffset,
    [property: Id(3)] int LeaderEpoch);

/// <summary>The state of a partition.</summary>
/// <param name="Partition">Its number.</param>
/// <param name="Error">Why the state could not be read; null when it could.</param>
/// <param name="LogStartOffset">The first readable offset.</param>
/// <param name="HighWatermark">The durable end offset.</param>
/// <param name="SizeBytes">The bytes of its segments.</param>
/// <param name="LeaderEpoch">The epoch of its owner, which grows with each activation.</param>
/// <param name="Leader">The silo that leads it.</param>
/// <param name="SegmentCount">The count of its segments.</param>
[GenerateSerializer, Immutable, Alias("os.PartitionDescription")]
public sealed record PartitionDescription(
    [property: Id(0)] int Partition,
    [property: Id(1)] StreamError? Error,
    [property: Id(2)] long LogStartOffset,
    [property: Id(3)] long HighWatermark,
    [property: Id(4)] long SizeBytes,
    [property: Id(5)] int LeaderEpoch,
    [property: Id(6)] string Leader,
    [property: Id(7)] int SegmentCount)
{
    /// <summary>The bytes of segments that retention or a deletion has taken out of the log and that are not freed yet.</summary>
    [Id(8)] public long DeletingBytes { get; init; }

    /// <summary>The traffic that becomes durable; null when the partition is not open.</summary>
    [Id(9)] public PartitionFlow? In { get; init; }

    /// <summary>The traffic that is fetched; null when the partition is not open.</summary>
    [Id(10)] public PartitionFlow? Out { get; init; }
}

/// <summary>A partition's traffic in one direction, per second, since its leader opened it.</summary>
/// <param name="RecordsPerSecond1">Records, over the last minute.</param>
/// <param name="RecordsPerSecond5">Records, over the last five minutes.</param>
/// <param name="BytesPerSecond1">Bytes as stored, over the last minute.</param>
/// <param name="BytesPerSecond5">Bytes as stored, over the last five minutes.</param>
[GenerateSerializer, Immutable, Alias("os.PartitionFlow")]
public readonly record struct PartitionFlow(
    [property: Id(0)] double RecordsPerSecond1,
    [property: Id(1)] double RecordsPerSecond5,
    [property: Id(2)] double BytesPerSecond1,
    [property: Id(3)] double BytesPerSecond5);
