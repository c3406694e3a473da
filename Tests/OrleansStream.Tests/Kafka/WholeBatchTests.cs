using OrleansStream.Kafka.Errors;
using OrleansStream.Records;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Kafka;

/// <summary>
/// A client counts on its batch being stored as one or refused as a whole: it numbers the records from the one offset that it is told, and sends a
/// refused batch again. So no batch is divided, also where the client names no producer.
/// </summary>
[Collection(KafkaTests.Name)]
public sealed class WholeBatchTests(KafkaFixture kafka)
{
    private const int BatchCount = 20;
    private const int RecordCount = 50;

    [Theory]
    [InlineData(CompressionType.Zstd, "uncompressed")]
    [InlineData(CompressionType.None, "zstd")]
    [InlineData(CompressionType.Gzip, "producer")]
    public async Task Produce_OfManyBatchesInFlight_GivesEachTheOffsetsItIsTold_WhateverTheTopicCompresses(CompressionType sent, string stored)
    {
        var topic = await kafka.Api.CreateTopicAsync(1, $$"""{"compression.type":"{{stored}}"}""");
        using var socket = await KafkaSocket.OpenAsync(kafka.Port);
        for (var batch = 0; batch < BatchCount; batch++)
            await socket.BeginProduceAsync(topic, BatchOf(sent, batch, valueBytes: 1000), batch);

        for (var batch = 0; batch < BatchCount; batch++)
            Assert.Equal((KafkaError.None, batch * RecordCount), await socket.ReceiveProducedAsync());
        var values = new List<string>();
        while (values.Count < BatchCount * RecordCount)
            values.AddRange(await ValuesOfAsync(topic, values.Count));
        Assert.Equal(
            from batch in Enumerable.Range(0, BatchCount) from record in Enumerable.Range(0, RecordCount) select $"{batch}/{record}", values);
    }

    [Fact]
    public async Task Produce_OfABatchThatUnfoldsToMoreThanTheTopicTakes_IsRefusedAsAWhole()
    {
        var topic = await kafka.Api.CreateTopicAsync(1, """{"compression.type":"uncompressed","max.message.bytes":"20000"}""");
        using var socket = await KafkaSocket.OpenAsync(kafka.Port);

        var answer = await socket.ProduceAsync(topic, BatchOf(CompressionType.Zstd, batch: 0, valueBytes: 1000));

        Assert.Equal(KafkaError.MessageTooLarge, answer.Error);
        Assert.Empty(await ValuesOfAsync(topic, 0));
    }

    // No batch could begin with the first of these records and tell the second's time.
    [Fact]
    public async Task Produce_OfABatchWhoseTimesAreTooFarApart_IsRefusedWhereItIsCompressedAnew()
    {
        var topic = await kafka.Api.CreateTopicAsync(1, """{"compression.type":"zstd"}""");
        byte[] records = [.. LyingBatch.Record(0, long.MinValue), .. LyingBatch.Record(1, long.MaxValue)];
        using var socket = await KafkaSocket.OpenAsync(kafka.Port);

        var answer = await socket.ProduceAsync(
            topic, LyingBatch.Of(CompressionType.Gzip, records, count: 2, baseTimestampMs: 0, maxTimestampMs: 0));

        Assert.Equal(KafkaError.InvalidTimestamp, answer.Error);
        Assert.Empty(await ValuesOfAsync(topic, 0));
    }

    [Theory]
    [InlineData("message.timestamp.after.max.ms", "60000", nameof(KafkaError.InvalidTimestamp))]
    [InlineData("max.message.bytes", "1000", nameof(KafkaError.MessageTooLarge))]
    public async Task Produce_OfABatchWithOneRecordThatIsRefused_StoresNoneOfIt(string setting, string value, string error)
    {
        var topic = await kafka.Api.CreateTopicAsync(1, $$"""{"{{setting}}":"{{value}}"}""");
        var now = Batches.NowMs;
        var batch = TestBatch.Make(new RecordBatchOptions(), [(now, "a"), (now + 3_600_000, new string('b', 1500)), (now, "c")]);
        using var socket = await KafkaSocket.OpenAsync(kafka.Port);

        Assert.Equal(error, (await socket.ProduceAsync(topic, batch)).Error.ToString());

        Assert.Empty(await ValuesOfAsync(topic, 0));
    }

    private static byte[] BatchOf(CompressionType compression, int batch, int valueBytes) => TestBatch.Make(
        new RecordBatchOptions { Compression = compression },
        Enumerable.Range(0, RecordCount).Select(record => (Batches.NowMs, $"{batch}/{record}".PadRight(valueBytes))));

    private async Task<string[]> ValuesOfAsync(string topic, int offset)
    {
        var answer = await kafka.Api.GetAsync($"/v1/topics/{topic}/partitions/0/records?offset={offset}&value_as=string");
        return [.. answer["records"]!.AsArray().Select(record => ((string)record!["value"]!).TrimEnd())];
    }
}
