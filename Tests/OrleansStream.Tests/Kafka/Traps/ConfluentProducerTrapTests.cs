using System.Buffers.Binary;
using Confluent.Kafka;
using OrleansStream.Kafka.Connections;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;
using ErrorCode = Confluent.Kafka.ErrorCode;

namespace OrleansStream.Tests.Kafka.Traps;

/// <summary>What librdkafka's producer does, through Confluent.Kafka.</summary>
[Collection(KafkaTrapTests.Name)]
public sealed class ConfluentProducerTrapTests(TrapService service)
{
    /// <summary>
    /// Where Fetch 4 is not listed it takes the broker for an old one, and writes batches of magic 0 or 1, even into Produce 7: without headers, and
    /// without idempotence.
    /// </summary>
    [Fact]
    public async Task Produce_InAFormatOfOld_FailsLoudly()
    {
        var topic = await service.Api.CreateTopicAsync();
        await using var proxy = service.OpenProxy();
        proxy.OnAnswer = (request, answer) =>
        {
            if (request.Key == ApiKey.ApiVersions)
                HideNewFetch(answer);
            return FrameFate.Passes;
        };
        using var producer = TrapService.Produce(proxy, config => config.MessageTimeoutMs = 3_000);

        var message = new Message<byte[]?, string> { Value = "a" };
        var failure = await Assert.ThrowsAsync<ProduceException<byte[]?, string>>(() => producer.ProduceAsync(topic, message));

        Assert.Equal(43, (int)failure.Error.Code);
        const int magicPosition = 16;
        Assert.All(
            proxy.RequestsOf(ApiKey.Produce).SelectMany(TrapService.BatchesIn),
            batch => Assert.InRange(batch.Span[magicPosition], 0, 1));
        Assert.Empty(await service.ValuesOfAsync(topic));
    }

    /// <summary>With TLS at a port without it, it is told nothing but that the connection ends, and connects anew at once.</summary>
    [Fact]
    public async Task Connect_WithTlsToAPlainPort_IsHeldAndNotClosedAtOnce()
    {
        await using var proxy = service.OpenProxy();
        using var producer = TrapService.Produce(proxy, config =>
        {
            config.SecurityProtocol = SecurityProtocol.Ssl;
            config.ReconnectBackoffMs = config.ReconnectBackoffMaxMs = 10;
        });
        await Support.Wait.UntilAsync("it connects anew", () => proxy.Connections.Count > 1);

        var held = proxy.Connections[1] - proxy.Connections[0];
        Assert.True(held >= ConnectionLimits.RefusedHold - TimeSpan.FromMilliseconds(100), $"It was held for {held}.");
    }

    /// <summary>An answer is lost: it sends the batch again, on a new connection, and takes any error for a failure.</summary>
    [Fact]
    public async Task Produce_WhenItsAnswerIsLost_IsStoredOnceAndASuccess()
    {
        var topic = await service.Api.CreateTopicAsync();
        await using var proxy = service.OpenProxy();
        using var producer = TrapService.Produce(proxy, config => config.EnableIdempotence = true);
        await producer.ProduceAsync(topic, new Message<byte[]?, string> { Value = "a" });
        proxy.LoseAnswerOnce(ApiKey.Produce);

        var stored = await producer.ProduceAsync(topic, new Message<byte[]?, string> { Value = "b" });

        Assert.Equal((1, PersistenceStatus.Persisted), (stored.Offset.Value, stored.Status));
        Assert.Equal(["a", "b"], await service.ValuesOfAsync(topic));
        Assert.Equal([0, 1, 1], TrapService.BatchesOf(proxy).Select(batch => batch.BaseSequence));
    }

    /// <summary>Behind a batch that is lost for good it raises its epoch by itself, without asking for it, and begins at sequence 0.</summary>
    [Fact]
    public async Task Produce_BehindABatchThatIsRefused_GoesOnInTheNextEpoch()
    {
        var topic = await service.Api.CreateTopicAsync();
        await using var proxy = service.OpenProxy();
        using var producer = TrapService.Produce(proxy, config => config.EnableIdempotence = true);
        await producer.ProduceAsync(topic, new Message<byte[]?, string> { Value = "a" });
        FailNextProduce(proxy, KafkaError.InvalidRecord);

        Assert.NotNull(await ErrorOfAsync(producer.ProduceAsync(topic, new Message<byte[]?, string> { Value = "b" })));
        var stored = await producer.ProduceAsync(topic, new Message<byte[]?, string> { Value = "c" });

        Assert.Equal(1, stored.Offset.Value);
        Assert.Equal(["a", "c"], await service.ValuesOfAsync(topic));
        Assert.Equal([(0, 0), (0, 1), (1, 0)], TrapService.BatchesOf(proxy).Select(batch => ((int)batch.ProducerEpoch, batch.BaseSequence)));
        Assert.Equal(1, proxy.CountOf(ApiKey.InitProducerId));
    }

    /// <summary>A batch gets another bit on its way. No client of Kafka's checks what it reads, so nobody would ever see it.</summary>
    [Fact]
    public async Task Produce_WhenABitFlipsOnItsWay_IsNotStoredSo()
    {
        var topic = await service.Api.CreateTopicAsync();
        await using var proxy = service.OpenProxy();
        var flips = 1;
        proxy.OnRequest = request =>
        {
            if (request.Key == ApiKey.Produce && Interlocked.Exchange(ref flips, 0) == 1)
                request.Bytes[^20] ^= 1;
            return new(FrameFate.Passes);
        };
        using var producer = TrapService.Produce(proxy, config => config.MessageTimeoutMs = 5_000);
        var value = new string('a', 100);

        var error = await ErrorOfAsync(producer.ProduceAsync(topic, new Message<byte[]?, string> { Value = value }));

        Assert.Equal(0, flips);
        Assert.All(await service.ValuesOfAsync(topic), stored => Assert.Equal(value, stored));
        Assert.Equal(error is null ? 1 : 0, (await service.ValuesOfAsync(topic)).Length);
    }

    /// <summary>Its batch is larger than <c>message.max.bytes</c> by what it did not count.</summary>
    [Fact]
    public async Task Produce_OfBatchesFilledToItsBound_IsTaken()
    {
        const int bound = 1_000_000, counted = 36;
        var topic = await service.Api.CreateTopicAsync(config: $$"""{"max.message.bytes":{{bound}}}""");
        await using var proxy = service.OpenProxy();
        using var producer = TrapService.Produce(proxy, config => config.MessageMaxBytes = bound);

        await producer.ProduceAsync(topic, new Message<byte[]?, string> { Value = new string('v', bound - counted) });

        Assert.InRange(Assert.Single(proxy.RequestsOf(ApiKey.Produce).SelectMany(TrapService.BatchesIn)).Length, bound + 1, bound + 100);
        Assert.Single(await service.ValuesOfAsync(topic));
    }

    // The list's entries are an API's number, the lowest and the highest version, and no tagged fields.
    private static void HideNewFetch(byte[] answer)
    {
        const int firstEntry = 7, entryBytes = 7, oldest = 0, old = 3;
        for (var at = firstEntry; at + entryBytes <= answer.Length; at += entryBytes)
        {
            if (BinaryPrimitives.ReadInt16BigEndian(answer.AsSpan(at)) != (short)ApiKey.Fetch)
                continue;
            BinaryPrimitives.WriteInt16BigEndian(answer.AsSpan(at + 2), oldest);
            BinaryPrimitives.WriteInt16BigEndian(answer.AsSpan(at + 4), old);
            return;
        }
    }

    private static void FailNextProduce(FrameProxy proxy, KafkaError error)
    {
        var isFailed = 0;
        proxy.OnRequest = request => request.Key == ApiKey.Produce && Interlocked.Exchange(ref isFailed, 1) == 0
            ? ProduceFrame.FailAsync(request, error)
            : new(FrameFate.Passes);
    }

    private static async Task<ErrorCode?> ErrorOfAsync(Task produce)
    {
        try
        {
            await produce;
            return null;
        }
        catch (ProduceException<byte[]?, string> exception)
        {
            return exception.Error.Code;
        }
    }
}
