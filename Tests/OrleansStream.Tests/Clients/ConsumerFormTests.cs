using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using OrleansStream.Client;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Producing;
using OrleansStream.Records;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Clients;

/// <summary>
/// The forms in which the client takes the answers to its polls. It asks for record batches, works with a service that has only JSON, and neither an
/// answer that was cut off nor a damaged batch has it skip a record.
/// </summary>
[Collection(ApiTests.Name)]
public sealed class ConsumerFormTests(ApiFixture api)
{
    private const int RecordCount = 2_500;
    private const string Boundary = "b0";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(Compression.None)]
    [InlineData(Compression.Gzip)]
    [InlineData(Compression.Zstd)]
    public async Task Run_WithAServiceThatHasParts_GetsThemAndManyRecordsAtATime(Compression codec)
    {
        var line = new Line();
        using var client = Connect(line);
        var topic = await FillAsync(client, codec);

        Assert.Equal(Expected(), await ConsumeAsync(client, topic));

        Assert.Contains(PollForms.Multipart, line.Types);
        Assert.Equal([ConsumerLimits.FallibleRecordsMax, ConsumerLimits.RecordsMax], line.Asked.Distinct());
    }

    [Fact]
    public async Task Run_WithAnOlderService_TakesJsonAndAsksForNoMoreThanMayFail()
    {
        var line = new Line { Before = request => request.Headers.Accept.Clear() };
        using var client = Connect(line);
        var topic = await FillAsync(client, Compression.None);

        Assert.Equal(Expected(), await ConsumeAsync(client, topic));

        Assert.Equal(["application/json"], line.Types.Distinct());
        Assert.Equal([ConsumerLimits.FallibleRecordsMax], line.Asked.Distinct());
    }

    [Fact]
    public async Task Run_WhenAnswersAreCutOff_SkipsNoRecord()
    {
        var random = new Random(TestSeed.Value);
        var cuts = 0;
        var line = new Line { After = body => random.Next(2) == 0 && cuts++ < 6 ? body[..random.Next(body.Length)] : body };
        using var client = Connect(line);
        var topic = await FillAsync(client, Compression.None);

        Assert.Equal(Expected(), await ConsumeAsync(client, topic));

        Assert.NotEqual(0, cuts);
    }

    [Fact]
    public async Task Run_WhenABatchIsDamagedOnItsWay_NamesItAndLeavesItsRecordsToTheNext()
    {
        var line = new Line { After = body => Damage(body, "value 0"u8) };
        using var client = Connect(line);
        var topic = await FillAsync(client, Compression.None);

        var thrown = await Assert.ThrowsAsync<StreamServiceException>(() => ConsumeAsync(client, topic));
        Assert.Equal("CORRUPT_MESSAGE", thrown.ErrorCode);
        Assert.Contains($"{topic}/0", thrown.Message, StringComparison.Ordinal);
        Assert.Contains("in the answer to a poll, is damaged: BadCrc", thrown.Message, StringComparison.Ordinal);
        Assert.Empty((await client.Admin.Groups.GetOffsetsAsync($"of-{topic}", topic)).Offsets);

        line.After = null;
        Assert.Equal(Expected(), await ConsumeAsync(client, topic));
    }

    [Fact]
    public void Read_OfAnAnswerThatIsCutOffAnywhere_GivesNoRecord()
    {
        var whole = Answer(TestBatch.Of("a", "b"), Zipped("c"));
        using var answer = new PollAnswerReader();
        answer.Read(whole.ToArray(), Boundary);
        Assert.Equal(["a", "b", "c"], Values(answer));
        for (var length = 0; length < whole.Length; length++)
        {
            var exception = Assert.Throws<JsonException>(() => answer.Read(whole.AsMemory(0, length), Boundary));
            Assert.StartsWith("The answer is not that of a poll. It ", exception.Message, StringComparison.Ordinal);
            Assert.Empty(answer.Records);
            Assert.Null(answer.Cursor);
        }
    }

    [Fact]
    public void Read_OfABatchWithAnyByteChanged_GivesNoRecord()
    {
        var batch = Zipped("a", "b");
        var whole = Answer(batch, TestBatch.Of("c"));
        var start = whole.AsSpan().IndexOf(batch);
        using var answer = new PollAnswerReader();
        for (var i = 0; i < batch.Length; i++)
        {
            // The leader writes the offset and its epoch, so the checksum leaves them out.
            var isOfLeader = i is < RecordBatchHeader.BatchLengthPosition
                or (>= RecordBatchHeader.PartitionLeaderEpochPosition and < RecordBatchHeader.MagicPosition);
            if (isOfLeader)
                continue;
            var changed = whole.ToArray();
            changed[start + i] ^= 0x10;
            var exception = Record.Exception(() => answer.Read(changed, Boundary));
            Assert.True(exception is JsonException or StreamServiceException { ErrorCode: "CORRUPT_MESSAGE" }, $"At {i}: {exception}");
            Assert.Empty(answer.Records);
        }
    }

    [Fact]
    public void Read_OfABatchThatCannotBeRead_NamesTheOffset()
    {
        var batch = LyingBatch.Of(CompressionType.None, [.. LyingBatch.Record(0), .. LyingBatch.Record(2)], 2);
        RecordBatchHeader.StampBaseOffset(batch, 40);
        using var answer = new PollAnswerReader();
        var thrown = Assert.Throws<StreamServiceException>(() => answer.Read(Answer(batch, TestBatch.Of("c")), Boundary));
        Assert.Equal("CORRUPT_MESSAGE", thrown.ErrorCode);
        Assert.StartsWith("The batch of t/0 with offset 41, in the answer to a poll, is damaged: ", thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("text/plain", "A part of it is 'text/plain'.")]
    [InlineData("application/json", "The answer is not that of a poll.")]
    public void Read_OfAPartOfAnotherType_IsRefused(string type, string said)
    {
        var text = $"--{Boundary}\r\nContent-Type: {type}\r\n\r\nhello\r\n--{Boundary}--\r\n";
        using var answer = new PollAnswerReader();
        var exception = Assert.ThrowsAny<JsonException>(() => answer.Read(Encoding.UTF8.GetBytes(text), Boundary));
        if (type == "text/plain")
            Assert.EndsWith(said, exception.Message, StringComparison.Ordinal);
    }

    /// <summary>A producer that does not linger makes a batch of each record. What an answer of such batches holds is what its values take.</summary>
    [Theory]
    [InlineData(CompressionType.Gzip)]
    [InlineData(CompressionType.Snappy)]
    [InlineData(CompressionType.Lz4)]
    [InlineData(CompressionType.Zstd)]
    public void Read_OfManySmallCompressedBatches_HoldsLittleMoreThanTheirValues(CompressionType codec)
    {
        var values = Enumerable.Range(0, 1_000).Select(i => $"{i} {new string('v', i % 300)}").ToArray();
        var options = new RecordBatchOptions { Compression = codec };
        var batches = values.Select((value, i) => At(i, TestBatch.Make(options, [(TestBatch.TimestampMs, value)])));
        using var answer = new PollAnswerReader();

        answer.Read(Answer([.. batches.SelectMany(batch => batch)], TestBatch.Of("c")), Boundary);

        Assert.Equal([.. values, "c"], Values(answer));
        var wasted = values.Sum(value => value.Length) * (ConsumerLimits.SmallBatchBytesMax / (double)ConsumerLimits.ValueChunkBytes);
        Assert.InRange(answer.HeldBytes, 1, values.Sum(value => value.Length) + wasted + ConsumerLimits.ValueChunkBytes);

        answer.Read(Answer(TestBatch.Of("a"), TestBatch.Of("c")), Boundary);
        Assert.Equal(0, answer.HeldBytes);
    }

    /// <summary>The values of a larger batch stay where they were decompressed.</summary>
    [Fact]
    public void Read_OfSmallAndLargeCompressedBatches_GivesTheValuesOfAll()
    {
        string[] values = [.. Enumerable.Range(0, 40).Select(i => $"{i} {new string('v', i % 3 == 0 ? 20_000 : 100)}")];
        using var answer = new PollAnswerReader();

        answer.Read(Answer([.. values.SelectMany((value, i) => At(i, Zipped(value)))], Zipped("c")), Boundary);

        Assert.Equal([.. values, "c"], Values(answer));
    }

    [Fact]
    public void Read_OfBatchesWhoseOffsetsGoBack_IsRefused()
    {
        using var answer = new PollAnswerReader();
        byte[] overlapping = [.. At(7, TestBatch.Of("a", "b")), .. At(8, TestBatch.Of("c"))];
        var twice = Assert.Throws<StreamServiceException>(() => answer.Read(Answer(overlapping, TestBatch.Of("d")), Boundary));
        Assert.Equal("CORRUPT_MESSAGE", twice.ErrorCode);
        Assert.Contains("offset 8", twice.Message, StringComparison.Ordinal);
        Assert.Contains("the batch before it ends at offset 8", twice.Message, StringComparison.Ordinal);
        Assert.Empty(answer.Records);

        // The same part once more.
        var part = Encoding.ASCII.GetString(Part("application/vnd.kafka.recordbatch.v2\r\nTopic: t\r\nPartition: 0"));
        byte[] doubled = [.. TestBatch.Of("a"), .. Encoding.ASCII.GetBytes($"\r\n{part}"), .. TestBatch.Of("a")];
        Assert.Throws<StreamServiceException>(() => answer.Read(Answer(doubled, TestBatch.Of("d")), Boundary));

        // Each answer begins anew.
        answer.Read(Answer(At(3, TestBatch.Of("a")), TestBatch.Of("d")), Boundary);
        answer.Read(Answer(At(3, TestBatch.Of("a")), TestBatch.Of("d")), Boundary);
        Assert.Equal(["a", "d"], Values(answer));
    }

    [Theory]
    [InlineData("Partition: 0")]
    [InlineData("Topic: t")]
    [InlineData("Topic:\r\nPartition: 0")]
    public void Read_OfAPartThatDoesNotSayWhoseItsRecordsAre_IsRefused(string headers)
    {
        var part = Part($"application/vnd.kafka.recordbatch.v2\r\n{headers}");
        byte[] bytes = [.. part, .. TestBatch.Of("a"), .. "\r\n"u8, .. Answer(TestBatch.Of("b"), TestBatch.Of("c"))];
        using var answer = new PollAnswerReader();

        var exception = Assert.Throws<JsonException>(() => answer.Read(bytes, Boundary));

        Assert.EndsWith("does not name their topic and partition.", exception.Message, StringComparison.Ordinal);
    }

    private static byte[] At(long offset, byte[] batch)
    {
        RecordBatchHeader.StampBaseOffset(batch, offset);
        return batch;
    }

    private static byte[] Zipped(params string[] values) =>
        TestBatch.Make(new RecordBatchOptions { Compression = CompressionType.Zstd }, values.Select(value => (TestBatch.TimestampMs, value)));

    private static string[] Values(PollAnswerReader answer) =>
        [.. answer.Records.Select(record => Encoding.UTF8.GetString(record.Value!.Value.Span))];

    private static byte[] Answer(byte[] first, byte[] second) =>
    [
        .. Part("application/vnd.kafka.recordbatch.v2\r\nTopic: t\r\nPartition: 0"), .. first,
        .. "\r\n"u8, .. Part("application/vnd.kafka.recordbatch.v2\r\nTopic: t\r\nPartition: 1"), .. second,
        .. "\r\n"u8, .. Part("application/json"), .. """{"records":[],"member_epoch":1,"assignment":[],"cursor":"c"}"""u8,
        .. Encoding.ASCII.GetBytes($"\r\n--{Boundary}--\r\n"),
    ];

    private static byte[] Part(string headers) => Encoding.ASCII.GetBytes($"--{Boundary}\r\nContent-Type: {headers}\r\n\r\n");

    private static byte[] Damage(byte[] body, ReadOnlySpan<byte> at)
    {
        var position = body.AsSpan().IndexOf(at);
        if (position >= 0)
            body[position] ^= 1;
        return body;
    }

    private static string[] Expected() => [.. Enumerable.Range(0, RecordCount).Select(i => $"{i} key {i % 7} value {i} source")];

    private OrleansStreamClient Connect(Line line) =>
        new(new OrleansStreamClientOptions { Endpoints = [api.Client.BaseAddress!], HttpHandler = line });

    private async Task<string> FillAsync(OrleansStreamClient client, Compression codec)
    {
        var topic = await api.CreateTopicAsync();
        await using var producer = client.CreateProducer(topic, options => (options.Compression, options.BatchSize) = (codec, 16 * 1024));
        await producer.SendAsync([.. Enumerable.Range(0, RecordCount).Select(
            i => new OutgoingRecord<string>($"key {i % 7}", $"value {i}") { Headers = [new("h", "source")] })]);
        return topic;
    }

    private static async Task<string[]> ConsumeAsync(OrleansStreamClient client, string topic)
    {
        using var stop = new CancellationTokenSource(Patience);
        var taken = new List<string>();
        await client.Consume<string>($"of-{topic}", topic, options => options.MaxRecords = ConsumerLimits.RecordsMax).RunAsync(
            async (record, _) =>
            {
                taken.Add($"{record.Offset} {record.Key} {record.Value} {record.Headers.Single().Text}");
                if (record.Offset == RecordCount - 1)
                    await stop.CancelAsync();
            },
            stop.Token);
        return [.. taken];
    }

    /// <summary>The way to the service: it changes requests and answers of polls, and remembers them.</summary>
    private sealed class Line() : DelegatingHandler(new SocketsHttpHandler())
    {
        public Action<HttpRequestMessage>? Before { get; init; }

        public Func<byte[], byte[]>? After { get; set; }

        public List<string> Types { get; } = [];

        public List<int> Asked { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Content is null || !request.RequestUri!.AbsolutePath.EndsWith("/poll", StringComparison.Ordinal))
                return await base.SendAsync(request, cancellationToken);
            using var asked = JsonDocument.Parse(await request.Content.ReadAsByteArrayAsync(cancellationToken));
            var recordsMax = asked.RootElement.GetProperty("max_records").GetInt32();
            Before?.Invoke(request);
            var response = await base.SendAsync(request, cancellationToken);
            if (recordsMax == 0 || !response.IsSuccessStatusCode)
                return response;
            Asked.Add(recordsMax);
            Types.Add(response.Content.Headers.ContentType!.MediaType!);
            if (After is not null)
            {
                var type = response.Content.Headers.ContentType;
                response.Content = new ByteArrayContent(After(await response.Content.ReadAsByteArrayAsync(cancellationToken)));
                response.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type.ToString());
            }

            return response;
        }
    }
}
