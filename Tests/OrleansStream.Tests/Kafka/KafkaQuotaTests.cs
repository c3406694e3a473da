using System.Diagnostics;
using System.Text.Json.Nodes;
using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Gateway.Admission;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Kafka;

/// <summary>Quotas are those of REST, by the same names. A client beyond one is told to wait, and is read no more until it has paid.</summary>
public sealed class KafkaQuotaTests
{
    [Fact]
    public async Task Requests_BeyondTheQuota_AreAnsweredWithAWaitAndReadNoFaster()
    {
        const int perSecond = 4, count = 12;
        await using var api = await StartAsync(quota => quota.RequestsPerSecond = perSecond);
        using var socket = await KafkaSocket.OpenAsync(api.Part<LocalBroker>().Port);
        var startedAt = Stopwatch.GetTimestamp();
        for (var i = 0; i < count; i++)
            await SendAsync(socket, i);
        var throttled = new List<int>();
        for (var i = 0; i < count; i++)
            throttled.Add(await ThrottleTimeAsync(socket, i));

        Assert.All(throttled.Take(perSecond), ms => Assert.Equal(0, ms));
        Assert.InRange(throttled[perSecond], 1, 2_000);
        Assert.True(Stopwatch.GetElapsedTime(startedAt) >= TimeSpan.FromSeconds(1), "It was read as fast as it sent.");
    }

    /// <summary>A quota is a client's, whatever its connections: each waits for what the others owe.</summary>
    [Fact]
    public async Task Requests_OnManyConnectionsOfAClient_AreOfOneQuota()
    {
        const int connections = 5;
        await using var api = await StartAsync(quota => quota.RequestsPerSecond = 1);
        var startedAt = Stopwatch.GetTimestamp();
        for (var i = 0; i < connections; i++)
        {
            using var socket = await KafkaSocket.OpenAsync(api.Part<LocalBroker>().Port);
            // What signs it in is nobody's yet.
            await socket.SendAsync(ApiVersionsRequest.Api, 0, 9, _ => { });
            Assert.NotNull(await socket.ReceiveAsync());
            await SendAsync(socket, i);
            await ThrottleTimeAsync(socket, i);
        }

        // The first is free, and the second is answered before it is paid for.
        var least = TimeSpan.FromSeconds(connections - 3);
        Assert.True(Stopwatch.GetElapsedTime(startedAt) >= least, $"It took {Stopwatch.GetElapsedTime(startedAt)}.");
    }

    /// <summary>What a client used up over Kafka is used up over REST.</summary>
    [Fact]
    public async Task Requests_OverBothDoors_AreOfOneQuota()
    {
        await using var api = await StartAsync(quota => quota.RequestsPerSecond = 2);
        using var socket = await KafkaSocket.OpenAsync(api.Part<LocalBroker>().Port);
        for (var i = 0; i < 3; i++)
            await SendAsync(socket, i);
        for (var i = 0; i < 3; i++)
            await ThrottleTimeAsync(socket, i);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/topics") { Headers = { { "Client-Id", "test" } } };

        using var answer = await api.SendAsync(request);

        Assert.Equal(429, (int)answer.StatusCode);
        using var another = new HttpRequestMessage(HttpMethod.Get, "/v1/topics") { Headers = { { "Client-Id", "another" } } };
        using var taken = await api.SendAsync(another);
        Assert.Equal(200, (int)taken.StatusCode);
    }

    /// <summary>librdkafka tells in its statistics what it was told, does not heed it, and is slowed all the same; all is stored, once.</summary>
    [Fact]
    public async Task Produce_BeyondTheQuotaOfBytes_IsSlowedAndStored()
    {
        const int mebibyte = 1 << 20, perSecond = 4 * mebibyte, records = 24;
        await using var api = await StartAsync(quota => quota.ProduceBytesPerSecond = perSecond);
        var topic = await api.CreateTopicAsync();
        var throttledMs = 0L;
        using var producer = new ProducerBuilder<Null, byte[]>(new ProducerConfig
        {
            BootstrapServers = api.Part<LocalBroker>().Bound!.ToString(), StatisticsIntervalMs = 100, LingerMs = 0,
            MessageMaxBytes = 2 * mebibyte, EnableIdempotence = true,
        }).SetStatisticsHandler((_, json) =>
        {
            foreach (var (_, broker) in JsonNode.Parse(json)!["brokers"]!.AsObject())
                throttledMs = Math.Max(throttledMs, (long)broker!["throttle"]!["max"]!);
        }).Build();
        var startedAt = Stopwatch.GetTimestamp();
        var message = new Message<Null, byte[]> { Value = new byte[mebibyte - 100] };
        await Task.WhenAll(Enumerable.Range(0, records).Select(_ => producer.ProduceAsync(topic, message)));

        // 16 MiB pass at once, and the other 8 at 4 a second; the last of them are read before they are paid for.
        Assert.True(Stopwatch.GetElapsedTime(startedAt) >= TimeSpan.FromMilliseconds(800), $"It took {Stopwatch.GetElapsedTime(startedAt)}.");
        Assert.True(throttledMs > 0, "It was not told.");
        Assert.Equal(records, (int)(await api.GetAsync($"/v1/topics/{topic}/partitions"))["partitions"]![0]!["high_watermark"]!);
    }

    private static async Task<ApiFixture> StartAsync(Action<QuotaOptions> configure)
    {
        var api = new ApiFixture(TimeProvider.System, services => services
            .Configure<KafkaOptions>(kafka => (kafka.Enabled, kafka.Listen) = (true, KafkaFixture.AnyPort))
            .Configure(configure));
        await api.InitializeAsync();
        return api;
    }

    private static ValueTask SendAsync(KafkaSocket socket, int correlationId) =>
        socket.SendAsync(InitProducerIdRequest.Api, 1, correlationId, writer =>
        {
            writer.WriteString(null);
            writer.WriteInt32(60_000);
        });

    private static async Task<int> ThrottleTimeAsync(KafkaSocket socket, int correlationId)
    {
        var reader = new WireReader(await socket.ReceiveAsync(), isFlexible: false);
        Assert.Equal(correlationId, reader.ReadInt32());
        return reader.ReadInt32();
    }
}
