using Confluent.Kafka;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;
using OrleansStream.Records;
using ErrorCode = Confluent.Kafka.ErrorCode;

namespace OrleansStream.Tests.Kafka.Traps;

/// <summary>What librdkafka's producer does, through Confluent.Kafka.</summary>
[Collection(KafkaTrapTests.Name)]
public sealed class ConfluentProducerTrapTests(TrapService service)
{
    private const string OldBroker = "0.10.0.0";

    /// <summary>Told not to ask for versions, it sends batches of magic 1 by Produce 2, in which there are no headers and no idempotence.</summary>
    [Fact]
    public async Task Produce_InAFormatOfOld_FailsLoudly()
    {
        var topic = await service.Api.CreateTopicAsync();
        await using var proxy = service.OpenProxy();
        using var producer = TrapService.Produce(proxy, config => (config.ApiVersionRequest, config.BrokerVersionFallback, config.MessageTimeoutMs) = (false, OldBroker, 3_000));

        await Assert.ThrowsAsync<ProduceException<byte[]?, string>>(() => producer.ProduceAsync(topic, new Message<byte[]?, string> { Value = "a" }));

        Assert.Empty(await service.ValuesOfAsync(topic));
        // The socket of what cannot be read is held: closed at once, it would connect 20 times a second.
        Assert.InRange(proxy.Connections, 1, 4);
    }

    /// <summary>With TLS at a port without it, it is told nothing but that the connection ends, and connects anew at once.</summary>
    [Fact]
    public async Task Connect_WithTlsToAPlainPort_IsHeldAndNotClosedAtOnce()
    {
        await using var proxy = service.OpenProxy();
        using var producer = TrapService.Produce(proxy, config => (config.SecurityProtocol, config.ReconnectBackoffMs, config.ReconnectBackoffMaxMs) = (SecurityProtocol.Ssl, 10, 10));
        await Support.Wait.UntilAsync("it has connected", () => proxy.Connections > 0);
        await Support.Wait.ForAsync(TimeSpan.FromSeconds(2));

        Assert.InRange(proxy.Connections, 1, 2);
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

    /// <summary>Behind OUT_OF_ORDER_SEQUENCE_NUMBER it raises its epoch by itself, without asking for it, and begins at sequence 0.</summary>
    [Fact]
    public async Task Produce_BehindASequenceOutOfOrder_GoesOnInTheNextEpoch()
    {
        var topic = await service.Api.CreateTopicAsync();
        await using var proxy = service.OpenProxy();
        using var producer = TrapService.Produce(proxy, config => config.EnableIdempotence = true);
        await producer.ProduceAsync(topic, new Message<byte[]?, string> { Value = "a" });
        FailNextProduce(proxy, KafkaError.OutOfOrderSequenceNumber);

        var stored = await producer.ProduceAsync(topic, new Message<byte[]?, string> { Value = "b" });
        await producer.ProduceAsync(topic, new Message<byte[]?, string> { Value = "c" });

        Assert.Equal(1, stored.Offset.Value);
        Assert.Equal(["a", "b", "c"], await service.ValuesOfAsync(topic));
        Assert.Equal([(0, 0), (0, 1), (1, 0), (1, 1)], TrapService.BatchesOf(proxy).Select(batch => ((int)batch.ProducerEpoch, batch.BaseSequence)));
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
        const int records = 3_000;
        var topic = await service.Api.CreateTopicAsync(config: """{"max.message.bytes":1000000}""");
        await using var proxy = service.OpenProxy();
        using var producer = TrapService.Produce(proxy, config => (config.LingerMs, config.BatchSize, config.MessageMaxBytes) = (500, 2_000_000, 1_000_000));
        var value = new string('v', 983);
        var failed = 0;
        for (var i = 0; i < records; i++)
        {
            producer.Produce(topic, new Message<byte[]?, string> { Value = value }, report => Interlocked.Add(ref failed, report.Error.IsError ? 1 : 0));
        }

        Assert.Equal(0, producer.Flush(TimeSpan.FromSeconds(30)));
        Assert.Equal(0, failed);
        Assert.Contains(
            proxy.Frames.Select(frame => new PassingFrame(frame)).Where(frame => frame.Key == ApiKey.Produce).SelectMany(TrapService.BatchesIn),
            batch => batch.Length > 1_000_000 - RecordBatchHeader.HeaderLengthBytes);
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
