using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using OrleansStream.Partitions;
using OrleansStream.Randomness;

namespace OrleansStream.Topics.Routing;

/// <summary>
/// The routers of this process, one for each topic. The doors of this process find them here without a grain call; other processes call them through
/// <see cref="TopicRouterGrain"/>.
/// </summary>
/// <remarks>
/// Safe to call from any thread. A router remembers nothing that it could not ask for again, so when there are more than topics can be,
/// all are made anew.
/// </remarks>
/// <param name="grains">Reaches the grains.</param>
/// <param name="led">The partitions that this process leads.</param>
/// <param name="time">The clock of the routers.</param>
/// <param name="random">Where random choices come from.</param>
/// <param name="logger">Logs failures that nobody foresaw.</param>
internal sealed class TopicRouters(IGrainFactory grains, OpenPartitionIndex led, TimeProvider time, RandomSource random, ILogger<TopicRouter> logger)
    : ILocalTopics
{
    private readonly PartitionAccess _partitions = new(new GrainLookup<IPartitionGrain>(grains), led, time, logger, random);
    private readonly ConcurrentDictionary<string, TopicRouter> _routers = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    ILocalTopic ILocalTopics.Find(string topic) => Get(topic);

    /// <inheritdoc/>
    public TopicMetadata? FindKnown(string topic) => _routers.GetValueOrDefault(topic)?.Known;

    /// <inheritdoc/>
    public bool Leads(PartitionKey key) => led.Find(key) is not null;

    /// <summary>The router of a topic, whether or not there is such a topic.</summary>
    /// <param name="topic">The topic's name.</param>
    public TopicRouter Get(string topic)
    {
        if (_routers.TryGetValue(topic, out var router))
            return router;
        if (_routers.Count >= TopicGrainLimits.RoutersMax)
            _routers.Clear();
        return _routers.GetOrAdd(topic, new TopicRouter(topic, _partitions, grains, time));
    }
}
