using System.Diagnostics;
using OrleansStream.Instrumentation;
using OrleansStream.Partitions;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Gateway.Routing;

/// <summary>Finds the way of records to and from topics: within this process if it has a silo, by a grain call otherwise.</summary>
/// <remarks>Safe to call from any thread.</remarks>
/// <param name="grains">The way to the grains.</param>
/// <param name="local">The topics as this process reaches them without a grain call; null in a process without a silo.</param>
public sealed class TopicRoutes(IGrainFactory grains, ILocalTopics? local = null)
{
    private readonly GrainLookup<ITopicRouterGrain> _routers = new(grains);

    /// <inheritdoc cref="ITopicRouterGrain.FetchAsync"/>
    /// <param name="topic">The topic's name.</param>
    /// <param name="partition">The partition's number.</param>
    /// <param name="request">The offset to read from, and how much to read.</param>
    /// <param name="cancellationToken">Ends the wait when the caller has gone.</param>
    /// <exception cref="OrleansException">The call was lost.</exception>
    /// <exception cref="TimeoutException">It had no answer in time.</exception>
    public ValueTask<FetchResponse> FetchAsync(string topic, int partition, FetchRequest request, CancellationToken cancellationToken)
    {
        var fetch = Local(topic) is { } here
            ? here.FetchAsync(partition, request, cancellationToken)
            : Router(topic).FetchAsync(partition, request, cancellationToken);
        return StreamTelemetry.Recorded is { } span ? LinkAsync(span, fetch) : fetch;
    }

    /// <summary>A topic as this process reaches it without a grain call; null in a process without a silo.</summary>
    /// <param name="topic">The topic's name.</param>
    public ILocalTopic? Local(string topic) => local?.Find(topic);

    /// <summary>The grain that is the router of a topic.</summary>
    /// <param name="topic">The topic's name.</param>
    public ITopicRouterGrain Router(string topic) => _routers.Get(topic);

    private static async ValueTask<FetchResponse> LinkAsync(Activity span, ValueTask<FetchResponse> fetch)
    {
        var response = await fetch;
        ProducerLinks.Add(span, response.Batches.Span);
        return response;
    }
}
