using Microsoft.Extensions.DependencyInjection;
using Orleans.TestingHost;
using OrleansStream.Hosting;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Maintenance;
using OrleansStream.Partitions;
using OrleansStream.Storage;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Cluster;

/// <summary>What happens to partitions and topics that nobody calls any more, on a silo whose days go by at once.</summary>
public sealed class MaintenanceTests : IAsyncLifetime
{
    private readonly SkippingTime _time = new();
    private readonly MemorySegmentStore _segments = new();
    private readonly MemoryDocumentStore _documents = new();
    private InProcessTestCluster _cluster = null!;

    private IGrainFactory Grains => _cluster.Silos[0].ServiceProvider.GetRequiredService<IGrainFactory>();

    public async ValueTask InitializeAsync()
    {
        var builder = new InProcessTestClusterBuilder(initialSilosCount: 1);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddSingleton<TimeProvider>(_time);
            silo.AddOrleansStreamGrains();
            silo.Services.AddPatientCalls();
            silo.Services.AddSingleton<ISegmentStore>(_segments);
            silo.Services.AddSingleton<IDocumentStore>(_documents);
        });
        _cluster = builder.Build();
        await _cluster.DeployAsync();
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Sweep_OfAPartitionThatNobodyTouches_DeletesWhatIsTooOldAndLeavesTheOthersShut()
    {
        var aged = await CreateAsync("aged", ("retention.ms", "3600000"));
        var kept = await CreateAsync("kept", ("retention.ms", "-1"), ("segment.ms", $"{TopicLimits.AgeMsMax}"));
        foreach (var topic in new[] { aged, kept })
        {
            await Grains.GetGrain<ITopicRouterGrain>(topic.Name).AppendAsync(Batches.Request(Batches.Of((null, "old")), 0));
            await _cluster.DeactivateAsync(Partition(topic));
        }

        _time.Advance(TimeSpan.FromHours(2));
        var before = await ManifestAsync(kept);
        await Grains.GetGrain<IMaintenanceGrain>(IMaintenanceGrain.Key).TickAsync();

        // Nobody asks the partition itself: its manifest tells.
        await Wait.UntilAsync("its log start has moved", async () => (await ManifestAsync(aged)).Contains("\"log_start_offset\": 1", StringComparison.Ordinal));
        Assert.Equal(before, await ManifestAsync(kept));
    }

    [Fact]
    public async Task Round_OfAnOpenPartition_DeletesWhatIsTooOld()
    {
        var topic = await CreateAsync("open", ("retention.ms", "5000"));
        await Grains.GetGrain<ITopicRouterGrain>(topic.Name).AppendAsync(Batches.Request(Batches.Of((null, "old")), 0));

        // Sooner than any sweep.
        _time.Advance(PartitionGrainLimits.MaintenancePeriod);
        await Wait.UntilAsync("its log start has moved", async () => (await ManifestAsync(topic)).Contains("\"log_start_offset\": 1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Delete_WhenAnOwnerThatStoodStillLeavesBytes_FreesThemLater()
    {
        var topic = await CreateAsync("gone");
        await Grains.GetGrain<ITopicRouterGrain>(topic.Name).AppendAsync(Batches.Request(Batches.Of((null, "a")), 0));
        await Grains.GetGrain<ITopicGrain>(topic.Name).DeleteAsync();
        await Wait.UntilAsync("its deletion is remembered", async () => (await StateOfCatalogueAsync()).Contains("\"freedAt\": \"", StringComparison.Ordinal));

        var folder = new PartitionKey(topic.Id, 0).ToString();
        await using (await PartitionLog.OpenAsync(folder, "late", new LogOptions(), _segments, _documents, _time))
        {
        }

        Assert.True(await HasAnythingAsync(topic));
        var watch = TopicGrainLimits.DeletionWatch + TimeSpan.FromMinutes(1);
        await _time.AdvanceUntilAsync("what was left is deleted", watch, async () => !await HasAnythingAsync(topic));

        // It is watched once more, and then nothing of it is remembered.
        await _time.AdvanceUntilAsync("its deletion is forgotten", watch, async () =>
            !(await StateOfCatalogueAsync()).Contains(topic.Id.ToString(), StringComparison.Ordinal));
    }

    private async Task<TopicMetadata> CreateAsync(string name, params (string Name, string Value)[] config)
    {
        var response = await Grains.GetGrain<ITopicGrain>(name).CreateAsync(ClusterFixture.Request(1, config));
        return response.Topic!;
    }

    private IPartitionGrain Partition(TopicMetadata topic) =>
        Grains.GetGrain<IPartitionGrain>(new PartitionKey(topic.Id, 0).ToString());

    private async Task<string> ManifestAsync(TopicMetadata topic) =>
        await TextAsync(SegmentName.ManifestOf(new PartitionKey(topic.Id, 0).ToString()));

    private async Task<string> StateOfCatalogueAsync() =>
        await TextAsync(await _documents.ListAsync("state/").SingleAsync(name => name.EndsWith("/catalog", StringComparison.Ordinal)));

    private async Task<string> TextAsync(string document) =>
        System.Text.Encoding.UTF8.GetString((await _documents.ReadAsync(document))!.Value.Bytes.Span);

    private async Task<bool> HasAnythingAsync(TopicMetadata topic) =>
        await _segments.ListAsync($"{topic.Id:N}/").AnyAsync() || await _documents.ListAsync($"{topic.Id:N}/").AnyAsync();
}
