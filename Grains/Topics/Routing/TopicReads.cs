using OrleansStream.Errors;
using OrleansStream.Partitions;

namespace OrleansStream.Topics.Routing;

/// <summary>
/// The calls to a topic's partitions other than appends: they find the partition, and say what the caller is told when the topic is gone.
/// </summary>
/// <remarks>
/// Safe to call from any thread. The topic it knows may be stale, so it refuses only by what it has just asked for, and a partition that says
/// that its topic is gone makes it ask again.
/// </remarks>
/// <param name="name">The topic's name.</param>
/// <param name="cache">The topic.</param>
/// <param name="calls">Reaches the partitions.</param>
internal sealed class TopicReads(string name, TopicCache cache, PartitionCalls calls)
{
    /// <inheritdoc cref="ITopicRouterGrain.FetchAsync"/>
    public async ValueTask<FetchResponse> FetchAsync(int partition, FetchRequest request, CancellationToken cancellationToken)
    {
        var (key, error) = await FindPartitionAsync(partition, cancellationToken);
        if (key is not { } found)
            return new FetchResponse(error, request.Offset, default, HighWatermark: -1, LogStartOffset: -1);
        if (request.TopicId is { } id)
            return await FetchOfAsync(found with { TopicId = id }, request, cancellationToken);

        // The topic known here may be one that is gone. Which has the name is settled by a read that does not wait; a wait is bound to it then, for
        // its offset means nothing in a topic that is created meanwhile.
        var look = request with { WaitMs = 0 };
        var response = await calls.FetchAsync(found, look, cancellationToken);
        if (IsTopicGone(response.Error) && await FindPartitionAnewAsync(found, cancellationToken) is { } anew)
        {
            found = anew;
            response = await calls.FetchAsync(found, look, cancellationToken);
        }

        return request.WaitMs > 0 && response is { Error: null, Batches.IsEmpty: true }
            ? await FetchOfAsync(found, request with { Offset = response.Offset }, cancellationToken)
            : response with { Error = Translate(response.Error), TopicId = found.TopicId };
    }

    /// <inheritdoc cref="ITopicRouterGrain.FindOffsetAsync"/>
    public async ValueTask<FindOffsetResponse> FindOffsetAsync(int partition, long timestampMs, CancellationToken cancellationToken)
    {
        var (key, error) = await FindPartitionAsync(partition, cancellationToken);
        if (key is not { } found)
            return new FindOffsetResponse(error, Offset: -1, TimestampMs: -1);
        var response = await calls.FindOffsetAsync(found, timestampMs, cancellationToken);
        if (IsTopicGone(response.Error) && await FindPartitionAnewAsync(found, cancellationToken) is { } anew)
        {
            found = anew;
            response = await calls.FindOffsetAsync(found, timestampMs, cancellationToken);
        }

        return response with { Error = Translate(response.Error), TopicId = found.TopicId };
    }

    /// <inheritdoc cref="ITopicRouterGrain.FindEpochEndAsync"/>
    public async ValueTask<EpochEndResponse> FindEpochEndAsync(int partition, int epoch, CancellationToken cancellationToken)
    {
        var (key, error) = await FindPartitionAsync(partition, cancellationToken);
        if (key is not { } found)
            return new EpochEndResponse(error, Epoch: -1, EndOffset: -1, LeaderEpoch: 0);
        var response = await calls.FindEpochEndAsync(found, epoch, cancellationToken);
        if (IsTopicGone(response.Error) && await FindPartitionAnewAsync(found, cancellationToken) is { } anew)
            response = await calls.FindEpochEndAsync(anew, epoch, cancellationToken);
        return response with { Error = Translate(response.Error) };
    }

    /// <inheritdoc cref="ITopicRouterGrain.DeleteRecordsAsync"/>
    public ValueTask<PartitionDescription> DeleteRecordsAsync(int partition, long beforeOffset, CancellationToken cancellationToken) =>
        DeleteRecordsAsync(topicId: null, partition, beforeOffset, cancellationToken);

    /// <inheritdoc cref="ITopicRouterGrain.DeleteRecordsOfAsync"/>
    public ValueTask<PartitionDescription> DeleteRecordsOfAsync(
        Guid topicId, int partition, long beforeOffset, CancellationToken cancellationToken) =>
        DeleteRecordsAsync(topicId, partition, beforeOffset, cancellationToken);

    private async ValueTask<PartitionDescription> DeleteRecordsAsync(
        Guid? topicId, int partition, long beforeOffset, CancellationToken cancellationToken)
    {
        // Records may be deleted only of the topic that has the name now. So the topic is not taken from the cache, and there is no second try on a
        // topic that is created meanwhile. The call is rare.
        var (topic, error) = await AskAsync(known: null, cancellationToken);
        if (topic is null)
            return PartitionConversions.Unavailable(partition, error!);
        var metadata = topic.Metadata;
        if (topicId is not null && topicId != metadata.Id)
            return PartitionConversions.Unavailable(partition, CreatedAnew());
        if ((uint)partition >= (uint)metadata.PartitionCount)
            return PartitionConversions.Unavailable(partition, PartitionErrors.NoSuchPartition(metadata.Name, partition, metadata.PartitionCount));
        var response = await calls.DeleteRecordsAsync(new PartitionKey(metadata.Id, partition), beforeOffset, cancellationToken);
        return response with { Error = Translate(response.Error) };
    }

    /// <inheritdoc cref="ITopicRouterGrain.DescribeAsync"/>
    public async ValueTask<TopicDescription> DescribeAsync(CancellationToken cancellationToken)
    {
        // A person reads the answer, and the call is rare, so the topic is not taken from the cache.
        var (topic, error) = await AskAsync(known: null, cancellationToken);
        if (topic is null)
            return new TopicDescription(Topic: null, [], error);
        var partitions = await Task.WhenAll(
            Enumerable.Range(0, topic.Metadata.PartitionCount)
                .Select(partition => calls.DescribeAsync(new PartitionKey(topic.Metadata.Id, partition)).AsTask()));
        return new TopicDescription(topic.Metadata, [.. partitions]);
    }

    private async Task<(PartitionKey? Key, StreamError? Error)> FindPartitionAsync(int partition, CancellationToken cancellationToken)
    {
        var (topic, error) = cache.Fresh is { } fresh ? (fresh, null) : await AskAsync(known: null, cancellationToken);
        if (topic is not null && (uint)partition >= (uint)topic.Metadata.PartitionCount)
            (topic, error) = await AskAsync(topic, cancellationToken);
        if (topic is null)
            return (null, error);
        var metadata = topic.Metadata;
        return (uint)partition < (uint)metadata.PartitionCount
            ? (new PartitionKey(metadata.Id, partition), null)
            : (null, PartitionErrors.NoSuchPartition(metadata.Name, partition, metadata.PartitionCount));
    }

    /// <summary>The partition of the topic that now has the name, when it is another.</summary>
    private async Task<PartitionKey?> FindPartitionAnewAsync(PartitionKey gone, CancellationToken cancellationToken)
    {
        var (topic, _) = await AskAsync(known: null, cancellationToken);
        return topic is not null && topic.Metadata.Id != gone.TopicId && gone.Partition < topic.Metadata.PartitionCount
            ? new PartitionKey(topic.Metadata.Id, gone.Partition)
            : null;
    }

    /// <summary>The topic as it is now. The caller's wait ends with its token; the question goes on for others.</summary>
    private Task<(TopicView? Topic, StreamError? Error)> AskAsync(TopicView? known, CancellationToken cancellationToken) =>
        cache.RefreshAsync(known).WaitAsync(cancellationToken);

    /// <summary>Reads from this topic or none: its offsets mean nothing in another of the name.</summary>
    private async ValueTask<FetchResponse> FetchOfAsync(PartitionKey key, FetchRequest request, CancellationToken cancellationToken)
    {
        var response = await calls.FetchAsync(key, request, cancellationToken);
        if (IsTopicGone(response.Error))
        {
            var (topic, _) = await AskAsync(known: null, cancellationToken);
            response = response with { Error = topic is null ? Translate(response.Error) : CreatedAnew() };
        }

        return response with { TopicId = key.TopicId };
    }

    private static bool IsTopicGone(StreamError? error) => error?.Code == StreamErrorCode.UnknownTopicId;

    private StreamError CreatedAnew() => new(
        StreamErrorCode.UnknownTopicId,
        $"The topic '{name}' that was read from was deleted, and another has its name: the offsets are none of that one's. Read it from its start.");

    /// <summary>A caller that named the topic by its name is told about the name.</summary>
    private StreamError? Translate(StreamError? error) => IsTopicGone(error)
        ? new StreamError(StreamErrorCode.UnknownTopicOrPartition, $"There is no topic '{name}': it was deleted.")
        : error;
}
