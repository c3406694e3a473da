using OrleansStream.Partitions;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Gateway.Routing;

/// <summary>The way of records to and from topics: within this process where it has a silo, by a grain call where it has none.</summary>
/// <remarks>Safe to call from any thread.</remarks>
/// <param name="grains">The way to the grains.</param>
/// <param name="local">The topics as this process reaches them without a grain call; null where it has no silo.</param>
public sealed class TopicRoutes(IGrainFactory grains, ILocalTopics? local = null)
{
    private readonly GrainLookup<ITopicRouterGrain> _routers = new(grains);

    /// <inheritdoc cref="ITopicRouterGrain.AppendAsync"/>
    /// <param name="topic">The topic's name.</param>
    /// <param name="request">The encoded records.</param>
    /// <param name="cancellationToken">The caller's deadline; once it has passed the outcome is unknown.</param>
    /// <exception cref="OrleansException">The call was lost: its outcome is unknown, and it may go on reading the request's batches.</exception>
    /// <exception cref="TimeoutException">As above.</exception>
    public ValueTask<RecordsAppendResponse> AppendAsync(string topic, RecordsAppendRequest request, CancellationToken cancellationToken) => local is null
        ? _routers.Get(topic).AppendAsync(request, cancellationToken)
        : local.AppendAsync(topic, request, cancellationToken);

    /// <inheritdoc cref="ITopicRouterGrain.FetchAsync"/>
    /// <param name="topic">The topic's name.</param>
    /// <param name="partition">The partition's number.</param>
    /// <param name="request">From where and how much.</param>
    /// <param name="cancellationToken">Ends the wait when the caller has gone.</param>
    /// <exception cref="OrleansException">The call was lost.</exception>
    /// <exception cref="TimeoutException">It had no answer in time.</exception>
    public ValueTask<FetchResponse> FetchAsync(string topic, int partition, FetchRequest request, CancellationToken cancellationToken) => local is null
        ? _routers.Get(topic).FetchAsync(partition, request, cancellationToken)
        : local.FetchAsync(topic, partition, request, cancellationToken);

    /// <summary>The router of a topic, for what is asked seldom.</summary>
    /// <param name="topic">The topic's name.</param>
    public ITopicRouterGrain Router(string topic) => _routers.Get(topic);
}
