using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Partitions;

namespace OrleansStream.Topics.Routing;

/// <summary>
/// The way to a topic's partitions, on every silo: it hashes keys, splits records over partitions, and calls the partitions. Key: the topic's name.
/// </summary>
/// <remarks>A stateless worker with a cached copy of the topic. It refreshes the copy when a partition says that it is stale.</remarks>
[Alias("os.ITopicRouterGrain"), GrainInterfaceType("OrleansStream.Topics.ITopicRouterGrain")]
public interface ITopicRouterGrain : IGrainWithStringKey
{
    /// <summary>
    /// Appends records to their partitions, and calls each partition once. With an identity the caller may repeat the call, whatever its outcome:
    /// each record is stored once.
    /// </summary>
    /// <param name="request">The encoded records.</param>
    /// <param name="cancellationToken">The caller's deadline. Once it has passed, the outcome is unknown.</param>
    /// <returns>One result per record, in order; or the topic, when the request must be partitioned by another version of it.</returns>
    [Alias("AppendAsync"), ResponseTimeout(TopicLimits.AppendTimeoutText)]
    ValueTask<RecordsAppendResponse> AppendAsync(RecordsAppendRequest request, CancellationToken cancellationToken = default);

    /// <summary>Reads batches of one partition. Waits for new records as the request says.</summary>
    /// <param name="partition">The partition's number.</param>
    /// <param name="request">The offset to read from, and how much to read.</param>
    /// <param name="cancellationToken">Ends the wait when the caller has gone.</param>
    [Alias("FetchAsync"), ResponseTimeout(PartitionLimits.RoutedFetchTimeout)]
    ValueTask<FetchResponse> FetchAsync(int partition, FetchRequest request, CancellationToken cancellationToken = default);

    /// <summary>Finds the first offset whose record is dated at or after a time.</summary>
    /// <param name="partition">The partition's number.</param>
    /// <param name="timestampMs">Milliseconds since the Unix epoch, or <see cref="FindOffsetResponse.MaxTimestamp"/>.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    [Alias("FindOffsetAsync")]
    ValueTask<FindOffsetResponse> FindOffsetAsync(int partition, long timestampMs, CancellationToken cancellationToken = default);

    /// <summary>Finds where the batches end that the leader of an epoch stored (Kafka's OffsetForLeaderEpoch, KIP-101).</summary>
    /// <param name="partition">The partition's number.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    [Alias("FindEpochEndAsync")]
    ValueTask<EpochEndResponse> FindEpochEndAsync(int partition, int epoch, CancellationToken cancellationToken = default);

    /// <summary>Deletes the records of a partition below an offset (Kafka's DeleteRecords).</summary>
    /// <param name="partition">The partition's number.</param>
    /// <param name="beforeOffset">The new log start offset; -1 for the high watermark.</param>
    /// <param name="cancellationToken">The caller's deadline. Once it has passed the outcome is unknown; repeating the call is harmless.</param>
    /// <returns>The partition afterwards, or the error.</returns>
    [Alias("DeleteRecordsAsync")]
    ValueTask<PartitionDescription> DeleteRecordsAsync(
        int partition, long beforeOffset, CancellationToken cancellationToken = default);

    /// <summary>As <see cref="DeleteRecordsAsync"/>, but only for the topic with this id. Another topic of the name is refused as unknown.</summary>
    /// <param name="topicId">The topic that the offset belongs to.</param>
    /// <param name="partition">The partition's number.</param>
    /// <param name="beforeOffset">The new log start offset; -1 for the high watermark.</param>
    /// <param name="cancellationToken">The caller's deadline. Once it has passed the outcome is unknown; repeating the call is harmless.</param>
    /// <returns>The partition afterwards, or the error.</returns>
    [Alias("DeleteRecordsOfAsync")]
    ValueTask<PartitionDescription> DeleteRecordsOfAsync(
        Guid topicId, int partition, long beforeOffset, CancellationToken cancellationToken = default);

    /// <summary>Offsets, size and place of every partition.</summary>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <returns>One entry per partition, in order; or the error that the topic does not exist.</returns>
    [Alias("DescribeAsync")]
    ValueTask<TopicDescription> DescribeAsync(CancellationToken cancellationToken = default);
}

/// <summary>Encoded records for a topic.</summary>
/// <param name="Batches">
/// Whole record batches of format 2, back to back. Nobody may change them until the call has ended, or longer if
/// <see cref="RecordsAppendResponse.HasStrays"/> says so. With an identity the batches already name its producer, with sequence numbers as if all
/// went to one partition. Batches that do go to one partition are stored from this memory; only the others are written again.
/// </param>
/// <param name="Partition">The partition for all records; null to choose partitions by key.</param>
/// <param name="RecordPartitions">Per record, in order, its explicit partition or -1; empty when no record names one.</param>
/// <param name="Acks">When to answer.</param>
/// <param name="ExpectedNextOffset">
/// Append only if this is the partition's next offset; null for no condition. Needs <paramref name="Partition"/>.
/// </param>
/// <param name="Identity">The identity by which a repeat of the request is recognized; null when the request will not be repeated.</param>
[GenerateSerializer, Immutable, Alias("os.RecordsAppendRequest")]
public sealed record RecordsAppendRequest(
    [property: Id(0)] ReadOnlyMemory<byte> Batches,
    [property: Id(1)] int? Partition,
    [property: Id(2)] ReadOnlyMemory<int> RecordPartitions,
    [property: Id(3)] Acks Acks,
    [property: Id(4)] long? ExpectedNextOffset = null,
    [property: Id(5)] AppendIdentity? Identity = null)
{
    /// <summary>
    /// True when each batch is stored as one batch, at consecutive offsets, or refused as a whole; as Kafka's clients count on. False when its
    /// records may be divided over batches, and refused one by one.
    /// </summary>
    [Id(6)] public bool HasWholeBatches { get; init; }

    /// <inheritdoc cref="AppendRequest.RequiredLeader"/>
    [Id(7)] public SiloAddress? RequiredLeader { get; init; }

    /// <summary>The append's place, for a caller in this process that names the partition; null for a caller that waits for each append.</summary>
    [field: NonSerialized] public AppendAffinity? Affinity { get; init; }

    /// <summary>
    /// True when the caller's thread may be kept until the records are durable, for a caller in this process that does nothing else meanwhile.
    /// </summary>
    [field: NonSerialized] public bool MayBlock { get; init; }
}

/// <summary>The results of an append, with one part for each append to a partition.</summary>
/// <param name="Parts">The appends that were made or refused for the request.</param>
/// <param name="PartOfRecord">
/// Per record the index of its part; empty when there is one part with all records. Within a part the records keep their order: the n-th has offset
/// <see cref="AppendPart.BaseOffset"/> + n.
/// </param>
/// <param name="Error">Set when the whole request failed, for instance because the topic is unknown. There are then no parts.</param>
[GenerateSerializer, Immutable, Alias("os.RecordsAppendResponse")]
public sealed record RecordsAppendResponse(
    [property: Id(0)] ImmutableArray<AppendPart> Parts,
    [property: Id(1)] ReadOnlyMemory<int> PartOfRecord,
    [property: Id(2)] StreamError? Error = null)
{
    /// <summary>
    /// Set when nothing was stored because the request must be partitioned by this version of the topic. Send it again with this version.
    /// </summary>
    [Id(3)] public TopicMetadata? PartitionBy { get; init; }

    /// <summary>True when a call to a partition was given up without a certain answer. That call may still read the request's batches.</summary>
    [Id(4)] public bool HasStrays { get; init; }

    /// <summary>
    /// The pooled memory of <see cref="PartOfRecord"/>. Its reader gives it back. Null when there is none, for instance after the answer
    /// came from another process.
    /// </summary>
    [field: NonSerialized] public IDisposable? RecordMemory { get; init; }
}

/// <summary>One append for a request.</summary>
/// <param name="Partition">The partition, or -1 when none could be chosen.</param>
/// <param name="RecordCount">The count of records in it.</param>
/// <param name="Response">Its outcome.</param>
[GenerateSerializer, Immutable, Alias("os.AppendPart")]
public readonly record struct AppendPart(
    [property: Id(0)] int Partition,
    [property: Id(1)] int RecordCount,
    [property: Id(2)] AppendResponse Response)
{
    /// <summary>The offset of its first record, or -1.</summary>
    public long BaseOffset => Response.BaseOffset;

    /// <summary>The outcome, for a repeat of the request.</summary>
    public StoredPart ToStored() => new(BaseOffset, Response.LogAppendTimeMs, Response.Error);
}

/// <summary>A topic and its partitions.</summary>
/// <param name="Topic">The topic; null when it does not exist.</param>
/// <param name="Partitions">Per partition, in order, its state, or why the state could not be read.</param>
/// <param name="Error">Why there is no topic; null when there is one.</param>
[GenerateSerializer, Immutable, Alias("os.TopicDescription")]
public sealed record TopicDescription(
    [property: Id(0)] TopicMetadata? Topic,
    [property: Id(1)] ImmutableArray<PartitionDescription> Partitions,
    [property: Id(2)] StreamError? Error = null);
