using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using OrleansStream.Records;
using OrleansStream.Tests.Api.Bodies;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>What a client does to repeat its requests safely, over HTTP.</summary>
[Collection(ApiTests.Name)]
public sealed class IdempotenceTests(ApiFixture api)
{
    private const string Ndjson = "application/x-ndjson";

    [Fact]
    public async Task Producer_WhenItRepeatsSkipsOrIsReplaced_FollowsKafkasRules()
    {
        var path = await PartitionAsync();
        var producer = await api.PostAsync("/v1/producers", "", status: 201);
        var id = (long)producer["producer_id"]!;
        Assert.Equal(0, (int)producer["producer_epoch"]!);

        var first = await SendAsync(path, Values("a", "b"), 200, id, epoch: 0, sequence: 0);
        var repeated = await SendAsync(path, Values("a", "b"), 200, id, epoch: 0, sequence: 0);
        Assert.Equal(OffsetsOf(first), OffsetsOf(repeated));
        Assert.Equal("OUT_OF_ORDER_SEQUENCE_NUMBER", await FailAsync(path, 409, id, epoch: 0, sequence: 3));
        await SendAsync(path, Values("c"), 200, id, epoch: 0, sequence: 2);

        var raised = await api.PostAsync("/v1/producers", $$"""{"producer_id":{{id}},"producer_epoch":0}""", status: 201);
        Assert.Equal((id, 1), ((long)raised["producer_id"]!, (int)raised["producer_epoch"]!));
        var fenced = await api.PostAsync("/v1/producers", $$"""{"producer_id":{{id}},"producer_epoch":0}""", status: 409);
        Assert.Equal("INVALID_PRODUCER_EPOCH", (string?)fenced["error_code"]);
        Assert.Equal("OUT_OF_ORDER_SEQUENCE_NUMBER", await FailAsync(path, 409, id, epoch: 1, sequence: 3));
        await SendAsync(path, Values("d"), 200, id, epoch: 1, sequence: 0);
        Assert.Equal("INVALID_PRODUCER_EPOCH", await FailAsync(path, 409, id, epoch: 0, sequence: 3));
        Assert.Equal(["a", "b", "c", "d"], await ValuesAsync(path));
    }

    [Fact]
    public async Task Raise_WhenItIsRepeatedByItsKey_GivesTheSameEpochAndFencesWhoeverHasNoKey()
    {
        var id = (long)(await api.PostAsync("/v1/producers", "", status: 201))["producer_id"]!;
        Assert.Equal(1, (int)(await RaiseAsync(id, epoch: 0, "k1", 201))["producer_epoch"]!);
        Assert.Equal(1, (int)(await RaiseAsync(id, epoch: 0, "k1", 201))["producer_epoch"]!);

        // Another process that had the same epoch is told so, by another key or by none.
        Assert.Equal("INVALID_PRODUCER_EPOCH", (string?)(await RaiseAsync(id, epoch: 0, "k2", 409))["error_code"]);
        Assert.Equal("INVALID_PRODUCER_EPOCH", (string?)(await RaiseAsync(id, epoch: 0, null, 409))["error_code"]);
        Assert.Equal("IDEMPOTENCY_KEY_REUSED", (string?)(await RaiseAsync(id, epoch: 1, "k1", 422))["error_code"]);

        // Once somebody has raised it again, the first one is fenced whatever its key.
        Assert.Equal(2, (int)(await RaiseAsync(id, epoch: 1, "k3", 201))["producer_epoch"]!);
        Assert.Equal("INVALID_PRODUCER_EPOCH", (string?)(await RaiseAsync(id, epoch: 0, "k1", 409))["error_code"]);
        Assert.Equal(2, (int)(await RaiseAsync(id, epoch: 1, "k3", 201))["producer_epoch"]!);
        await RaiseAsync(id, epoch: 2, "not a key", 400);
        await RaiseAsync(id: null, epoch: 0, "k4", 400);
    }

    [Fact]
    public async Task Condition_WhenItFails_TellsTheNextOffset()
    {
        var id = await TakeIdAsync();
        var path = await PartitionAsync();
        await SendAsync(path, Values("a", "b"), 200, id, epoch: 0, sequence: 0, ifMatch: 0);
        var failed = await SendAsync(path, Values("c"), 412, id, epoch: 0, sequence: 2, ifMatch: 7);
        Assert.Equal((2, 2), ((int)failed["next_offset"]!, (int)failed["results"]![0]!["error"]!["next_offset"]!));
        await SendAsync(path, Values("c"), 200, id, epoch: 0, sequence: 2, ifMatch: (long)failed["next_offset"]!);
    }

    [Fact]
    public async Task Producer_WhenARequestOfManyBatchesIsRepeated_IsAnsweredWithItsOffsets()
    {
        var id = await TakeIdAsync();
        var path = await PartitionAsync();
        byte[] Numbered(int from) => [.. Enumerable.Range(from, 20).SelectMany(i =>
        {
            var batch = Encoded($"{i}");
            RecordBatchHeader.StampProducer(batch, id, epoch: 0, baseSequence: i);
            RecordBatchHeader.StampCrc(batch);
            return batch;
        })];
        var first = await PostAsync(Numbered(0));
        await SendAsync(path, Values("beside"), 200, await TakeIdAsync(), epoch: 0, sequence: 0);
        var second = await PostAsync(Numbered(20));
        Assert.Equal(first.ToJsonString(), (await PostAsync(Numbered(0))).ToJsonString());
        Assert.Equal(second.ToJsonString(), (await PostAsync(Numbered(20))).ToJsonString());
        Assert.Equal(41, (await ValuesAsync(path)).Length);

        async Task<JsonNode> PostAsync(byte[] batches)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = ApiFixture.Body(batches, BodyKinds.Batch) };
            using var response = await api.SendAsync(request);
            var text = await ApiFixture.TextAsync(response);
            Assert.True(response.IsSuccessStatusCode, text);
            return JsonNode.Parse(text)!;
        }
    }

    [Fact]
    public async Task Producer_WithAnyBodyAndAcks_NumbersTheRequestsRecords()
    {
        var id = await TakeIdAsync();
        var path = await PartitionAsync();
        await SendAsync(path, ApiFixture.Body("{\"value\":1}\n{\"value\":2}\n"u8.ToArray(), Ndjson), 200, id, epoch: 0, sequence: 0);
        await SendAsync(path, ApiFixture.Body("{\"value\":1}\n{\"value\":2}\n"u8.ToArray(), Ndjson), 200, id, epoch: 0, sequence: 0);
        await SendAsync(path, ApiFixture.Body("3"u8.ToArray(), "text/plain"), 200, id, epoch: 0, sequence: 2);
        await SendAsync(path, ApiFixture.Body(Encoded("4", "5"), BodyKinds.Batch), 200, id, epoch: 0, sequence: 3);
        await SendAsync(path, ApiFixture.Body(Encoded("4", "5"), BodyKinds.Batch), 200, id, epoch: 0, sequence: 3);
        await SendAsync(path, ApiFixture.Json("""{"records":[{"value":6}],"acks":0}"""), 202, id, epoch: 0, sequence: 5);
        await SendAsync(path, ApiFixture.Json("""{"records":[{"value":6}],"acks":1}"""), 200, id, epoch: 0, sequence: 5);
        // A line that is refused refuses all: the numbers count the records.
        await SendAsync(path, ApiFixture.Body("{\"value\":7}\n{\"valu\":8}\n"u8.ToArray(), Ndjson), 400, id, epoch: 0, sequence: 6);
        var named = Encoded("x");
        RecordBatchHeader.StampProducer(named, id, epoch: 0, baseSequence: 0);
        await SendAsync(path, ApiFixture.Body(named, BodyKinds.Batch), 400, id, epoch: 0, sequence: 6);
        Assert.Equal(["1", "2", "3", "4", "5", "6"], await ValuesAsync(path));
    }

    [Fact]
    public async Task Producer_WhenACondition_IsMetOnceAndNotAskedAgain()
    {
        var id = await TakeIdAsync();
        var path = await PartitionAsync();
        await SendAsync(path, Values("a"), 200, id, epoch: 0, sequence: 0, ifMatch: 0);
        await SendAsync(path, Values("a"), 200, id, epoch: 0, sequence: 0, ifMatch: 0);
        await SendAsync(path, Values("b"), 412, id, epoch: 0, sequence: 1, ifMatch: 0);
        await SendAsync(path, Values("b"), 200, id, epoch: 0, sequence: 1, ifMatch: 1);
        Assert.Equal(["a", "b"], await ValuesAsync(path));
    }

    [Theory]
    [InlineData("""{"records":[{"key":"a","value":1},{"key":"b","value":2},{"value":3},{"key":"c","value":4}]}""", "application/json", 200)]
    [InlineData("{\"key\":\"a\",\"value\":1}\n{\"key\":\"b\",\"value\":2}\n", Ndjson, 200)]
    [InlineData("goal", "text/plain", 200)]
    [InlineData("""{"records":[{"key":"a","value":1},{"key":"b","value":"0123456789"}]}""", "application/json", 207)]
    public async Task Key_WhenRepeated_GivesTheSameAnswerAndStoresNothing(string body, string type, int status)
    {
        var topic = await api.CreateTopicAsync(6, """{"max.message.bytes":9}""");
        var key = Guid.NewGuid().ToString();
        var first = await KeyedAsync($"/v1/topics/{topic}/records", body, type, key, status);
        await KeyedAsync($"/v1/topics/{topic}/records", body, type, Guid.NewGuid().ToString(), status);
        var stored = await CountAsync(topic);

        Assert.Equal(first, await KeyedAsync($"/v1/topics/{topic}/records", body, type, key, status));
        await KeyedAsync($"/v1/topics/{topic}/records", body.Replace('a', 'z').Replace('1', '2'), type, key, 422);
        await KeyedAsync($"/v1/topics/{topic}/partitions/0/records", body, type, key, 422);
        Assert.Equal(stored, await CountAsync(topic));
    }

    [Fact]
    public async Task Key_WhenTheRequestWasRefused_IsFreeAgain()
    {
        var topic = await api.CreateTopicAsync();
        var path = $"/v1/topics/{topic}/records";
        await KeyedAsync(path, "{", "application/json", "free", 400);
        await KeyedAsync(path, """{"records":[{"value":1}],"acks":1}""", "application/json", "free", 400);
        await KeyedAsync(path, """{"records":[{"value":1,"partition":7}]}""", "application/json", "free", 404);
        await KeyedAsync(path, """{"records":[{"value":1}]}""", "application/json", "free", 200);
        await KeyedAsync("/v1/topics/none-such/records", """{"records":[{"value":1}]}""", "application/json", "free", 404);
        Assert.Equal(1, await CountAsync(topic));
    }

    [Fact]
    public async Task Key_WhenManySendItAtOnce_IsStoredOnce()
    {
        var topic = await api.CreateTopicAsync(3);
        const string Body = """{"records":[{"key":"a","value":1},{"key":"b","value":2},{"key":"c","value":3}]}""";
        var answers = new HashSet<string>();
        await Parallel.ForAsync(0, 20, async (_, cancellationToken) =>
        {
            while (true)
            {
                using var response = await KeyedAsync($"/v1/topics/{topic}/records", Body, "application/json", "once");
                var text = await response.Content.ReadAsStringAsync(cancellationToken);
                if ((int)response.StatusCode == 409)
                {
                    Assert.Equal("IDEMPOTENCY_KEY_IN_USE", (string?)JsonNode.Parse(text)!["error_code"]);
                    Assert.NotNull(response.Headers.RetryAfter);
                    continue;
                }

                Assert.Equal(200, (int)response.StatusCode);
                lock (answers)
                    answers.Add(text);
                return;
            }
        });
        Assert.Single(answers);
        Assert.Equal(3, await CountAsync(topic));
    }

    private async Task<JsonNode> RaiseAsync(long? id, int epoch, string? key, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/producers")
        {
            Content = ApiFixture.Json(id is null ? "" : $$"""{"producer_id":{{id}},"producer_epoch":{{epoch}}}"""),
        };
        if (key is not null)
            request.Headers.Add("Idempotency-Key", key);
        using var response = await api.SendAsync(request);
        var text = await ApiFixture.TextAsync(response);
        Assert.True(status == (int)response.StatusCode, $"{(int)response.StatusCode}: {text}");
        return JsonNode.Parse(text)!;
    }

    private async Task<long> TakeIdAsync() => (long)(await api.PostAsync("/v1/producers", "", status: 201))["producer_id"]!;

    private async Task<string> PartitionAsync() => $"/v1/topics/{await api.CreateTopicAsync()}/partitions/0/records";

    private static ByteArrayContent Values(params string[] values) =>
        ApiFixture.Json($$"""{"records":[{{string.Join(',', values.Select(value => $$"""{"value":"{{value}}"}"""))}}],"value_type":"string"}""");

    private static byte[] Encoded(params string[] values)
    {
        using var writer = new RecordBatchWriter();
        foreach (var value in values)
            writer.Append(1_000_000, default, hasKey: false, System.Text.Encoding.UTF8.GetBytes(value), hasValue: true);
        writer.Finish();
        return writer.ToArray();
    }

    private async Task<JsonNode> SendAsync(
        string path, ByteArrayContent body, int status, long id, int epoch, int sequence, long? ifMatch = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = body };
        request.Headers.Add("Producer-Id", $"{id}");
        request.Headers.Add("Producer-Epoch", $"{epoch}");
        request.Headers.Add("Producer-Sequence", $"{sequence}");
        if (ifMatch is { } offset)
            request.Headers.IfMatch.Add(new EntityTagHeaderValue($"\"{offset}\""));
        using var response = await api.SendAsync(request);
        var text = await ApiFixture.TextAsync(response);
        Assert.True(status == (int)response.StatusCode, $"{(int)response.StatusCode}: {text}");
        return text.Length == 0 ? new JsonObject() : JsonNode.Parse(text.Split('\n')[0])!;
    }

    private async Task<string> FailAsync(string path, int status, long id, int epoch, int sequence) =>
        (string)(await SendAsync(path, Values("x"), status, id, epoch, sequence))["error_code"]!;

    private async Task<string> KeyedAsync(string path, string body, string type, string key, int status)
    {
        using var response = await KeyedAsync(path, body, type, key);
        var text = await ApiFixture.TextAsync(response);
        Assert.True(status == (int)response.StatusCode, $"{(int)response.StatusCode}: {text}");
        return text;
    }

    private async Task<HttpResponseMessage> KeyedAsync(string path, string body, string type, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = ApiFixture.Body(System.Text.Encoding.UTF8.GetBytes(body), type),
        };
        request.Headers.Add("Idempotency-Key", key);
        return await api.SendAsync(request);
    }

    private static long[] OffsetsOf(JsonNode answer) => [.. answer["results"]!.AsArray().Select(result => (long)result!["offset"]!)];

    private async Task<string[]> ValuesAsync(string path) =>
        [.. (await api.GetAsync(path + "?value_as=string"))["records"]!.AsArray().Select(record => (string)record!["value"]!)];

    private async Task<long> CountAsync(string topic) =>
        (await api.GetAsync($"/v1/topics/{topic}/partitions"))["partitions"]!.AsArray().Sum(partition => (long)partition!["high_watermark"]!);
}
