using Orleans.Concurrency;
using OrleansStream.Partitions;

namespace OrleansStream.Topics.Routing;

/// <summary>A silo's <see cref="TopicRouter"/> of a topic, for callers in other processes. One or more on every silo.</summary>
/// <remarks>Reentrant: it has no state of its own.</remarks>
[StatelessWorker, Reentrant, CollectionAgeLimit(Minutes = TopicGrainLimits.RouterAgeMinutes), GrainType("topic-router")]
internal sealed class TopicRouterGrain(TopicRouters routers) : Grain, ITopicRouterGrain
{
    private TopicRouter Router => routers.Get(this.GetPrimaryKeyString());

    /// <inheritdoc/>
    public ValueTask<RecordsAppendResponse> AppendAsync(RecordsAppendRequest request, CancellationToken cancellationToken) =>
        Router.AppendAsync(request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<FetchResponse> FetchAsync(int partition, FetchRequest request, CancellationToken cancellationToken) =>
        Router.FetchAsync(partition, request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<FindOffsetResponse> FindOffsetAsync(int partition, long timestampMs, CancellationToken cancellationToken) =>
        Router.Reads.FindOffsetAsync(partition, timestampMs, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<EpochEndResponse> FindEpochEndAsync(int partition, int epoch, CancellationToken cancellationToken) =>
        Router.Reads.FindEpochEndAsync(partition, epoch, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<PartitionDescription> DeleteRecordsAsync(int partition, long beforeOffset, CancellationToken cancellationToken) =>
        Router.Reads.DeleteRecordsAsync(partition, beforeOffset, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<PartitionDescription> DeleteRecordsOfAsync(
        Guid topicId, int partition, long beforeOffset, CancellationToken cancellationToken) =>
        Router.Reads.DeleteRecordsOfAsync(topicId, partition, beforeOffset, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<TopicDescription> DescribeAsync(CancellationToken cancellationToken) => Router.Reads.DescribeAsync(cancellationToken);
}
