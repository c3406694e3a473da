using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Confluent.Kafka;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Core.Internal;
using OrleansStream.Gateway.Groups;
using OrleansStream.Gateway.Topics;
using OrleansStream.Groups;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Tests.Groups;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Kafka.Groups;

/// <summary>The tests of groups that share one service.</summary>
[CollectionDefinition(Name)]
public sealed class KafkaGroupTests : ICollectionFixture<GroupService>
{
    /// <summary>Their collection's name.</summary>
    public const string Name = "Kafka groups";
}

/// <summary>The whole service in this process with both doors open, on ports of its own, with its data in memory.</summary>
public sealed class GroupService : IAsyncLifetime
{
    private readonly Factory _factory = new();

    /// <summary>A client of its REST door.</summary>
    public HttpClient Rest { get; private set; } = null!;

    /// <summary>Where its Kafka door is.</summary>
    public string Bootstrap { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        _factory.UseKestrel();
        _factory.StartServer();
        Rest = new HttpClient { BaseAddress = _factory.ClientOptions.BaseAddress };
        (await Rest.GetAsync("/health/ready")).EnsureSuccessStatusCode();
        Bootstrap = $"127.0.0.1:{_factory.Services.GetRequiredService<LocalBroker>().Port}";
    }

    public ValueTask DisposeAsync()
    {
        Rest.Dispose();
        return _factory.DisposeAsync();
    }

    /// <summary>Makes a topic with records <c>{partition}/{n}</c> in each partition.</summary>
    public async Task<string> CreateTopicAsync(int partitions, int recordsPerPartition, string? name = null)
    {
        var topic = name ?? $"t-{Guid.NewGuid():N}";
        (await Rest.PutAsJsonAsync($"/v1/topics/{topic}", new { partitions })).EnsureSuccessStatusCode();
        await ProduceAsync(topic, partitions, recordsPerPartition, from: 0);
        return topic;
    }

    /// <summary>Adds records to each partition.</summary>
    public async Task ProduceAsync(string topic, int partitions, int recordsPerPartition, int from)
    {
        if (recordsPerPartition == 0)
            return;
        var records = Enumerable.Range(0, partitions).SelectMany(partition => Enumerable.Range(from, recordsPerPartition)
            .Select(n => new { partition, value = $"{partition}/{n}", value_type = "string" }));
        (await Rest.PostAsJsonAsync($"/v1/topics/{topic}/records", new { records })).EnsureSuccessStatusCode();
    }

    /// <summary>What REST says of a path.</summary>
    public async Task<JsonNode> GetAsync(string path) => (await Rest.GetFromJsonAsync<JsonNode>(path))!;

    /// <summary>The committed offsets of a group, as REST tells them, by partition.</summary>
    public async Task<Dictionary<int, long>> OffsetsAsync(string group) => (await GetAsync($"/v1/groups/{group}/offsets"))["offsets"]!.AsArray()
        .ToDictionary(offset => (int)offset!["partition"]!, offset => (long)offset!["offset"]!);

    /// <summary>Has a group's coordinator go away; the next call makes another one, which knows only what is stored.</summary>
    public async Task MoveAsync(string group) => await _factory.Services.GetRequiredService<IGrainFactory>()
        .GetGrain<IConsumerGroupGrain>(group).AsReference<IGrainManagementExtension>().DeactivateOnIdle();

    /// <summary>The way to groups as another server has it, which remembers nothing of what this one's clients said.</summary>
    internal GroupCoordinator NewCoordinator() => ActivatorUtilities.CreateInstance<GroupCoordinator>(_factory.Services);

    /// <summary>The way to groups as another server has it, to which the catalogue of topics answers as the test says.</summary>
    /// <param name="list">Gives the names of all topics.</param>
    internal GroupCoordinator NewCoordinator(Func<Task<CatalogPage>> list) => ActivatorUtilities.CreateInstance<GroupCoordinator>(
        _factory.Services, ActivatorUtilities.CreateInstance<TopicPatterns>(
            _factory.Services, Answering.By<IGrainFactory>((_, _) => Answering.By<ITopicCatalogGrain>((_, _) => list()))));

    /// <summary>A group's name.</summary>
    public static string NewGroup() => $"g-{Guid.NewGuid():N}";

    /// <summary>Settings of a consumer that starts at the earliest record and commits only when it is told to.</summary>
    public ConsumerConfig Consumer(string group, GroupProtocol protocol = GroupProtocol.Classic)
    {
        var config = new ConsumerConfig
        {
            BootstrapServers = Bootstrap,
            GroupId = group,
            GroupProtocol = protocol,
            AutoOffsetReset = AutoOffsetReset.Earliest,
            EnableAutoCommit = false,
            FetchWaitMaxMs = 100,
            TopicMetadataRefreshIntervalMs = 2_000,
        };
        if (protocol == GroupProtocol.Classic)
        {
            config.SessionTimeoutMs = 20_000;
            config.HeartbeatIntervalMs = 300;
        }

        return config;
    }

    private sealed class Factory : WebApplicationFactory<OrleansStream.Api.Hosting.ConnectionMemory>
    {
        protected override void ConfigureWebHost(IWebHostBuilder builder) => builder
            .UseSetting("OrleansStream:Storage:Provider", "Memory")
            .UseSetting("OrleansStream:Kafka:Enabled", "true")
            .UseSetting("OrleansStream:Kafka:Listen", "127.0.0.1:0")
            .UseSetting("Logging:LogLevel:Orleans.Runtime", "Warning")
            .UseSetting(WebHostDefaults.ServerUrlsKey, ApiFixture.AnyPort);
    }
}
