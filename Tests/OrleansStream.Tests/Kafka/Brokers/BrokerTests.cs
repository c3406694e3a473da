using Confluent.Kafka;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Kafka.Brokers;

/// <summary>Every silo of a cluster is a broker, and leads the partitions whose home it is.</summary>
public sealed partial class BrokerTests(KafkaCluster cluster) : IClassFixture<KafkaCluster>
{
    private const int PartitionCount = 12;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Metadata_OfACluster_TellsAllBrokersAndWhichLeadsEachPartition()
    {
        var topic = await cluster.CreateTopicAsync(PartitionCount);
        var told = cluster.Silos.Select(silo => KafkaCluster.Ask(silo, topic.Name)).ToArray();

        var ids = cluster.Silos.Select(KafkaCluster.IdOf).Order().ToArray();
        Assert.Equal(cluster.Silos.Count, ids.Distinct().Count());
        foreach (var metadata in told)
            Assert.Equal(ids, metadata.Brokers.Select(broker => broker.BrokerId).Order());
        Assert.Equal(LeadersIn(told[0]), LeadersIn(told[1]));

        // Each is produced to through the broker that leads it, and is open there and nowhere else.
        await ProduceAsync(cluster.Bootstrap, topic.Name, from: 0, count: 1);
        foreach (var partition in told[0].Topics[0].Partitions)
        {
            foreach (var silo in cluster.Silos)
                Assert.Equal(partition.Leader == KafkaCluster.IdOf(silo), KafkaCluster.Leads(silo, topic, partition.PartitionId));
        }
    }

    [Fact]
    public async Task Request_AtABrokerThatDoesNotLead_IsToldWhoDoes()
    {
        var topic = await cluster.CreateTopicAsync(PartitionCount);
        await ProduceAsync(cluster.Bootstrap, topic.Name, from: 0, count: 1);
        var asked = cluster.Silos[0];
        var other = cluster.Silos[1];
        var partition = KafkaCluster.Ask(asked, topic.Name).Topics[0].Partitions.First(one => one.Leader == KafkaCluster.IdOf(other)).PartitionId;
        using var socket = await KafkaSocket.OpenAsync(KafkaCluster.PortOf(asked));

        // A broker that has not asked for the topic lately serves it all the same, and asks then.
        await Wait.UntilAsync("the broker sends the producer to the leader", async () => await ProduceAsync(socket, topic.Name, partition) == KafkaError.NotLeaderOrFollower);
        await socket.SendAsync(ProduceRequest.Api, 10, 1, Produce(topic.Name, partition));
        AssertLeader(ReadProduce((await socket.ReceiveAsync())!), other);
        await socket.SendAsync(FetchRequest.Api, 16, 2, Fetch(topic.Id, partition));
        AssertLeader(ReadFetch((await socket.ReceiveAsync())!), other);

        Assert.Equal(KafkaError.NotLeaderOrFollower, await OffsetCalls.ListLatestErrorAsync(socket, topic.Name, partition));
        Assert.Equal(KafkaError.NotLeaderOrFollower, await OffsetCalls.FindEpochEndErrorAsync(socket, topic.Name, partition));

        // What the leader has stored is what it served before, and nothing of what it was not asked.
        using var there = await KafkaSocket.OpenAsync(KafkaCluster.PortOf(other));
        Assert.Equal(KafkaError.None, await ProduceAsync(there, topic.Name, partition));
        Assert.Equal(KafkaError.None, await OffsetCalls.ListLatestErrorAsync(there, topic.Name, partition));
        Assert.Equal(KafkaError.None, await OffsetCalls.FindEpochEndErrorAsync(there, topic.Name, partition));
    }

    /// <summary>librdkafka sends epoch 0 to a leader whose epoch it was not told, and reads nothing until it is told.</summary>
    [Fact]
    public async Task Fetch_WithAnOlderEpoch_IsToldTheLeader()
    {
        var topic = await cluster.CreateTopicAsync(PartitionCount);
        await ProduceAsync(cluster.Bootstrap, topic.Name, from: 0, count: 1);
        var leader = cluster.Silos[0];
        var partition = Enumerable.Range(0, PartitionCount).First(one => KafkaCluster.Leads(leader, topic, one));
        using var socket = await KafkaSocket.OpenAsync(KafkaCluster.PortOf(leader));

        await socket.SendAsync(FetchRequest.Api, 16, 1, Fetch(topic.Id, partition, epoch: 0));

        AssertLeader(ReadFetch((await socket.ReceiveAsync())!), leader, KafkaError.FencedLeaderEpoch);
    }

    /// <summary>
    /// An idempotent producer sends to the new leader of a partition before the old one has answered. If a broker that does not lead passed batches
    /// on, the producer could learn that one is stored before it learns that the leader refused the next one, and would give up for good.
    /// </summary>
    [Fact]
    public async Task Produce_AtABrokerThatDoesNotLead_IsPassedOnOnlyWithoutAProducer()
    {
        var other = cluster.Silos[1];
        using var socket = await KafkaSocket.OpenAsync(KafkaCluster.PortOf(cluster.Silos[0]));
        var producer = await socket.TakeProducerAsync();
        for (var round = 0; round < 5; round++)
        {
            // The broker has not asked for new topics, and so does not know who leads them.
            var (named, partition) = await CreateLedByAsync(other);
            Assert.Equal(KafkaError.NotLeaderOrFollower, await ProduceAsync(socket, named, partition, TestBatch.By(producer, sequence: 0)));
            var (unnamed, another) = await CreateLedByAsync(other);
            Assert.Equal(KafkaError.None, await ProduceAsync(socket, unnamed, another));

            using var there = await KafkaSocket.OpenAsync(KafkaCluster.PortOf(other));
            Assert.Equal(KafkaError.None, await ProduceAsync(there, named, partition, TestBatch.By(producer, sequence: 0)));
            Assert.Equal([$"{producer}/0/0"], Read(named, 1, partition));
        }
    }

    /// <summary>
    /// A silo joins, and another is killed, while a producer and a consumer go on: they see no error, and lose, double and reorder nothing.
    /// </summary>
    [Fact]
    public async Task Clients_WhenSilosComeAndGo_GoOn()
    {
        var topic = await cluster.CreateTopicAsync(PartitionCount);
        await ProduceAsync(cluster.Bootstrap, topic.Name, from: 0, count: 20);
        var joined = await cluster.AddSiloAsync();
        await cluster.MovePartitionsHomeAsync();
        using var producer = Producer(cluster.Bootstrap);
        await ProduceAsync(producer, topic.Name, from: 20, count: 20);
        Assert.Contains(KafkaCluster.IdOf(joined), LeadersIn(KafkaCluster.Ask(cluster.Silos[0], topic.Name)));

        await cluster.KillAsync(joined);
        await ProduceAsync(producer, topic.Name, from: 40, count: 20);

        Assert.Equal(
            Enumerable.Range(0, PartitionCount).SelectMany(partition => Enumerable.Range(0, 60).Select(n => $"{partition}/{n}")).Order(StringComparer.Ordinal),
            Read(topic.Name, PartitionCount * 60).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task FindCoordinator_ForManyGroups_NamesTheSameBrokerEverywhereAndSpreadsThem()
    {
        var named = new List<int[]>();
        foreach (var silo in cluster.Silos)
        {
            using var socket = await KafkaSocket.OpenAsync(KafkaCluster.PortOf(silo));
            KafkaCluster.Ask(silo, "t-none"); // It has learnt of the others by then.
            await socket.SendAsync(FindCoordinatorRequest.Api, 4, 1, writer =>
            {
                writer.WriteInt8(0);
                writer.WriteArrayLength(40);
                for (var i = 0; i < 40; i++)
                    writer.WriteString($"group-{i}");
                writer.WriteNoTags();
            });
            var reader = new WireReader(await socket.ReceiveAsync(), isFlexible: true);
            reader.ReadInt32(); // correlation id
            reader.SkipTags();
            reader.ReadInt32(); // throttle_time_ms
            var ids = new int[reader.ReadArrayLength(1)];
            for (var i = 0; i < ids.Length; i++)
            {
                Assert.Equal($"group-{i}", reader.ReadString());
                ids[i] = reader.ReadInt32();
                reader.ReadString();
                reader.ReadInt32();
                Assert.Equal(0, reader.ReadInt16());
                reader.ReadNullableString();
                reader.SkipTags();
            }

            named.Add(ids);
        }

        Assert.All(named, ids => Assert.Equal(named[0], ids));
        Assert.Equal(cluster.Silos.Count, named[0].Distinct().Count());
    }

    /// <summary>Makes a topic, and finds a partition of it that a silo leads.</summary>
    private async Task<(string Topic, int Partition)> CreateLedByAsync(Orleans.TestingHost.InProcessSiloHandle silo)
    {
        var topic = await cluster.CreateTopicAsync(PartitionCount);
        var partitions = KafkaCluster.Ask(silo, topic.Name).Topics[0].Partitions;
        return (topic.Name, partitions.First(one => one.Leader == KafkaCluster.IdOf(silo)).PartitionId);
    }

    private static int[] LeadersIn(Metadata metadata) => [.. metadata.Topics[0].Partitions.Select(partition => partition.Leader)];

    private static IProducer<Null, string> Producer(string bootstrap) => new ProducerBuilder<Null, string>(new ProducerConfig
    {
        BootstrapServers = bootstrap,
        EnableIdempotence = true,
        LingerMs = 0,
    }).Build();

    private static async Task ProduceAsync(string bootstrap, string topic, int from, int count)
    {
        using var producer = Producer(bootstrap);
        await ProduceAsync(producer, topic, from, count);
    }

    private static Task ProduceAsync(IProducer<Null, string> producer, string topic, int from, int count) => Task.WhenAll(
        Enumerable.Range(from, count).SelectMany(n => Enumerable.Range(0, PartitionCount).Select(partition => producer.ProduceAsync(
            new TopicPartition(topic, partition), new Message<Null, string> { Value = $"{partition}/{n}" }))));

    private List<string> Read(string topic, int count, params int[] partitions)
    {
        using var consumer = new ConsumerBuilder<Null, string>(new ConsumerConfig { BootstrapServers = cluster.Bootstrap, GroupId = "none", EnableAutoCommit = false }).Build();
        consumer.Assign((partitions.Length > 0 ? partitions : Enumerable.Range(0, PartitionCount)).Select(
            partition => new TopicPartitionOffset(topic, partition, Offset.Beginning)));
        var values = new List<string>();
        while (values.Count < count && consumer.Consume(Patience) is { } read)
            values.Add(read.Message.Value);
        return values;
    }

    private static async Task<KafkaError> ProduceAsync(KafkaSocket socket, string topic, int partition, byte[]? batch = null)
    {
        await socket.SendAsync(ProduceRequest.Api, 10, 1, Produce(topic, partition, batch));
        return ReadProduce((await socket.ReceiveAsync())!).Error;
    }

    private static Action<WireWriter> Produce(string topic, int partition, byte[]? batch = null) => writer =>
    {
        writer.WriteString(null);
        writer.WriteInt16(-1);
        writer.WriteInt32(30_000);
        writer.WriteArrayLength(1);
        writer.WriteString(topic);
        writer.WriteArrayLength(1);
        writer.WriteInt32(partition);
        writer.WriteBytes(batch ?? TestBatch.Of("a"));
        writer.WriteNoTags();
        writer.WriteNoTags();
        writer.WriteNoTags();
    };

    private static Action<WireWriter> Fetch(Guid topic, int partition, int epoch = -1) => writer =>
    {
        writer.WriteInt32(100); // max_wait_ms
        writer.WriteInt32(1);
        writer.WriteInt32(1_000_000);
        writer.WriteInt8(0);
        writer.WriteInt32(0);
        writer.WriteInt32(FetchRequest.FinalEpoch);
        writer.WriteArrayLength(1);
        writer.WriteUuid(topic);
        writer.WriteArrayLength(1);
        writer.WriteInt32(partition);
        writer.WriteInt32(epoch); // current_leader_epoch
        writer.WriteInt64(0);
        writer.WriteInt32(-1);
        writer.WriteInt64(-1);
        writer.WriteInt32(1_000_000);
        writer.WriteNoTags();
        writer.WriteNoTags();
        writer.WriteArrayLength(0);
        writer.WriteString("");
        writer.WriteNoTags();
    };

    private static void AssertLeader(
        (KafkaError Error, int Leader, MetadataBroker[] Endpoints) told, Orleans.TestingHost.InProcessSiloHandle silo,
        KafkaError error = KafkaError.NotLeaderOrFollower)
    {
        Assert.Equal((error, KafkaCluster.IdOf(silo)), (told.Error, told.Leader));
        Assert.Equal([new MetadataBroker(KafkaCluster.IdOf(silo), "127.0.0.1", KafkaCluster.PortOf(silo))], told.Endpoints);
    }
}
