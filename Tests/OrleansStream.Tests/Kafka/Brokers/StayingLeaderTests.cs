using Confluent.Kafka;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Partitions;
using OrleansStream.Partitions.Placement;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Kafka.Brokers;

/// <summary>
/// A silo joins, and partitions whose home it is stay with their leaders for a while: those are told as the leaders, and serve, until they move.
/// </summary>
public sealed class StayingLeaderTests(KafkaCluster cluster) : IClassFixture<KafkaCluster>
{
    private const int PartitionCount = 24;

    [Fact]
    public async Task Partition_ThatHasNotMovedToItsNewHome_IsServedByTheSiloThatHasItOpen()
    {
        var topic = await cluster.CreateTopicAsync(PartitionCount);
        using (var producer = new ProducerBuilder<Null, string>(new ProducerConfig { BootstrapServers = cluster.Bootstrap }).Build())
        {
            for (var partition = 0; partition < PartitionCount; partition++)
                await producer.ProduceAsync(new TopicPartition(topic.Name, partition), new Message<Null, string> { Value = "a" });
        }

        var joined = await cluster.AddSiloAsync();
        Orleans.Runtime.SiloAddress[] silos = [.. cluster.Silos.Select(silo => silo.SiloAddress)];
        var staying = Enumerable.Range(0, PartitionCount).Where(
            partition => PartitionHome.Find(new PartitionKey(topic.Id, partition), silos).Equals(joined.SiloAddress)).ToArray();
        Assert.NotEmpty(staying);

        foreach (var partition in staying)
        {
            var leader = cluster.Silos.Single(silo => KafkaCluster.Leads(silo, topic, partition));
            Assert.NotSame(joined, leader);
            foreach (var silo in cluster.Silos)
                Assert.Equal(KafkaCluster.IdOf(leader), KafkaCluster.Ask(silo, topic.Name).Topics[0].Partitions[partition].Leader);
            using var socket = await KafkaSocket.OpenAsync(KafkaCluster.PortOf(leader));
            Assert.Equal((KafkaError.None, 1L, 1), await OffsetCalls.ListLatestAsync(socket, topic.Name, partition, known: -1));
            // An idempotent producer's batch is stored by the broker that it is sent to, or not at all.
            var batch = TestBatch.By(await socket.TakeProducerAsync(), sequence: 0);
            await socket.SendAsync(ProduceRequest.Api, ProduceCalls.Version, 1, ProduceCalls.Of(topic.Name, partition, acks: -1, batch));
            Assert.Equal((KafkaError.None, 1L), await socket.ReceiveProducedAsync());
        }
    }
}
