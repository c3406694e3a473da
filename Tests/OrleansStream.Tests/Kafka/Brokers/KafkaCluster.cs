using Confluent.Kafka;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Orleans.TestingHost;
using OrleansStream.Cluster;
using OrleansStream.Kafka;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Partitions;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using TopicMetadata = OrleansStream.Topics.TopicMetadata;

namespace OrleansStream.Tests.Kafka.Brokers;

/// <summary>A cluster of silos in this process, each a broker, over stores in memory that they share.</summary>
public sealed class KafkaCluster : IAsyncLifetime
{
    private readonly ClusterFixture _cluster;
    private int _brokers;

    public KafkaCluster() => _cluster = new ClusterFixture
    {
        ConfigureSilo = silo =>
        {
            silo.Services.AddSingleton<IConnectionListenerFactory, SocketTransportFactory>();
            silo.Services.AddKafka();
            var isBroker = Interlocked.Increment(ref _brokers) <= BrokersMax;
            silo.Services.Configure<KafkaOptions>(kafka =>
            {
                kafka.Enabled = isBroker;
                kafka.Listen = KafkaFixture.AnyPort;
            });
            if (!isBroker && OtherBroker is { } other)
                silo.Services.AddSingleton(other);
        },
    };

    /// <summary>So many silos serve Kafka clients; the others do not.</summary>
    public int BrokersMax { get; init; } = int.MaxValue;

    /// <summary>What the other silos tell of themselves as brokers; null for what they are.</summary>
    internal IBroker? OtherBroker { get; init; }

    /// <summary>The silos that were not stopped.</summary>
    public IReadOnlyList<InProcessSiloHandle> Silos => _cluster.Cluster.Silos;

    /// <summary>What clients take as <c>bootstrap.servers</c>.</summary>
    public string Bootstrap => string.Join(',', Silos.Select(PortOf).Where(port => port != 0).Select(port => $"127.0.0.1:{port}"));

    public ValueTask InitializeAsync() => _cluster.InitializeAsync();

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    /// <summary>Creates a topic that no other test knows.</summary>
    // Tests date records long ago, and the default retention would delete them.
    public Task<TopicMetadata> CreateTopicAsync(int partitions) => _cluster.CreateAsync(partitions, ("retention.ms", "-1"));

    /// <summary>Adds a silo, and waits until clients are told of it.</summary>
    public async Task<InProcessSiloHandle> AddSiloAsync()
    {
        var silo = await _cluster.Cluster.StartAdditionalSiloAsync();
        await UntilBrokersAsync(Silos.Count);
        return silo;
    }

    /// <summary>Ends a silo as a crash does, and waits until clients are told that it has gone.</summary>
    public async Task KillAsync(InProcessSiloHandle silo)
    {
        await _cluster.Cluster.KillSiloAsync(silo);
        await UntilBrokersAsync(Silos.Count);
    }

    /// <summary>Moves each partition to its home now; left alone, it stays where it is for up to half a minute.</summary>
    internal async Task MovePartitionsHomeAsync()
    {
        // They move when two rounds have found the same silos.
        for (var round = 0; round < 2; round++)
            await Task.WhenAll(Silos.Select(silo => silo.ServiceProvider.GetRequiredService<OpenPartitions>().SeeToAllAsync()));
    }

    /// <summary>The port of a silo's endpoint.</summary>
    internal static int PortOf(InProcessSiloHandle silo) => silo.ServiceProvider.GetRequiredService<LocalBroker>().Port;

    /// <summary>The id of a silo as a broker.</summary>
    internal static int IdOf(InProcessSiloHandle silo) => silo.ServiceProvider.GetRequiredService<LocalBroker>().NodeId;

    /// <summary>Whether a silo has a partition's log open.</summary>
    internal static bool Leads(InProcessSiloHandle silo, TopicMetadata topic, int partition) =>
        silo.ServiceProvider.GetRequiredService<OpenPartitionIndex>().Find(new PartitionKey(topic.Id, partition)) is not null;

    /// <summary>What a client is told that asks one broker.</summary>
    internal static Metadata Ask(InProcessSiloHandle silo, string topic)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = $"127.0.0.1:{PortOf(silo)}" }).Build();
        return admin.GetMetadata(topic, TimeSpan.FromSeconds(30));
    }

    private Task UntilBrokersAsync(int count) => Wait.UntilAsync($"clients are told of {count} brokers", () => Task.FromResult(
        Silos.All(silo => Ask(silo, "t-none").Brokers.Count == count)));
}
