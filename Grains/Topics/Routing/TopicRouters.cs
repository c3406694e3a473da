using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using OrleansStream.Partitions;

namespace OrleansStream.Topics.Routing;

/// <summary>The routers of this process, one a topic: for its own doors without a grain call, for others behind <see cref="TopicRouterGrain"/>.</summary>
/// <remarks>
/// Safe to call from any thread. A router remembers nothing that it could not ask for again, so when there are more than topics can be,
/// all are made anew.
/// </remarks>
/// <param name="grains">Reaches the grains.</param>
/// <param name="led">The partitions that this process leads.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of failures that nobody foresaw.</param>
internal sealed class TopicRouters(IGrainFactory grains, LedPartitions led, TimeProvider time, ILogger<TopicRouter> logger) : ILocalTopics
{
    private readonly PartitionCalls _calls = new(new GrainLookup<IPartitionGrain>(grains), led, time, logger);
    private readonly ConcurrentDictionary<string, TopicRouter> _routers = new(StringComparer.Ordinal);

    /// <summary>The router of a topic, whether or not there is such a topic.</summary>
    /// <param name="topic">The topic's name.</param>
    public TopicRouter Get(string topic)
    {
        if (_routers.TryGetValue(topic, out var router))
            return router;
        if (_routers.Count >= TopicGrainLimits.RoutersMax)
            _routers.Clear();
        return _routers.GetOrAdd(topic, new TopicRouter(topic, _calls, grains, time));
    }

    /// <inheritdoc/>
    public ValueTask<RecordsAppendResponse> AppendAsync(string topic, RecordsAppendRequest request, CancellationToken cancellationToken) =>
        Get(topic).AppendAsync(request, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<FetchResponse> FetchAsync(string topic, int partition, FetchRequest request, CancellationToken cancellationToken) =>
        Get(topic).FetchAsync(partition, request, cancellationToken);

    /// <inheritdoc/>
    public TopicMetadata? FindKnown(string topic) => _routers.GetValueOrDefault(topic)?.Known;
}
