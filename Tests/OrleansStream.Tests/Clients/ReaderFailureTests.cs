using System.Buffers;
using System.Text;
using Microsoft.Extensions.Logging;
using OrleansStream.Client;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Producing;
using OrleansStream.Client.Serialization;
using OrleansStream.Records;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Clients;

/// <summary>
/// What the program's own code throws as a reader calls it ends the reader, of whatever kind it is, behind the good records in front of it.
/// </summary>
[Collection(ApiTests.Name)]
public sealed class ReaderFailureTests(ApiFixture api)
{
    private const int GoodCount = 200;

    /// <summary>Those that a fetch itself fails with, and is then repeated, and one of another kind.</summary>
    public static TheoryData<string> Kinds => ["broken line", "no answer", "cancelled", "retriable", "defect"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public Task Read_WhenTheSerializerThrowsAtACompressedBatch_EndsBehindTheGoodRecords(string kind) =>
        AssertEndsBehindTheGoodRecordsAsync(kind, Compression.Gzip);

    [Theory]
    [MemberData(nameof(Kinds))]
    public Task Read_WhenTheSerializerThrowsAtAPlainBatch_EndsBehindTheGoodRecords(string kind) =>
        AssertEndsBehindTheGoodRecordsAsync(kind, Compression.None);

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Read_WhenAHandlerOfUnreadableOffsetsThrows_EndsWithIt(string kind)
    {
        var topic = await api.CreateTopicAsync(config: """{"retention.ms":-1}""");
        await api.StoreUnopenedAsync(
            topic, TestBatch.At(StrangeBatch.TimestampMs - 1000, "first"), StrangeBatch.Garbage(CompressionType.Gzip));
        using var client = new OrleansStreamClient(new OrleansStreamClientOptions { Endpoints = [api.Client.BaseAddress!] });
        var reader = client.Read<string>(topic);
        var thrown = Make(kind);
        var calls = 0;
        reader.OffsetsUnreadable += (_, _) =>
        {
            calls++;
            throw thrown;
        };

        var error = await Assert.ThrowsAnyAsync<Exception>(() => ReadAsync(reader, []));

        Assert.Same(thrown, error);
        Assert.Equal(1, calls);
    }

    private async Task AssertEndsBehindTheGoodRecordsAsync(string kind, Compression compression)
    {
        using var log = new LoggingTests.Lines();
        var options = new OrleansStreamClientOptions
        {
            Endpoints = [api.Client.BaseAddress!],
            LoggerFactory = LoggerFactory.Create(logging => logging.AddProvider(log)),
        };
        var serializer = new FussySerializer { Failure = Make(kind) };
        options.Serializers.Set(serializer);
        using var client = new OrleansStreamClient(options);
        var topic = await api.CreateTopicAsync(1);
        Action<ProducerOptions> configure = options => (options.Compression, options.Linger) = (compression, ProducerLimits.LingerMax);
        await using (var producer = client.CreateProducer(topic, configure))
        {
            IEnumerable<string> values = [.. Enumerable.Range(0, GoodCount).Select(number => $"{number}"), "bad", "behind"];
            foreach (var value in values)
                await producer.EnqueueAsync(null, value, TestContext.Current.CancellationToken);
            // A batch of its own, in the same answer: nobody looks at it any more.
            await producer.FlushAsync(TestContext.Current.CancellationToken);
            for (var i = 0; i < GoodCount; i++) // one alone is not worth compressing
                await producer.EnqueueAsync(null, "bad", TestContext.Current.CancellationToken);
        }

        var seen = new List<string>();
        var error = await Assert.ThrowsAnyAsync<Exception>(() => ReadAsync(client.Read<string>(topic), seen));

        Assert.Same(serializer.Failure, error);
        Assert.Equal(1, serializer.FailureCount);
        Assert.Equal(Enumerable.Range(0, GoodCount).Select(number => $"{number}"), seen);
        Assert.Equal(
            LogLevel.Error,
            log.Find($"The value of {topic}/0, offset {GoodCount}, cannot be read: its serializer threw {serializer.Failure.GetType().Name}"));
    }

    private static Task ReadAsync(IAsyncEnumerable<Client.Consuming.ConsumedRecord<string>> reader, List<string> seen)
    {
        return ReadToEndAsync().WaitAsync(Wait.Patience, TestContext.Current.CancellationToken);

        async Task ReadToEndAsync()
        {
            await foreach (var record in reader.WithCancellation(TestContext.Current.CancellationToken))
                seen.Add(record.Value!);
        }
    }

    private static Exception Make(string kind) => kind switch
    {
        "broken line" => new EndOfStreamException("no good"),
        "no answer" => new HttpRequestException("no good"),
        "cancelled" => new OperationCanceledException("no good"),
        "retriable" => new StreamServiceException("no good") { IsRetriable = true },
        _ => new InvalidDataException("no good"),
    };

    private sealed class FussySerializer : ISerializer<string>
    {
        public required Exception Failure { get; init; }

        public int FailureCount { get; private set; }

        public void Serialize(string value, IBufferWriter<byte> destination) => Encoding.UTF8.GetBytes(value, destination);

        public string Deserialize(ReadOnlySpan<byte> bytes)
        {
            if (Encoding.UTF8.GetString(bytes) is var value && value != "bad")
                return value;
            FailureCount++;
            throw Failure;
        }
    }
}
