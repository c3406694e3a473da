using Confluent.Kafka;

namespace OrleansStream.Tests.Kafka.Brokers;

/// <summary>Clients reach the partitions of silos that serve no Kafka clients through the other silos.</summary>
public sealed class BrokerlessSiloTests : IAsyncLifetime
{
    private const int PartitionCount = 12;

    private readonly KafkaCluster _cluster = new() { BrokersMax = 1 };

    public ValueTask InitializeAsync() => _cluster.InitializeAsync();

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Produce_ByAnIdempotentProducer_ReachesPartitionsOfASiloThatIsNoBroker()
    {
        var topic = await _cluster.CreateTopicAsync(PartitionCount);
        using var producer = new ProducerBuilder<Null, string>(
            new ProducerConfig { BootstrapServers = _cluster.Bootstrap, EnableIdempotence = true, LingerMs = 0, MessageTimeoutMs = 30_000 }).Build();

        var stored = await Task.WhenAll(Enumerable.Range(0, 3 * PartitionCount).Select(n => producer.ProduceAsync(
            new TopicPartition(topic.Name, n % PartitionCount), new Message<Null, string> { Value = $"{n}" })));

        Assert.All(stored, (result, n) => Assert.Equal(n / PartitionCount, result.Offset.Value));
        foreach (var silo in _cluster.Silos)
            Assert.Contains(Enumerable.Range(0, PartitionCount), partition => KafkaCluster.Leads(silo, topic, partition));
    }
}
