using OrleansStream.Partitions;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Cluster;

/// <summary>Loses requests and replies of appends, both on the way to routers and to partitions.</summary>
internal sealed class LossyCalls(int seed) : IOutgoingGrainCallFilter
{
    private readonly Random _random = new(seed);
    private readonly Lock _lock = new();

    /// <summary>True while calls are lost.</summary>
    public bool IsOn { get; set; }

    public async Task Invoke(IOutgoingGrainCallContext context)
    {
        var isAppend = context.Grain is ITopicRouterGrain or IPartitionGrain && context.MethodName == nameof(IPartitionGrain.AppendAsync);
        var chance = isAppend && IsOn ? Next() : 1;
        if (chance < 0.05)
            throw new SiloUnavailableException("The request was lost.");
        await context.Invoke();
        if (chance < 0.2)
            throw new SiloUnavailableException("The reply was lost.");
    }

    private double Next()
    {
        lock (_lock)
            return _random.NextDouble();
    }
}
