using Confluent.Kafka;
using Confluent.Kafka.Admin;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using TopicMetadata = OrleansStream.Topics.TopicMetadata;

namespace OrleansStream.Tests.Kafka.Brokers;

/// <summary>Leaders' epochs (KIP-320): what clients are told of them, and that a consumer goes on when a partition moves.</summary>
public sealed class LeaderEpochTests(KafkaCluster cluster) : IClassFixture<KafkaCluster>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>
    /// A consumer reads, partitions move to a silo that joins and, when that one is killed, back. It goes on where it was; a reset would have it read
    /// everything again, or skip what is new.
    /// </summary>
    [Fact]
    public async Task Consumer_WhenPartitionsMove_GoesOnWithoutAReset()
    {
        var topic = await cluster.CreateTopicAsync(6);
        using var producer = new ProducerBuilder<Null, string>(
            new ProducerConfig { BootstrapServers = cluster.Bootstrap, EnableIdempotence = true, LingerMs = 0 }).Build();
        var log = new List<string>();
        using var consumer = new ConsumerBuilder<Null, string>(new ConsumerConfig
        {
            BootstrapServers = cluster.Bootstrap,
            GroupId = $"g-{Guid.NewGuid():N}",
            AutoOffsetReset = AutoOffsetReset.Earliest,
            Debug = "fetch",
            SocketTimeoutMs = 10_000,
        }).SetLogHandler((_, line) => Add(log, line.Message)).Build();
        consumer.Subscribe(topic.Name);

        await ProduceAsync(producer, topic.Name, from: 0, count: 10);
        var read = Read(consumer, 60);
        var joined = await cluster.AddSiloAsync();
        await cluster.MovePartitionsHomeAsync();
        await ProduceAsync(producer, topic.Name, from: 10, count: 10);
        read.AddRange(Read(consumer, 60));
        await cluster.KillAsync(joined);
        await ProduceAsync(producer, topic.Name, from: 20, count: 10);
        read.AddRange(Read(consumer, 60));

        for (var partition = 0; partition < 6; partition++)
            Assert.Equal(Enumerable.Range(0, 30).Select(n => $"{partition}/{n}"), read.Where(value => value.StartsWith($"{partition}/", StringComparison.Ordinal)));
        // It was told of other epochs, and asked whether what it had read still stands.
        var said = Copy(log);
        Assert.Contains(said, line => line.Contains("epoch validation", StringComparison.Ordinal));
        Assert.DoesNotContain(said, line => line.Contains("offset reset", StringComparison.OrdinalIgnoreCase) && line.Contains("truncat", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Requests_WithAnotherEpochThanTheLeaders_AreRefusedAsKafkaDoes()
    {
        var topic = await CreateMovedTopicAsync();
        var leader = cluster.Silos.Single(silo => KafkaCluster.Leads(silo, topic, 0));
        using var socket = await KafkaSocket.OpenAsync(KafkaCluster.PortOf(leader));
        var epoch = await EpochInMetadataAsync(socket, topic.Name);

        Assert.True(epoch > 1);
        Assert.Equal((KafkaError.None, 2L, epoch), await OffsetCalls.ListLatestAsync(socket, topic.Name, 0, epoch));
        Assert.Equal((KafkaError.None, 2L, epoch), await OffsetCalls.ListLatestAsync(socket, topic.Name, 0, -1));
        Assert.Equal(KafkaError.FencedLeaderEpoch, (await OffsetCalls.ListLatestAsync(socket, topic.Name, 0, epoch - 1)).Error);
        Assert.Equal(KafkaError.UnknownLeaderEpoch, (await OffsetCalls.ListLatestAsync(socket, topic.Name, 0, epoch + 1)).Error);
        Assert.Equal((KafkaError.None, epoch, 2L), await OffsetCalls.FindEpochEndAsync(socket, topic.Name, 0, known: epoch, epoch));
        Assert.Equal((KafkaError.None, -1, -1L), await OffsetCalls.FindEpochEndAsync(socket, topic.Name, 0, known: -1, epoch + 1));
        Assert.Equal(KafkaError.FencedLeaderEpoch, (await OffsetCalls.FindEpochEndAsync(socket, topic.Name, 0, known: epoch - 1, epoch)).Error);
        Assert.Equal(KafkaError.FencedLeaderEpoch, await FetchAsync(socket, topic.Name, epoch - 1));
        Assert.Equal(KafkaError.UnknownLeaderEpoch, await FetchAsync(socket, topic.Name, epoch + 1));
        Assert.Equal(KafkaError.None, await FetchAsync(socket, topic.Name, epoch));
        // Every broker tells the same, whichever leads.
        using var other = await KafkaSocket.OpenAsync(KafkaCluster.PortOf(cluster.Silos.First(silo => silo != leader)));
        Assert.Equal(epoch, await EpochInMetadataAsync(other, topic.Name));
    }

    [Theory]
    [InlineData(-1, 2, KafkaError.None)]
    [InlineData(0, 2, KafkaError.FencedLeaderEpoch)] // what librdkafka sends for -1, so that it is told the epoch
    [InlineData(1, 2, KafkaError.FencedLeaderEpoch)]
    [InlineData(2, 2, KafkaError.None)]
    [InlineData(3, 2, KafkaError.UnknownLeaderEpoch)]
    [InlineData(3, 0, KafkaError.None)]
    internal void Compare_TellsAnOlderAndANewerEpoch(int known, int leader, KafkaError expected) =>
        Assert.Equal(expected, LeaderEpochs.Compare(known, leader));

    /// <summary>KIP-734, as Confluent.Kafka's admin asks for it.</summary>
    [Fact]
    public async Task ListOffsets_OfTheLatestTime_IsTheRecordThatHasIt()
    {
        var topic = await cluster.CreateTopicAsync(1);
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        using (var producer = new ProducerBuilder<Null, string>(new ProducerConfig { BootstrapServers = cluster.Bootstrap, LingerMs = 0 }).Build())
        {
            foreach (var time in new[] { now - 100, now + 50, now - 7, now + 50, now })
                await producer.ProduceAsync(new TopicPartition(topic.Name, 0), new Message<Null, string> { Value = "x", Timestamp = new Timestamp(time, TimestampType.CreateTime) });
        }

        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = cluster.Bootstrap }).Build();
        var found = (await admin.ListOffsetsAsync(
            [new TopicPartitionOffsetSpec { TopicPartition = new TopicPartition(topic.Name, 0), OffsetSpec = OffsetSpec.MaxTimestamp() }]))
                .ResultInfos[0];

        Assert.False(found.TopicPartitionOffsetError.Error.IsError, found.TopicPartitionOffsetError.Error.Reason);
        Assert.Equal((1, now + 50), (found.TopicPartitionOffsetError.Offset.Value, found.Timestamp));
    }

    private static string[] Copy(List<string> log)
    {
        lock (log)
            return [.. log];
    }

    private static void Add(List<string> log, string line)
    {
        lock (log)
            log.Add(line);
    }

    private static Task ProduceAsync(IProducer<Null, string> producer, string topic, int from, int count) => Task.WhenAll(
        Enumerable.Range(from, count).SelectMany(n => Enumerable.Range(0, 6).Select(partition => producer.ProduceAsync(
            new TopicPartition(topic, partition), new Message<Null, string> { Value = $"{partition}/{n}" }))));

    /// <summary>Makes a topic of one partition, with two records, whose first leader was killed between them.</summary>
    private async Task<TopicMetadata> CreateMovedTopicAsync()
    {
        var joined = await cluster.AddSiloAsync();
        TopicMetadata topic;
        do
        {
            topic = await cluster.CreateTopicAsync(1);
            await ProduceOneAsync(topic.Name);
        }
        while (!KafkaCluster.Leads(joined, topic, 0));

        await cluster.KillAsync(joined);
        await ProduceOneAsync(topic.Name);
        return topic;
    }

    private async Task ProduceOneAsync(string topic)
    {
        using var producer = new ProducerBuilder<Null, string>(new ProducerConfig { BootstrapServers = cluster.Bootstrap }).Build();
        await producer.ProduceAsync(new TopicPartition(topic, 0), new Message<Null, string> { Value = "a" });
    }

    private static List<string> Read(IConsumer<Null, string> consumer, int count)
    {
        var values = new List<string>();
        while (values.Count < count && consumer.Consume(Patience) is { } read)
            values.Add(read.Message.Value);
        return values;
    }

    private static async Task<int> EpochInMetadataAsync(KafkaSocket socket, string topic)
    {
        await socket.SendAsync(MetadataRequest.Api, 7, 1, writer =>
        {
            writer.WriteArrayLength(1);
            writer.WriteString(topic);
            writer.WriteBoolean(false);
        });
        var reader = new WireReader(await socket.ReceiveAsync(), isFlexible: false);
        reader.ReadInt32(); // correlation id
        reader.ReadInt32(); // throttle_time_ms
        for (var brokers = reader.ReadArrayLength(1); brokers > 0; brokers--)
        {
            reader.ReadInt32();
            reader.ReadString();
            reader.ReadInt32();
            reader.ReadNullableString();
        }

        reader.ReadString(); // cluster_id
        reader.ReadInt32(); // controller_id
        Assert.Equal(1, reader.ReadArrayLength(1));
        Assert.Equal(0, reader.ReadInt16());
        reader.ReadString();
        reader.ReadBoolean();
        Assert.Equal(1, reader.ReadArrayLength(1));
        Assert.Equal(0, reader.ReadInt16());
        reader.ReadInt32(); // partition
        reader.ReadInt32(); // leader
        return reader.ReadInt32();
    }

    private static async Task<KafkaError> FetchAsync(KafkaSocket socket, string topic, int known)
    {
        await socket.SendAsync(FetchRequest.Api, 9, 1, writer =>
        {
            writer.WriteInt32(-1);
            writer.WriteInt32(100); // max_wait_ms
            writer.WriteInt32(1);
            writer.WriteInt32(1_000_000);
            writer.WriteInt8(0);
            writer.WriteInt32(0);
            writer.WriteInt32(FetchRequest.FinalEpoch);
            writer.WriteArrayLength(1);
            writer.WriteString(topic);
            writer.WriteArrayLength(1);
            writer.WriteInt32(0);
            writer.WriteInt32(known);
            writer.WriteInt64(0);
            writer.WriteInt64(-1);
            writer.WriteInt32(1_000_000);
            writer.WriteArrayLength(0);
        });
        var reader = new WireReader(await socket.ReceiveAsync(), isFlexible: false);
        reader.ReadInt32(); // correlation id
        reader.ReadInt32(); // throttle_time_ms
        Assert.Equal(0, reader.ReadInt16());
        reader.ReadInt32(); // session_id
        Assert.Equal(1, reader.ReadArrayLength(1));
        reader.ReadString();
        Assert.Equal(1, reader.ReadArrayLength(1));
        reader.ReadInt32(); // partition
        return (KafkaError)reader.ReadInt16();
    }
}
