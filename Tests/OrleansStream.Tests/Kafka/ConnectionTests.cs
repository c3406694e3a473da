using System.Buffers.Binary;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Connections;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Producers;
using OrleansStream.Storage;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Kafka;

/// <summary>What connections promise: answers in the order of requests, and that nothing a client sends harms another.</summary>
[Collection(KafkaTests.Name)]
public sealed class ConnectionTests(KafkaFixture kafka)
{
    [Fact]
    public async Task ApiVersions_OfAnUnknownVersion_IsAnsweredWithTheWholeListInTheOldestForm()
    {
        using var socket = await KafkaSocket.OpenAsync(kafka.Port);
        await socket.SendAsync([0, (byte)ApiKey.ApiVersions, 0x7f, 0xff, 0, 0, 0, 42, 1, 2, 3]);

        var (correlationId, error, apis) = ReadApiVersions((await socket.ReceiveAsync())!);

        Assert.Equal((42, (short)KafkaError.UnsupportedVersion), (correlationId, error));
        Assert.Equal(kafka.Api.Part<ApiTable>().Apis.Select(api => (api.Key, api.Min, api.Max)), apis);
        // What librdkafka needs to write records of today's format.
        Assert.Contains(apis, api => api is { Key: ApiKey.Produce, Min: <= 3 });
        Assert.Contains(apis, api => api is { Key: ApiKey.Fetch, Min: <= 4 });
    }

    /// <summary>A new API cannot be forgotten where requests are made up: its message type is among those that are tried.</summary>
    [Fact]
    public void Apis_AreAllTriedWithRequestsThatAreMadeUp() => Assert.Equal(
        kafka.Api.Part<ApiTable>().Apis, RecordedFrames.Readers.Values.Concat(RecordedFrames.Others).Select(one => one.Api).OrderBy(api => api.Key));

    [Fact]
    public async Task Answers_ComeInTheOrderOfRequests()
    {
        var topic = await kafka.Api.CreateTopicAsync(4);
        using var socket = await KafkaSocket.OpenAsync(kafka.Port);
        for (var i = 0; i < 40; i++)
        {
            if (i % 4 == 3)
                await socket.SendAsync(ApiVersionsRequest.Api, 0, i, _ => { });
            else
                await socket.SendAsync(ProduceRequest.Api, ProduceCalls.Version, i, ProduceCalls.Of(topic, i % 4, acks: -1, TestBatch.Of($"{i}")));
        }

        for (var i = 0; i < 40; i++)
            Assert.Equal(i, BinaryPrimitives.ReadInt32BigEndian(await socket.ReceiveAsync()));
        for (var partition = 0; partition < 3; partition++)
            Assert.Equal(Enumerable.Range(0, 10).Select(n => $"{(n * 4) + partition}"), await ValuesOfAsync(topic, partition));
    }

    [Fact]
    public async Task Frame_WhenMalformed_ClosesItsConnectionAndNoOther()
    {
        using var other = await KafkaSocket.OpenAsync(kafka.Port);
        byte[][] malformed =
        [
            Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\n\r\n"), [0x16, 0x03, 0x01, 0x02], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0], [0, 0, 0, 4, 1, 2, 3, 4],
            [0, 0, 0, 10, 0x7f, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff], [0, 0, 0, 10, 0, 3, 0x7f, 0, 0, 0, 0, 1, 0xff, 0xff],
            [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff],
        ];

        await Task.WhenAll(malformed.Select(async bytes =>
        {
            using var socket = await KafkaSocket.OpenAsync(kafka.Port);
            await socket.SendRawAsync(bytes);
            Assert.Null(await socket.ReceiveAsync());
        }).Append(Task.Run(async () =>
        {
            for (var i = 0; i < 10; i++)
            {
                await other.SendAsync(ApiVersionsRequest.Api, 0, i, _ => { });
                Assert.NotNull(await other.ReceiveAsync());
            }
        })));
    }

    [Fact]
    public async Task Produce_WithAcks0_IsNotAnswered_AndAnErrorEndsTheConnection()
    {
        var topic = await kafka.Api.CreateTopicAsync();
        using var socket = await KafkaSocket.OpenAsync(kafka.Port);
        await socket.SendAsync(ProduceRequest.Api, ProduceCalls.Version, 1, ProduceCalls.Of(topic, 0, acks: 0, TestBatch.Of("a")));
        await socket.SendAsync(ApiVersionsRequest.Api, 0, 2, _ => { });
        Assert.Equal(2, BinaryPrimitives.ReadInt32BigEndian(await socket.ReceiveAsync()));

        await socket.SendAsync(ProduceRequest.Api, ProduceCalls.Version, 3, ProduceCalls.Of("there-is-none", 0, acks: 0, TestBatch.Of("a")));

        Assert.Null(await socket.ReceiveAsync());
        Assert.Equal(["a"], await ValuesOfAsync(topic, 0));
    }

    [Fact]
    public async Task Produce_OfABatchThatIsStored_IsASuccessWithItsFirstOffset_AndAHigherEpochBeginsAnew()
    {
        var topic = await kafka.Api.CreateTopicAsync();
        using var socket = await KafkaSocket.OpenAsync(kafka.Port);
        var producer = await socket.TakeProducerAsync();
        Assert.Equal(ProducerIdKind.Client, ProducerIdRanges.KindOf(producer));

        Assert.Equal((KafkaError.None, 0), await socket.ProduceAsync(topic, TestBatch.By(producer, 0, count: 2)));
        Assert.Equal((KafkaError.None, 2), await socket.ProduceAsync(topic, TestBatch.By(producer, 2)));
        Assert.Equal((KafkaError.None, 0), await socket.ProduceAsync(topic, TestBatch.By(producer, 0, count: 2)));
        Assert.Equal((KafkaError.OutOfOrderSequenceNumber, -1), await socket.ProduceAsync(topic, TestBatch.By(producer, 7)));
        // What librdkafka does behind that error, without asking.
        Assert.Equal((KafkaError.None, 3), await socket.ProduceAsync(topic, TestBatch.By(producer, 0, epoch: 1)));
        Assert.Equal((KafkaError.InvalidProducerEpoch, -1), await socket.ProduceAsync(topic, TestBatch.By(producer, 3)));
        Assert.Equal((KafkaError.UnknownProducerId, -1), await socket.ProduceAsync(topic, TestBatch.By(7, 0)));
    }

    [Fact]
    public async Task Produce_OfWhatIsNoBatchOfToday_IsRefusedByItsReason()
    {
        var topic = await kafka.Api.CreateTopicAsync();
        using var socket = await KafkaSocket.OpenAsync(kafka.Port);
        var old = TestBatch.Of("a");
        old[16] = 1;
        var damaged = TestBatch.Of("a");
        damaged[^1] ^= 1;

        Assert.Equal(KafkaError.UnsupportedForMessageFormat, (await socket.ProduceAsync(topic, old)).Error);
        Assert.Equal(KafkaError.CorruptMessage, (await socket.ProduceAsync(topic, damaged)).Error);
        Assert.Equal(KafkaError.InvalidRecord, (await socket.ProduceAsync(topic, TestBatch.Join(TestBatch.Of("a"), TestBatch.Of("b")))).Error);
        Assert.Equal(KafkaError.InvalidRecord, (await socket.ProduceAsync(topic, [])).Error);
        Assert.Equal(KafkaError.MessageTooLarge, (await socket.ProduceAsync(topic, TestBatch.Sized(2_000_000))).Error);
        Assert.Equal(KafkaError.UnknownTopicOrPartition, (await socket.ProduceAsync("there-is-none", TestBatch.Of("a"))).Error);
        Assert.Empty(await ValuesOfAsync(topic, 0));
    }

    /// <summary>
    /// Requests of one connection to one partition are under way at once, and share the store's writes; their records keep their order.
    /// </summary>
    [Fact]
    public async Task Produce_WhenManyAreInFlight_SharesTheWritesOfTheStore()
    {
        var store = new ScriptedSegmentStore(new MemorySegmentStore());
        await using var api = new ApiFixture(
            TimeProvider.System, services => services.AddSingleton<ISegmentStore>(store).Configure<KafkaOptions>(options =>
        {
            options.Enabled = true;
            options.Listen = KafkaFixture.AnyPort;
        }));
        await api.InitializeAsync();
        var topic = await api.CreateTopicAsync();
        using var socket = await KafkaSocket.OpenAsync(api.Part<LocalBroker>().Port);
        Assert.Equal((KafkaError.None, 0), await socket.ProduceAsync(topic, TestBatch.Of("first")));

        var before = store.Appends.Count;
        var held = store.Hold();
        for (var i = 0; i < 10; i++)
            await socket.SendAsync(ProduceRequest.Api, ProduceCalls.Version, i, ProduceCalls.Of(topic, 0, acks: -1, TestBatch.Of($"{i}")));
        await Wait.UntilAsync("The requests are read.", () => api.Node.Bytes > 10 * 100);
        held.Release();
        for (var i = 0; i < 10; i++)
            Assert.Equal(i, BinaryPrimitives.ReadInt32BigEndian(await socket.ReceiveAsync()));

        Assert.InRange(store.Appends.Count - before, 1, 4);
        var answer = await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?offset=1&value_as=string");
        Assert.Equal(Enumerable.Range(0, 10).Select(i => $"{i}"), answer["records"]!.AsArray().Select(record => (string)record!["value"]!));
    }

    /// <summary>A client whose next request is always there already is not what a service that stops waits for.</summary>
    [Fact]
    public async Task Stop_WhileAClientSendsWithoutAPause_EndsItsConnection()
    {
        await using var api = new ApiFixture(TimeProvider.System, services => services.Configure<KafkaOptions>(options =>
        {
            options.Enabled = true;
            options.Listen = KafkaFixture.AnyPort;
        }));
        await api.InitializeAsync();
        using var socket = await KafkaSocket.OpenAsync(api.Part<LocalBroker>().Port);
        var received = 0;
        var receiving = Task.Run(async () =>
        {
            while (await socket.ReceiveAsync() is not null)
                received++;
        });
        var sending = Task.Run(async () =>
        {
            while (!receiving.IsCompleted)
                await socket.SendAsync(ApiVersionsRequest.Api, 0, 1, _ => { });
        });
        await Wait.UntilAsync("the client is answered", () => received > 1_000);

        await api.Part<KafkaServer>().StoppingAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(10));

        await receiving;
        await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    /// <summary>
    /// The service's own handlers, with requests of real clients of which some bytes are others: an answer or a malformed frame, and nothing else.
    /// </summary>
    [Fact]
    public async Task Request_OfAnyBytes_IsAnsweredOrMalformed()
    {
        var table = kafka.Api.Part<ApiTable>();
        var random = new Random(2026);
        using var given = new CancellationTokenSource();
        await given.CancelAsync();
        foreach (var frame in RecordedFrames.Read())
        {
            for (var round = 0; round < 40; round++)
            {
                var bytes = frame.Bytes.ToArray();
                for (var n = random.Next(4); n > 0; n--)
                    bytes[random.Next(8, bytes.Length)] = (byte)(random.Next(2) == 0 ? random.Next(256) : random.Next(4));
                await HandleAsync(table, bytes, given.Token);
            }
        }

        Assert.Equal(0, kafka.Api.Node.Bytes);
    }

    private async Task HandleAsync(ApiTable table, byte[] bytes, CancellationToken closed)
    {
        var handler = table.Find((ApiKey)BinaryPrimitives.ReadInt16BigEndian(bytes))!;
        var version = BinaryPrimitives.ReadInt16BigEndian(bytes.AsSpan(2));
        using var client = new ClientConnection("fuzz", remote: null, local: null, table.Apis, closed, closed);
        try
        {
            Assert.True(kafka.Api.Node.TryTake(bytes.Length));
            var frame = new RequestFrame(new System.Buffers.ReadOnlySequence<byte>(bytes), kafka.Api.Node);
            var body = BodyOf(bytes, handler.Api.IsFlexible(version));
            using var call = new KafkaCall(client, new RequestHeader(handler.Api.Key, version, 1), "fuzz", frame, body, handler.Api.IsFlexible(version));
            await handler.HandleAsync(call);
        }
        catch (Exception e) when (e is MalformedFrameException or OperationCanceledException)
        {
            // As it must be; or nobody waits for the answer.
        }
    }

    private static int BodyOf(byte[] bytes, bool isFlexible)
    {
        try
        {
            var reader = new WireReader(bytes, isFlexible: false);
            RequestHeader.Read(ref reader);
            RequestHeader.ReadClientId(ref reader, isFlexible);
            return reader.Position;
        }
        catch (MalformedFrameException)
        {
            return bytes.Length;
        }
    }

    private static (int CorrelationId, short Error, (ApiKey Key, short Min, short Max)[] Apis) ReadApiVersions(byte[] answer)
    {
        var reader = new WireReader(answer, isFlexible: false);
        var correlationId = reader.ReadInt32();
        var error = reader.ReadInt16();
        var apis = new (ApiKey, short, short)[reader.ReadArrayLength(6)];
        for (var i = 0; i < apis.Length; i++)
            apis[i] = ((ApiKey)reader.ReadInt16(), reader.ReadInt16(), reader.ReadInt16());
        Assert.Equal(0, reader.LeftBytes);
        return (correlationId, error, apis);
    }

    private async Task<string[]> ValuesOfAsync(string topic, int partition)
    {
        var answer = await kafka.Api.GetAsync($"/v1/topics/{topic}/partitions/{partition}/records?offset=0&value_as=string");
        return [.. answer["records"]!.AsArray().Select(record => (string)record!["value"]!)];
    }
}
