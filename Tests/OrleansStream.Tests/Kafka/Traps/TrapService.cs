using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Core.Internal;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Kafka.Traps;

/// <summary>
/// The tests of what real clients do to a broker that answers as one would guess. Each names its client, and a proxy between both shows that the
/// client does it.
/// </summary>
[CollectionDefinition(Name)]
public sealed class KafkaTrapTests : ICollectionFixture<TrapService>
{
    /// <summary>Their collection's name.</summary>
    public const string Name = "Kafka traps";
}

/// <summary>A service whose clients come through a proxy, another one in each test.</summary>
public sealed class TrapService : IAsyncLifetime
{
    public TrapService() => Api = new ApiFixture(TimeProvider.System, services => services.Configure<KafkaOptions>(kafka =>
    {
        kafka.Enabled = true;
        kafka.Listen = KafkaFixture.AnyPort;
        kafka.AdvertisedHost = "127.0.0.1";
        // The port that is advertised changes, and a broker keeps its id.
        kafka.NodeId = 1;
    }));

    /// <summary>The service over HTTP.</summary>
    public ApiFixture Api { get; }

    public ValueTask InitializeAsync() => Api.InitializeAsync();

    public ValueTask DisposeAsync() => Api.DisposeAsync();

    /// <summary>A proxy through which clients reach the service from now on.</summary>
    internal FrameProxy OpenProxy()
    {
        var proxy = new FrameProxy(Api.Part<LocalBroker>().Bound!.Port);
        Api.Part<IOptions<KafkaOptions>>().Value.AdvertisedPort = proxy.Port;
        return proxy;
    }

    /// <summary>The values of a partition, as REST reads them.</summary>
    internal async Task<string[]> ValuesOfAsync(string topic, int partition = 0)
    {
        var answer = await Api.GetAsync($"/v1/topics/{topic}/partitions/{partition}/records?offset=0&value_as=string");
        return [.. answer["records"]!.AsArray().Select(record => (string)record!["value"]!)];
    }

    /// <summary>Counts the fences in the answers to fetches from now on: the log's own batches, which no client may get.</summary>
    internal static Func<int> CountFences(FrameProxy proxy)
    {
        var fences = 0;
        proxy.OnAnswer = (request, answer) =>
        {
            if (request.Key == OrleansStream.Kafka.Wire.ApiKey.Fetch)
                Interlocked.Add(ref fences, FencesIn(answer));
            return FrameFate.Passes;
        };
        return () => Volatile.Read(ref fences);
    }

    /// <summary>The fences anywhere in some bytes.</summary>
    internal static int FencesIn(ReadOnlySpan<byte> bytes)
    {
        var count = 0;
        for (var at = 0; at <= bytes.Length - FenceBatch.LengthBytes; at++)
        {
            if (RecordBatchScanner.Validate(bytes[at..], out var header, out _) == RecordBatchStatus.Valid && FenceBatch.IsFence(header, out _))
                count++;
        }

        return count;
    }

    /// <summary>Appends text records over REST.</summary>
    internal Task ProduceAsync(string topic, params string[] values) => Api.PostAsync(
        $"/v1/topics/{topic}/records",
        $$"""{"records":[{{string.Join(',', values.Select(value => $$"""{"value":"{{value}}","value_type":"string"}"""))}}]}""");

    /// <summary>Has a partition's leader go away; the next call makes another one, which begins with a fence in the log.</summary>
    internal async Task MoveAsync(string topic)
    {
        var key = new PartitionKey((Guid)(await Api.GetAsync($"/v1/topics/{topic}"))["id"]!, 0).ToString();
        await Api.Grains.GetGrain<IPartitionGrain>(key).AsReference<IGrainManagementExtension>().DeactivateOnIdle();
        await ValuesOfAsync(topic);
    }

    /// <summary>The pauses between the requests of an API so far, beginning behind the request of an index.</summary>
    internal static IEnumerable<TimeSpan> PausesOf(FrameProxy proxy, OrleansStream.Kafka.Wire.ApiKey key, int from)
    {
        TimeSpan[] arrivals = [.. proxy.ArrivalsOf(key).Skip(from)];
        return arrivals.Zip(arrivals.Skip(1), (first, second) => second - first);
    }

    /// <summary>A consumer of Confluent's for one partition, from an offset on.</summary>
    internal static IConsumer<byte[]?, string> Consume(FrameProxy proxy, string topic, Offset from, Action<ConsumerConfig>? configure = null)
    {
        var config = new ConsumerConfig { BootstrapServers = proxy.Bootstrap, GroupId = $"g-{Guid.NewGuid():N}", EnableAutoCommit = false };
        configure?.Invoke(config);
        var consumer = new ConsumerBuilder<byte[]?, string>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
        consumer.Assign(new TopicPartitionOffset(topic, 0, from));
        return consumer;
    }

    /// <summary>A producer of Confluent's that logs nothing.</summary>
    internal static IProducer<byte[]?, string> Produce(FrameProxy proxy, Action<ProducerConfig>? configure = null)
    {
        var config = new ProducerConfig { BootstrapServers = proxy.Bootstrap, LingerMs = 0 };
        configure?.Invoke(config);
        return new ProducerBuilder<byte[]?, string>(config).SetLogHandler((_, _) => { }).SetErrorHandler((_, _) => { }).Build();
    }

    /// <summary>The batches that a produce request carries.</summary>
    internal static IEnumerable<ReadOnlyMemory<byte>> BatchesIn(PassingFrame frame) => ProduceFrame.Read(frame).Topics
        .SelectMany(topic => topic.Partitions).Select(partition => partition.Records);

    /// <summary>The headers of the batches that clients have sent so far, in order.</summary>
    internal static IReadOnlyList<RecordBatchHeader> BatchesOf(FrameProxy proxy) =>
    [
        .. proxy.RequestsOf(OrleansStream.Kafka.Wire.ApiKey.Produce).SelectMany(BatchesIn).Select(
            batch => RecordBatchHeader.TryRead(batch.Span, out var header) ? header : default),
    ];
}
