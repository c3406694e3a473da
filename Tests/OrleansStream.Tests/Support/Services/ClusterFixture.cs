using Microsoft.Extensions.DependencyInjection;
using Orleans.TestingHost;
using OrleansStream.Errors;
using OrleansStream.Hosting;
using OrleansStream.Partitions;
using OrleansStream.Storage;
using OrleansStream.Storage.Memory;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Support.Services;

/// <summary>A cluster of silos in this process over stores in memory, which they share.</summary>
public sealed class ClusterFixture : IAsyncLifetime
{
    private InProcessTestCluster? _cluster;

    /// <summary>False to have callers in a silo's process go by the grains, too, where a test looks at these calls.</summary>
    public bool AreCallsDirect { get; init; } = true;

    /// <summary>What a test adds to each silo.</summary>
    public Action<ISiloBuilder>? ConfigureSilo { get; init; }

    public MemorySegmentStore Segments { get; } = new();

    public MemoryDocumentStore Documents { get; } = new();

    public InProcessTestCluster Cluster => _cluster ?? throw new InvalidOperationException("The cluster is not deployed.");

    /// <summary>The way into the cluster: through the first silo's own process, as the embedded service does.</summary>
    public IGrainFactory Grains => Cluster.Silos[0].ServiceProvider.GetRequiredService<IGrainFactory>();

    /// <summary>The same way without a grain call in between; null where these are to be made.</summary>
    public ILocalTopics? Local => Cluster.Silos[0].ServiceProvider.GetService<ILocalTopics>();

    public async ValueTask InitializeAsync()
    {
        var builder = new InProcessTestClusterBuilder(initialSilosCount: 2);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddOrleansStreamGrains();
            silo.Services.Configure<OrleansStreamOptions>(options => options.Silo.DirectCalls = AreCallsDirect);
            silo.Services.AddSingleton<ISegmentStore>(Segments);
            silo.Services.AddSingleton<IDocumentStore>(Documents);
            ConfigureSilo?.Invoke(silo);
        });
        _cluster = builder.Build();
        await _cluster.DeployAsync();
    }

    public async ValueTask DisposeAsync() => await Cluster.DisposeAsync();

    public ITopicGrain Topic(string name) => Grains.GetGrain<ITopicGrain>(name);

    public ITopicRouterGrain Router(string name) => Grains.GetGrain<ITopicRouterGrain>(name);

    /// <summary>Appends without an identity by the router, which calls each partition once: again while nothing of the request is stored.</summary>
    public async Task<RecordsAppendResponse> AppendAsync(string topic, RecordsAppendRequest request)
    {
        RecordsAppendResponse? response = null;
        await Wait.UntilAsync("the partition takes it", async () =>
        {
            response = await Router(topic).AppendAsync(request);
            return response.PartitionBy is null
                && !response.Parts.Any(part => part.Response.Error is { Code: StreamErrorCode.NotLeaderOrFollower, OutcomeUnknown: false });
        });
        return response!;
    }

    public IPartitionGrain Partition(TopicMetadata topic, int partition) =>
        Grains.GetGrain<IPartitionGrain>(new PartitionKey(topic.Id, partition).ToString());

    /// <summary>Creates a topic that no other test knows.</summary>
    public async Task<TopicMetadata> CreateAsync(int partitionCount, params (string Name, string Value)[] config)
    {
        var name = $"t-{Guid.NewGuid():N}";
        var response = await Topic(name).CreateAsync(Request(partitionCount, config));
        Assert.Null(response.Error);
        Assert.True(response.Created);
        return response.Topic!;
    }

    public static CreateTopicRequest Request(int partitionCount, params (string Name, string Value)[] config) => new(
        partitionCount,
        System.Collections.Immutable.ImmutableSortedDictionary.CreateRange(config.Select(c => KeyValuePair.Create(c.Name, c.Value))),
        ReplicationFactor: null);
}

[CollectionDefinition(nameof(ClusterCollection))]
public sealed class ClusterCollection : ICollectionFixture<ClusterFixture>;
