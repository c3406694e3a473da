using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Partitions;

namespace OrleansStream.Topics.Routing;

/// <summary>
/// The door to a topic's partitions, on every silo: hashes keys, splits records over partitions, fans out. Key: the topic's name.
/// </summary>
/// <remarks>A stateless worker that caches the topic; it refreshes the cache when a partition says that it is stale.</remarks>
[Alias("os.ITopicRouterGrain"), GrainInterfaceType("OrleansStream.Topics.ITopicRouterGrain")]
public interface ITopicRouterGrain : IGrainWithStringKey
{
    /// <summary>
    /// Appends records to the partitions they belong to. With an identity, a partition that gives no certain answer is asked again
    /// until the request's time is over, and the caller may repeat a call that was lost.
    /// </summary>
    /// <param name="request">The encoded records.</param>
    /// <param name="cancellationToken">The caller's deadline; once it has passed the outcome is unknown.</param>
    /// <returns>One result per record, in order; or the topic, when the request was to be planned by another version of it.</returns>
    [Alias("AppendAsync"), ResponseTimeout(TopicLimits.AppendTimeoutText)]
    ValueTask<RecordsAppendResponse> AppendAsync(RecordsAppendRequest request, CancellationToken cancellationToken = default);

    /// <summary>Reads batches of one partition. Waits for new records as the request says.</summary>
    /// <param name="partition">The partition's number.</param>
    /// <param name="request">From where and how much.</param>
    /// <param name="cancellationToken">Ends the wait when the caller has gone.</param>
    [Alias("FetchAsync"), ResponseTimeout(PartitionLimits.RoutedFetchTimeout)]
    ValueTask<FetchResponse> FetchAsync(int partition, FetchRequest request, CancellationToken cancellationToken = default);

    /// <summary>Finds the first offset whose record is dated at or after a time.</summary>
    /// <param name="partition">The partition's number.</param>
    /// <param name="timestampMs">Milliseconds since the Unix epoch.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    [Alias("FindOffsetAsync")]
    ValueTask<FindOffsetResponse> FindOffsetAsync(int partition, long timestampMs, CancellationToken cancellationToken = default);

    /// <summary>Deletes the records of a partition below an offset (Kafka's DeleteRecords).</summary>
    /// <param name="partition">The partition's number.</param>
    /// <param name="beforeOffset">The new log start offset; -1 for the high watermark.</param>
    /// <param name="cancellationToken">The caller's deadline; once it has passed the outcome is unknown, and repeating it is harmless.</param>
    /// <returns>The partition after it, or the error.</returns>
    [Alias("DeleteRecordsAsync")]
    ValueTask<PartitionDescription> DeleteRecordsAsync(
        int partition, long beforeOffset, CancellationToken cancellationToken = default);

    /// <summary>As <see cref="DeleteRecordsAsync"/>, of the topic with this id only: another one of the name is refused as unknown.</summary>
    /// <param name="topicId">The topic that the offset belongs to.</param>
    /// <param name="partition">The partition's number.</param>
    /// <param name="beforeOffset">The new log start offset; -1 for the high watermark.</param>
    /// <param name="cancellationToken">The caller's deadline; once it has passed the outcome is unknown, and repeating it is harmless.</param>
    /// <returns>The partition after it, or the error.</returns>
    [Alias("DeleteRecordsOfAsync")]
    ValueTask<PartitionDescription> DeleteRecordsOfAsync(
        Guid topicId, int partition, long beforeOffset, CancellationToken cancellationToken = default);

    /// <summary>Offsets, size and place of every partition.</summary>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <returns>One entry per partition in order; or the error that the topic does not exist.</returns>
    [Alias("DescribeAsync")]
    ValueTask<TopicDescription> DescribeAsync(CancellationToken cancellationToken = default);
}

/// <summary>Records for a topic, encoded.</summary>
/// <param name="Batches">
/// Whole record batches v2, back to back; not changed by anybody until the call has ended, and longer when
/// <see cref="RecordsAppendResponse.HasStrays"/> says so. With an identity they name its producer already, numbered as if all went to one
/// partition: those that do are stored from this memory, and only others are written anew.
/// </param>
/// <param name="Partition">The partition all of them go to, or null to choose by key.</param>
/// <param name="RecordPartitions">Per record, in order, its explicit partition or -1; empty when no record names one.</param>
/// <param name="Acks">When to answer.</param>
/// <param name="ExpectedNextOffset">Append only when this is the partition's next offset; null for no condition. Needs <paramref name="Partition"/>.</param>
/// <param name="Identity">What makes a repeat of the request known; null when it will not be repeated.</param>
[GenerateSerializer, Immutable, Alias("os.RecordsAppendRequest")]
public sealed record RecordsAppendRequest(
    [property: Id(0)] ReadOnlyMemory<byte> Batches,
    [property: Id(1)] int? Partition,
    [property: Id(2)] ReadOnlyMemory<int> RecordPartitions,
    [property: Id(3)] Acks Acks,
    [property: Id(4)] long? ExpectedNextOffset = null,
    [property: Id(5)] AppendIdentity? Identity = null);

/// <summary>The results of an append, in as few parts as there were appends.</summary>
/// <param name="Parts">The appends that were made, or refused, on behalf of the request.</param>
/// <param name="PartOfRecord">Per record the index of its part; empty when there is one part and it holds every record.
/// Within a part the records keep their order: the n-th has offset <see cref="AppendPart.BaseOffset"/> + n.</param>
/// <param name="Error">Set when the whole request failed, for instance for an unknown topic; then there are no parts.</param>
[GenerateSerializer, Immutable, Alias("os.RecordsAppendResponse")]
public sealed record RecordsAppendResponse(
    [property: Id(0)] ImmutableArray<AppendPart> Parts,
    [property: Id(1)] ReadOnlyMemory<int> PartOfRecord,
    [property: Id(2)] StreamError? Error = null)
{
    /// <summary>Set when nothing was stored, since the request's plan is to be made by this version of the topic: send it again with that.</summary>
    [Id(3)] public TopicMetadata? PlanBy { get; init; }

    /// <summary>True when a call to a partition was given up without a certain answer: it may go on reading the request's batches.</summary>
    [Id(4)] public bool HasStrays { get; init; }

    /// <summary>
    /// The pooled memory of <see cref="PartOfRecord"/>, for whoever has read it to give back; null where there is none, as after the way from
    /// another process.
    /// </summary>
    [field: NonSerialized] public IDisposable? RecordMemory { get; init; }
}

/// <summary>One append on behalf of a request.</summary>
/// <param name="Partition">The partition, or -1 when none could be chosen.</param>
/// <param name="RecordCount">The count of records in it.</param>
/// <param name="Response">What came of it.</param>
[GenerateSerializer, Immutable, Alias("os.AppendPart")]
public readonly record struct AppendPart(
    [property: Id(0)] int Partition,
    [property: Id(1)] int RecordCount,
    [property: Id(2)] AppendResponse Response)
{
    /// <summary>The offset of its first record, or -1.</summary>
    public long BaseOffset => Response.BaseOffset;
}

/// <summary>A topic and its partitions.</summary>
/// <param name="Topic">The topic; null when there is none.</param>
/// <param name="Partitions">Per partition, in order, its state or the reason it could not be had.</param>
/// <param name="Error">Why there is no topic.</param>
[GenerateSerializer, Immutable, Alias("os.TopicDescription")]
public sealed record TopicDescription(
    [property: Id(0)] TopicMetadata? Topic,
    [property: Id(1)] ImmutableArray<PartitionDescription> Partitions,
    [property: Id(2)] StreamError? Error = null);
