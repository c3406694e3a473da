using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Protocols;

namespace OrleansStream.Tests.Comparison;

/// <summary>What the benchmark's raw Kafka driver takes for a success, and what it counts of a client's requests.</summary>
public sealed class KafkaDriverTests
{
    [Fact]
    public void TakeAnswer_OfProduce_TakesAFrameWholeAndNoByteMore()
    {
        var exchange = new KafkaProduceExchange("t", 0, acks: -1, [1, 2, 3], records: 7, bytes: 70, window: 2);
        byte[] received = [.. Produced(0, error: 0), 0];
        for (var length = 0; length < received.Length - 1; length++)
            Assert.Equal(0, exchange.TakeAnswer(received.AsSpan(0, length), out _, out _));

        Assert.Equal(received.Length - 1, exchange.TakeAnswer(received, out var records, out var bytes));
        Assert.Equal((7, 70L), (records, bytes));
        // The next answer is to the next request.
        Assert.Throws<UnexpectedAnswerException>(() => exchange.TakeAnswer(received, out _, out _));
    }

    [Fact]
    public void TakeAnswer_OfProduceThatFailed_IsNone()
    {
        var exchange = new KafkaProduceExchange("t", 0, acks: -1, [1, 2, 3], records: 7, bytes: 70, window: 2);

        var refused = Assert.Throws<UnexpectedAnswerException>(() => exchange.TakeAnswer(Produced(0, error: 19), out _, out _));

        Assert.Contains("error 19", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NextRequests_HaveTheNumbersOfTheirPlacesInTheWindow()
    {
        var exchange = new KafkaProduceExchange("t", 0, acks: -1, [1, 2, 3], records: 7, bytes: 70, window: 2);

        int[] numbers = [.. Enumerable.Range(0, 3).Select(_ => NumberOf(exchange.NextRequests(5, out var requests), requests))];

        Assert.Equal([0, 1, 0], numbers);
    }

    [Fact]
    public void ReadFetched_OfNothing_IsNone() => Assert.Equal(-1, KafkaCalls.ReadFetched(Fetched(batches: []), 2));

    [Fact]
    public void ReadFetched_OfABatch_IsItsFirstOffset() => Assert.Equal(17, KafkaCalls.ReadFetched(Fetched([0, 0, 0, 0, 0, 0, 0, 17, 99]), 2));

    [Fact]
    public void RequestsPerSecond_AreThoseBetweenTheFirstAndTheLastStatistics()
    {
        var statistics = new ClientStatistics("Fetch");
        Assert.True(double.IsNaN(statistics.RequestsPerSecond));
        statistics.Take("""{"ts":1000000,"brokers":{"a":{"req":{"Fetch":10,"Produce":1000}},"b":{}}}""");
        statistics.Take("""{"ts":3000000,"brokers":{"a":{"req":{"Fetch":30,"Produce":9000}},"b":{"req":{"Fetch":20}}}}""");
        Assert.Equal(20, statistics.RequestsPerSecond);

        statistics.Restart();
        statistics.Take("""{"ts":4000000,"brokers":{"a":{"req":{"Fetch":50}}}}""");
        Assert.True(double.IsNaN(statistics.RequestsPerSecond));
    }

    private static int NumberOf(ReadOnlyMemory<byte> request, int requests)
    {
        Assert.Equal(1, requests);
        var fields = new KafkaFields(request.Span[KafkaCalls.LengthFieldBytes..]);
        Assert.Equal((KafkaCalls.Produce, 7), (fields.Int16(), fields.Int16()));
        return fields.Int32();
    }

    private static byte[] Produced(int number, short error) => KafkaFrame.Answer(number)
        .Int32(1).Text("t").Int32(1).Int32(0).Int16(error).Int64(17).Int64(-1).Int64(0).Int32(0).ToArray();

    private static byte[] Fetched(byte[] batches) => KafkaFrame.Answer(2)
        .Int32(0).Int32(1).Text("t").Int32(1).Int32(0).Int16(0).Int64(18).Int64(18).Int32(-1).Bytes(batches).ToArray()[KafkaCalls.LengthFieldBytes..];
}
