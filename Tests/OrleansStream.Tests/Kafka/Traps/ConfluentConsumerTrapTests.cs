using System.Diagnostics;
using Confluent.Kafka;
using OrleansStream.Kafka.Wire;
using OrleansStream.Tests.Support;
using BatchCodec = OrleansStream.Records.CompressionType;

namespace OrleansStream.Tests.Kafka.Traps;

/// <summary>What librdkafka's consumer does, through Confluent.Kafka.</summary>
[Collection(KafkaTrapTests.Name)]
public sealed class ConfluentConsumerTrapTests(TrapService service)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Answered at once, it asks thousands of times a second.</summary>
    [Fact]
    public async Task Fetch_WhenThereIsNothing_WaitsAsLongAsItIsAsked()
    {
        var topic = await service.Api.CreateTopicAsync();
        await using var proxy = service.OpenProxy();
        using var consumer = TrapService.Consume(proxy, topic, Offset.Beginning, config => config.FetchWaitMaxMs = 500);
        await PollUntilAsync(consumer, () => proxy.CountOf(ApiKey.Fetch) > 4);

        // Not more than 5 in 2 s, and not held beyond what it asks for.
        TimeSpan[] pauses = [.. TrapService.PausesOf(proxy, ApiKey.Fetch, from: 1)];
        Assert.True(pauses.Average(pause => pause.TotalSeconds) >= 2.0 / 5, string.Join(", ", pauses));
        Assert.True(pauses.Min() < TimeSpan.FromSeconds(1), string.Join(", ", pauses));
    }

    /// <summary>A first batch that is not whole would never be read: it asks for the same again.</summary>
    [Fact]
    public async Task Fetch_OfABatchLargerThanWhatIsAskedFor_GetsItWhole()
    {
        var topic = await service.Api.CreateTopicAsync();
        var value = new string('v', 500_000);
        await service.ProduceAsync(topic, value, "behind it");
        await using var proxy = service.OpenProxy();
        using var consumer = TrapService.Consume(proxy, topic, Offset.Beginning, config => config.MaxPartitionFetchBytes = 1_024);

        Assert.Equal(value, await NextAsync(consumer));
        Assert.Equal("behind it", await NextAsync(consumer));
    }

    /// <summary>Of a gzip batch of several members it reads the first, and commits past the rest.</summary>
    [Fact]
    public async Task Fetch_OfABatchSentInSeveralGzipMembers_ReadsAllRecords()
    {
        const int records = 20;
        var topic = await service.Api.CreateTopicAsync();
        await using var proxy = service.OpenProxy();
        byte[] plain = [.. Enumerable.Range(0, records).SelectMany(i => LyingBatch.Record(i, value: $"{i}"))];
        var batch = LyingBatch.Of(BatchCodec.Gzip, plain, records, pack: all => LyingBatch.PackTwice(BatchCodec.Gzip, all, all.Length / 2));
        await ProduceBatchAsync(proxy, topic, batch);
        using var consumer = TrapService.Consume(proxy, topic, Offset.Beginning);

        for (var i = 0; i < records; i++)
            Assert.Equal($"{i}", await NextAsync(consumer));
    }

    /// <summary>While nothing visible follows its last record, its committed offset is the end of the log: the lag is 0.</summary>
    [Fact]
    public async Task Commit_BehindTheFencesOfSeveralLeaders_IsTheEndOfTheLog()
    {
        var topic = await service.Api.CreateTopicAsync();
        await service.ProduceAsync(topic, "a");
        await service.MoveAsync(topic);
        await service.ProduceAsync(topic, "b");
        await service.MoveAsync(topic);
        await service.MoveAsync(topic);
        await using var proxy = service.OpenProxy();
        var fences = TrapService.CountFences(proxy);
        using var consumer = TrapService.Consume(proxy, topic, Offset.Beginning);
        Assert.Equal("a", await NextAsync(consumer));
        Assert.Equal("b", await NextAsync(consumer));
        await PollUntilAsync(consumer, () => proxy.CountOf(ApiKey.Fetch) > 2);

        var end = consumer.QueryWatermarkOffsets(new TopicPartition(topic, 0), Patience).High;
        Assert.Equal((2, 2), (end.Value, consumer.Position(new TopicPartition(topic, 0)).Value));
        Assert.Equal(0, fences());
    }

    /// <summary>An error is told only after a pause: it asks again at once, unless its own pause is left as it is.</summary>
    [Fact]
    public async Task Fetch_OfATopicThatIsDeleted_IsNotAskedForAllTheTime()
    {
        var topic = await service.Api.CreateTopicAsync();
        await service.ProduceAsync(topic, "a");
        await using var proxy = service.OpenProxy();
        using var consumer = TrapService.Consume(proxy, topic, Offset.Beginning, config => config.FetchErrorBackoffMs = 0);
        Assert.Equal("a", await NextAsync(consumer));
        (await service.Api.Client.DeleteAsync($"/v1/topics/{topic}")).EnsureSuccessStatusCode();
        var before = proxy.CountOf(ApiKey.Fetch);
        await PollUntilAsync(consumer, () => proxy.CountOf(ApiKey.Fetch) > before + 4);

        // Not more than 12 in 2 s.
        TimeSpan[] pauses = [.. TrapService.PausesOf(proxy, ApiKey.Fetch, from: before)];
        Assert.True(pauses.Average(pause => pause.TotalSeconds) >= 2.0 / 12, string.Join(", ", pauses));
    }

    private static async Task ProduceBatchAsync(FrameProxy proxy, string topic, byte[] batch)
    {
        using var socket = await KafkaSocket.OpenAsync(proxy.Port);
        await socket.SendAsync(OrleansStream.Kafka.Messages.ProduceRequest.Api, 7, 1, writer =>
        {
            writer.WriteString(null);
            writer.WriteInt16(-1);
            writer.WriteInt32(30_000);
            writer.WriteArrayLength(1);
            writer.WriteString(topic);
            writer.WriteArrayLength(1);
            writer.WriteInt32(0);
            writer.WriteBytes(batch);
        });
        Assert.NotNull(await socket.ReceiveAsync());
    }

    private static Task<string> NextAsync(IConsumer<byte[]?, string> consumer) => Task.Run(() =>
        (consumer.Consume(Patience) ?? throw new TimeoutException("No record came.")).Message.Value);

    private static Task PollUntilAsync(IConsumer<byte[]?, string> consumer, Func<bool> holds) => Task.Run(() => Poll(consumer, holds));

    private static void Poll(IConsumer<byte[]?, string> consumer, Func<bool> holds)
    {
        var startedAt = Stopwatch.GetTimestamp();
        while (!holds())
        {
            if (Stopwatch.GetElapsedTime(startedAt) > Wait.Patience)
                throw new TimeoutException("The consumer did not come that far.");
            try
            {
                consumer.Consume(TimeSpan.FromMilliseconds(20));
            }
            catch (ConsumeException)
            {
                // Told of the error; it goes on by itself.
            }
        }
    }
}
