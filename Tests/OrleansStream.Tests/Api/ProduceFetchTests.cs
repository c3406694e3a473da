using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Records;
using OrleansStream.Tests.Api.Bodies;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

[Collection(ApiTests.Name)]
public class ProduceFetchTests(ApiFixture api)
{

    [Fact]
    public async Task Post_WhenKeyed_ReadsBackInOrderAtTheOffsetsTold()
    {
        var topic = await api.CreateTopicAsync(6);
        var produced = await api.PostAsync($"/v1/topics/{topic}/records", """
            {"records":[{"key":"a","value":{"n":1}},{"key":"b","value":[1, 2]},{"key":"a","value":null}]}
            """);
        var results = produced["results"]!.AsArray();
        Assert.Equal((int)results[0]!["partition"]!, (int)results[2]!["partition"]!);
        Assert.Equal((long)results[0]!["offset"]! + 1, (long)results[2]!["offset"]!);
        var fetched = await api.GetAsync($"/v1/topics/{topic}/partitions/{results[0]!["partition"]}/records?offset={results[2]!["offset"]}");
        var tombstone = Assert.Single(fetched["records"]!.AsArray())!;
        Assert.Null(tombstone["value"]);
        Assert.Null(tombstone["value_type"]);
        Assert.Equal("a", (string?)tombstone["key"]);
        Assert.Equal((long)results[2]!["offset"]! + 1, (long)fetched["next_offset"]!);
    }

    [Fact]
    public async Task Post_WhenTypesComeBehindTheRecords_TheyHold()
    {
        var topic = await api.CreateTopicAsync();
        await api.PostAsync($"/v1/topics/{topic}/records", """
            {"records":[{"key":"AQID","value":"/w\/+"},{"key":"AA==","value_type":"json","value":{"a":"\ud83d\ude00"}}],"value_type":"binary","key_type":"binary"}
            """);
        var records = (await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?key_as=binary"))["records"]!.AsArray();
        Assert.Equal("AQID", (string?)records[0]!["key"]);
        Assert.Equal("/w/+", (string?)records[0]!["value"]);
        Assert.Equal("binary", (string?)records[0]!["value_type"]);
        Assert.Equal("😀", (string?)records[1]!["value"]!["a"]);
    }

    [Fact]
    public async Task Post_WhenJsonValue_ItsTextIsStoredAsSent()
    {
        var topic = await api.CreateTopicAsync();
        const string value = "{ \"b\" : 1.0e2,\n\"a\":[ ] , \"a\":12345678901234567890123 }";
        await api.PostAsync($"/v1/topics/{topic}/records", $$"""{"records":[{"value":{{value}}}]}""");
        var answer = await api.Client.GetStringAsync($"/v1/topics/{topic}/partitions/0/records", TestContext.Current.CancellationToken);
        Assert.Contains($"\"value\":{value},", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_WhenStringsAreEscaped_TheirTextIsStored()
    {
        var topic = await api.CreateTopicAsync();
        await api.PostAsync($"/v1/topics/{topic}/records", """
            {"value_type":"string","records":[{"key":"k\u00e9\n","value":"\"quoted\" \ud83d\ude00","headers":[{"key":"h\t","value":"v\\"},{"key":"n","value":null},{"key":"b","value":"/w==","value_type":"binary"}]}]}
            """);
        var record = (await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?value_as=string"))["records"]![0]!;
        Assert.Equal("ké\n", (string?)record["key"]);
        Assert.Equal("\"quoted\" 😀", (string?)record["value"]);
        Assert.Equal("string", (string?)record["value_type"]);
        Assert.Equal("""[{"key":"h\t","value":"v\\"},{"key":"n","value":null},{"key":"b","value":"/w==","value_type":"binary"}]""",
            record["headers"]!.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
    }

    [Fact]
    public async Task Get_WhenBytesAreNotWhatIsAsked_TheyAppearAsWhatTheyAre()
    {
        var topic = await api.CreateTopicAsync();
        var path = $"/v1/topics/{topic}/partitions/0/records";
        await api.PostAsync(path, ApiFixture.Body([0xFF, 0x00], "application/octet-stream"));
        await api.PostAsync(path, ApiFixture.Body("[INFO] x"u8.ToArray(), "text/plain"));
        await api.PostAsync(path, ApiFixture.Body("{\"a\":1}"u8.ToArray(), "text/plain; charset=utf-8"));
        await api.PostAsync(path, ApiFixture.Body([], "application/octet-stream"));
        async Task<string> TypesAsync(string query) => string.Join(
            ',', (await api.GetAsync(path + query))["records"]!.AsArray().Select(r => (string?)r!["value_type"]));
        Assert.Equal("binary,string,json,string", await TypesAsync(""));
        Assert.Equal("binary,string,json,string", await TypesAsync("?value_as=json"));
        Assert.Equal("binary,string,string,string", await TypesAsync("?value_as=string"));
        Assert.Equal("binary,binary,binary,binary", await TypesAsync("?value_as=binary"));
    }

    [Fact]
    public async Task Post_WhenOneValueBody_HeadersMakeTheRecord()
    {
        var topic = await api.CreateTopicAsync();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/topics/{topic}/records")
        {
            Content = ApiFixture.Body("hello"u8.ToArray(), "text/plain"),
        };
        request.Headers.Add("Record-Key", "AQI=");
        request.Headers.Add("Record-Key-Type", "binary");
        request.Headers.Add("Record-Header-Source", "stadium");
        request.Headers.Add("Record-Timestamp", "2026-06-11T19:20:00+02:00");
        Assert.Equal(HttpStatusCode.OK, (await api.SendAsync(request)).StatusCode);
        var record = (await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?key_as=binary"))["records"]![0]!;
        Assert.Equal("AQI=", (string?)record["key"]);
        Assert.Equal("hello", (string?)record["value"]);
        Assert.Equal("2026-06-11T17:20:00.000Z", (string?)record["timestamp"]);
        Assert.Equal("source", (string?)record["headers"]![0]!["key"]);
    }

    [Theory]
    [InlineData("gzip"), InlineData("br"), InlineData("zstd")]
    public async Task Post_WhenBodyIsEncoded_ItIsTaken(string encoding)
    {
        var topic = await api.CreateTopicAsync();
        var body = Encode(Encoding.UTF8.GetBytes("""{"records":[{"value":"encoded"}]}"""), encoding);
        var response = await api.PostAsync(
            $"/v1/topics/{topic}/records", ApiFixture.Body(body, "application/json", encoding));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [InlineData("gzip"), InlineData("br"), InlineData("zstd")]
    public async Task Post_WhenEncodedBodyIsABomb_IsRefusedAtTheBound(string encoding)
    {
        var topic = await api.CreateTopicAsync();
        var body = Encode(new byte[64 * 1024 * 1024], encoding);
        var response = await api.PostAsync(
            $"/v1/topics/{topic}/records", ApiFixture.Body(body, "application/json", encoding));
        Assert.Equal(413, (int)response.StatusCode);
    }

    [Fact]
    public async Task Post_WhenLines_EachGetsItsResultAndABadOneFailsAlone()
    {
        var topic = await api.CreateTopicAsync(3);
        var lines = string.Join('\n', Enumerable.Range(0, 5000).Select(i => i == 1234 ? "{\"valu\":1}" : $"{{\"key\":\"k{i % 7}\",\"value\":{i}}}"));
        var response = await api.PostAsync(
            $"/v1/topics/{topic}/records", ApiFixture.Body(Encoding.UTF8.GetBytes(lines), "application/x-ndjson"));
        Assert.Equal(207, (int)response.StatusCode);
        var results = (await ApiFixture.TextAsync(response)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(5000, results.Length);
        Assert.Equal("lines[1234].valu", (string?)JsonNode.Parse(results[1234])!["error"]!["field"]);
        var partitions = (await api.GetAsync($"/v1/topics/{topic}/partitions"))["partitions"]!.AsArray();
        Assert.Equal(4999, partitions.Sum(p => (long)p!["high_watermark"]!));
    }

    [Fact]
    public async Task Post_WhenEncodedBatches_TheyComeBackAsTheyAre()
    {
        var topic = await api.CreateTopicAsync();
        var path = $"/v1/topics/{topic}/partitions/0/records";
        using var writer = new RecordBatchWriter();
        for (var i = 0; i < 3; i++)
            writer.Append(1_000_000 + i, "key"u8, hasKey: true, [(byte)i], hasValue: true);
        writer.Finish();
        var produced = await api.PostAsync(path, ApiFixture.Body(writer.ToArray(), BodyKinds.Batch));
        Assert.Equal("""{"results":[{"partition":0,"offset":0,"count":3}]}""", await ApiFixture.TextAsync(produced));

        using var request = new HttpRequestMessage(HttpMethod.Get, path + "?offset=1");
        request.Headers.Accept.ParseAdd(BodyKinds.Batch);
        var fetched = await api.SendAsync(request);
        Assert.Equal(BodyKinds.Batch, fetched.Content.Headers.ContentType!.MediaType);
        Assert.Equal("3", fetched.Headers.GetValues("Next-Offset").Single());
        Assert.Equal("1", fetched.Headers.GetValues("Fetch-Offset").Single());
        var stored = await fetched.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        // Stored under an identity of the service's own, which a fetch shows.
        Assert.True(RecordBatchHeader.TryRead(stored, out var header) && header is { HasProducer: true, BaseSequence: 0 });
        RecordBatchHeader.StampProducer(stored, id: -1, epoch: -1, baseSequence: -1);
        Assert.Equal(writer.ToArray().AsSpan(21).ToArray(), stored.AsSpan(21).ToArray());
    }

    [Fact]
    public async Task Get_WhenLimited_NextOffsetIsExact()
    {
        var topic = await api.CreateTopicAsync();
        await api.PostAsync($"/v1/topics/{topic}/records", """{"records":[{"value":0},{"value":1},{"value":2},{"value":3},{"value":4}]}""");
        var seen = new List<int>();
        long offset = 0;
        while (seen.Count < 5)
        {
            var page = await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?offset={offset}&limit=2");
            seen.AddRange(page["records"]!.AsArray().Select(r => (int)r!["value"]!));
            offset = (long)page["next_offset"]!;
            Assert.Equal(seen.Count, offset);
        }

        Assert.Equal([0, 1, 2, 3, 4], seen);
    }

    [Fact]
    public async Task Get_WhenWaiting_WakesWithTheAppend()
    {
        var topic = await api.CreateTopicAsync();
        var poll = api.GetAsync($"/v1/topics/{topic}/partitions/0/records?from=latest&wait_ms=20000");
        // A poll that comes behind a record waits for the next one, and one of them must wake it long before its time is out.
        var started = TimeProvider.System.GetTimestamp();
        while (!poll.IsCompleted && TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(15))
            await api.PostAsync($"/v1/topics/{topic}/records", """{"records":[{"value":"wake"}]}""");
        Assert.True(poll.IsCompleted, "Records came, and the poll waits on.");
        var answer = await poll;
        Assert.True((long)answer["high_watermark"]! >= (long)answer["next_offset"]!);
    }

    [Fact]
    public async Task Get_WhenOutOfRange_TellsTheBounds()
    {
        var topic = await api.CreateTopicAsync();
        var problem = await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?offset=7", 416);
        Assert.Equal("OFFSET_OUT_OF_RANGE", (string?)problem["error_code"]);
        Assert.Equal(0, (long)problem["log_start_offset"]!);
        Assert.Equal(0, (long)problem["high_watermark"]!);
    }

    [Fact]
    public async Task Post_WhenConditionHolds_AppendsAndElseRefuses()
    {
        var topic = await api.CreateTopicAsync();
        async Task<int> PostAsync(string condition)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/topics/{topic}/partitions/0/records")
            {
                Content = ApiFixture.Json("""{"records":[{"value":1}]}"""),
            };
            request.Headers.TryAddWithoutValidation("If-Match", condition);
            return (int)(await api.SendAsync(request)).StatusCode;
        }

        Assert.Equal(200, await PostAsync("\"0\""));
        Assert.Equal(412, await PostAsync("\"0\""));
        Assert.Equal(200, await PostAsync("\"1\""));
    }

    [Theory]
    [InlineData("0", 202), InlineData("1", 200), InlineData("\"all\"", 200)]
    public async Task Post_WhenAcks_AnswersAsTheySay(string acks, int status)
    {
        var topic = await api.CreateTopicAsync();
        var response = await api.PostAsync(
            $"/v1/topics/{topic}/records", ApiFixture.Json($$"""{"records":[{"value":1}],"acks":{{acks}}}"""));
        Assert.Equal(status, (int)response.StatusCode);
    }

    [Fact]
    public async Task Post_WhenOneOfTwoFails_Is207WithBothEntries()
    {
        var topic = await api.CreateTopicAsync(2, """{"max.message.bytes":100}""");
        var answer = await api.PostAsync($"/v1/topics/{topic}/records",
            $$"""{"records":[{"partition":0,"value":"ok"},{"partition":1,"value":"{{new string('x', 200)}}"}]}""", 207);
        Assert.Equal(0, (long)answer["results"]![0]!["offset"]!);
        Assert.Equal("MESSAGE_TOO_LARGE", (string?)answer["results"]![1]!["error"]!["error_code"]);
    }

    [Fact]
    public async Task Post_WhenAllFail_IsTheErrorWithAllEntries()
    {
        var topic = await api.CreateTopicAsync(1, """{"max.message.bytes":100}""");
        var problem = await api.PostAsync(
            $"/v1/topics/{topic}/records", $$"""{"records":[{"value":"{{new string('x', 200)}}"}]}""", 413);
        Assert.Equal("MESSAGE_TOO_LARGE", (string?)problem["error_code"]);
        Assert.Contains("blob", (string?)problem["detail"], StringComparison.Ordinal);
        Assert.Single(problem["results"]!.AsArray());
    }

    [Fact]
    public async Task Post_WhenRecordIsAsLargeAsAllowed_RoundTripsAndOneByteMoreIsRefused()
    {
        var topic = await api.CreateTopicAsync();
        const int max = 1_048_588;
        var value = new byte[max + 1];
        new Random(1).NextBytes(value);
        async Task<int> PostAsync(int length) => (int)(await api.PostAsync(
            $"/v1/topics/{topic}/partitions/0/records", ApiFixture.Body(value[..length], "application/octet-stream"))).StatusCode;
        Assert.Equal(200, await PostAsync(1));
        Assert.Equal(200, await PostAsync(max));
        Assert.Equal(413, await PostAsync(max + 1));
        var record = (await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?offset=1&value_as=binary"))["records"]![0]!;
        Assert.Equal(value[..max], Convert.FromBase64String((string)record["value"]!));
    }

    private static byte[] Encode(byte[] body, string encoding)
    {
        using var output = new MemoryStream();
        using (Stream encoder = encoding switch
        {
            "gzip" => new GZipStream(output, CompressionLevel.Fastest, leaveOpen: true),
            "br" => new BrotliStream(output, CompressionLevel.Fastest, leaveOpen: true),
            _ => new ZstdSharp.CompressionStream(output, leaveOpen: true),
        })
        {
            encoder.Write(body);
        }

        return output.ToArray();
    }
}
