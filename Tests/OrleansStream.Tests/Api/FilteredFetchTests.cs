using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Records;
using OrleansStream.Tests.Api.Bodies;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>Fetches that choose records by key, value, header or JSON: what they give, how far they look, and what they say of it.</summary>
[Collection(ApiTests.Name)]
public sealed class FilteredFetchTests(ApiFixture api)
{
    private const string Goal = """
        {"key":"argentina-brazil","value":{"event":"goal","minute":80,"lines":[{"team":"peru"}],"id":9007199254740993},"headers":[{"key":"source","value":"stadium"}]}
        """;

    [Theory]
    [InlineData("json=$.minute >= 80", true)]
    [InlineData("json=$.minute > 80", false)]
    [InlineData("json=minute < 100", true)]
    [InlineData("json=$.minute = 8e1", true)]
    [InlineData("json=$.event = goal", true)]
    [InlineData("json=$.event = \"goal\"", true)]
    [InlineData("json=$.event != goal", false)]
    [InlineData("json=$.lines[0].team", true)]
    [InlineData("json=$.lines[1].team", false)]
    [InlineData("json=$.lines[0].team = peru", true)]
    [InlineData("json=$.lines = [{\"team\":\"peru\"}]", true)]
    [InlineData("json=$.id = 9007199254740993", true)]
    [InlineData("json=$.id = 9007199254740992", false)]
    [InlineData("json=$.none", false)]
    [InlineData("key_contains=BRAZIL", true)]
    [InlineData("key_contains=peru", false)]
    [InlineData("value_contains=\"GOAL\"", true)]
    [InlineData("value_contains=corner", false)]
    [InlineData("header=source", true)]
    [InlineData("header=Source=STADIUM", true)]
    [InlineData("header=source=tv", false)]
    [InlineData("key_contains=brazil&value_contains=goal&header=source&json=$.minute", true)]
    [InlineData("key_contains=brazil&value_contains=goal&header=tv&json=$.minute", false)]
    public async Task Fetch_WithAFilter_GivesTheRecordIfAllOfItHolds(string filter, bool takes)
    {
        var topic = await TopicOfAsync($$"""{"records":[{{Goal}}]}""");

        var answer = await FetchAsync(topic, filter);

        Assert.Equal(takes ? 1 : 0, answer["records"]!.AsArray().Count);
        Assert.Equal((1, 1), ((int)answer["looked_at"]!, (int)answer["next_offset"]!));
    }

    [Theory]
    [InlineData("json=$.u=a>=b", true)]
    [InlineData("json=$.u = a>=b", true)]
    [InlineData("json=$.u=a>=c", false)]
    [InlineData("json=$.u!=a>=b", false)]
    [InlineData("json=$.u>=a=", true)]
    [InlineData("json=$.u<=a!=", false)]
    [InlineData("json=$.u<b=", true)]
    [InlineData("json=$.u>b!=", false)]
    [InlineData("json=$.v!w = 1", true)]
    [InlineData("json=$.n > 5", true)]
    [InlineData("json=$.n < 5", false)]
    [InlineData("json=$.n = 10e29", true)]
    [InlineData("json=$.n < 1e31", true)]
    [InlineData("json=$.m < -5", true)]
    [InlineData("json=$.m >= 1e-5", false)]
    [InlineData("json=$.t > 5", true)]
    public async Task Fetch_WithAComparison_TakesTheFirstSignAndNumbersOfAnySize(string filter, bool takes)
    {
        var topic = await TopicOfAsync("""{"records":[{"value":{"u":"a>=b","v!w":1,"n":1e30,"m":-1e300,"t":"NaN"}}]}""");

        Assert.Equal(takes ? 1 : 0, (await FetchAsync(topic, filter))["records"]!.AsArray().Count);
    }

    [Fact]
    public async Task Fetch_WithAFilterThatTakesNothing_LooksAtBoundedBytesAndAtEachRecordOnce()
    {
        const int PerBatch = 12, LookedAtOnce = 16;
        string[] values = [.. Enumerable.Repeat(new string('a', 512 * 1024), PerBatch)];
        // The records are old, and retention would delete them.
        var topic = await api.CreateTopicAsync(config: """{"retention.ms":-1}""");
        await api.StoreUnopenedAsync(topic, StrangeBatch.Sound(CompressionType.Gzip, values), StrangeBatch.Sound(CompressionType.Gzip, values));
        // A search that begins anew at each place would look at almost all of the text there.
        var filter = $"value_contains={new string('A', 199)}b&max_bytes=4194304";

        var first = await FetchAsync(topic, $"{filter}&offset=0");
        var second = await FetchAsync(topic, $"{filter}&offset={first["next_offset"]}");

        Assert.Empty(first["records"]!.AsArray());
        Assert.Equal((LookedAtOnce, LookedAtOnce), ((int)first["looked_at"]!, (int)first["next_offset"]!));
        Assert.Empty(second["records"]!.AsArray());
        Assert.Equal(((2 * PerBatch) - LookedAtOnce, 2 * PerBatch), ((int)second["looked_at"]!, (int)second["next_offset"]!));
        Assert.Equal(2 * PerBatch, (int)second["high_watermark"]!);
    }

    [Fact]
    public async Task Fetch_WithAFilter_OfRecordsWithoutWhatItAsks_TakesNone()
    {
        var topic = await TopicOfAsync("""{"records":[{"key":"k","value":null},{"value":"event"},{"value":"/w==","value_type":"binary"}]}""");

        Assert.Empty((await FetchAsync(topic, "json=$.event"))["records"]!.AsArray());
        Assert.Single((await FetchAsync(topic, "value_contains=event"))["records"]!.AsArray());
        Assert.Single((await FetchAsync(topic, "key_contains=k"))["records"]!.AsArray());
    }

    [Fact]
    public async Task Fetch_WithAFilter_FindsATextWhereverItIsInALargeValue()
    {
        var text = new string('ä', 5_000);
        for (var at = 2_030; at < 2_060; at++)
        {
            var topic = await TopicOfAsync(new JsonObject
            {
                ["records"] = new JsonArray(new JsonObject { ["value"] = $"{text[..at]}€needle{text}", ["value_type"] = "string" }),
            }.ToJsonString());

            Assert.Single((await FetchAsync(topic, "value_contains=€NEEDLEä"))["records"]!.AsArray());
            Assert.Empty((await FetchAsync(topic, "value_contains=€needles"))["records"]!.AsArray());
        }
    }

    [Fact]
    public async Task Fetch_WithAFilter_LooksAtABoundedCountAndTellsWhereToGoOn()
    {
        const int Count = 30_000;
        var topic = await api.CreateTopicAsync();
        using var lines = new StringContent(
            string.Join('\n', Enumerable.Range(0, Count).Select(i => $$"""{"partition":0,"value":{{i}}}""")), System.Text.Encoding.UTF8, "application/x-ndjson");
        (await api.Client.PostAsync($"/v1/topics/{topic}/records", lines)).EnsureSuccessStatusCode();
        var (found, requests, next, lookedAt) = (new List<int>(), 0, 0L, 0L);
        while (next < Count)
        {
            var answer = await FetchAsync(topic, $"value_contains=9999&offset={next}&max_bytes=4194304");
            Assert.InRange((int)answer["looked_at"]!, 1, 20_000);
            Assert.Equal((long)answer["next_offset"]!, next + (int)answer["looked_at"]!);
            found.AddRange(answer["records"]!.AsArray().Select(record => (int)record!["value"]!));
            (requests, next, lookedAt) = (requests + 1, (long)answer["next_offset"]!, lookedAt + (int)answer["looked_at"]!);
        }

        Assert.Equal([9_999, 19_999, 29_999], found);
        Assert.True(requests > 1);
        Assert.Equal(Count, lookedAt);
    }

    [Fact]
    public async Task Fetch_WithALimitAndAFilter_EndsBehindTheLastOneThatItGives()
    {
        var topic = await TopicOfAsync("""{"records":[{"value":1},{"value":2},{"value":1},{"value":1}]}""");

        var answer = await FetchAsync(topic, "value_contains=1&limit=2");

        Assert.Equal([0, 2], answer["records"]!.AsArray().Select(record => (int)record!["offset"]!));
        Assert.Equal((3, 3), ((int)answer["next_offset"]!, (int)answer["looked_at"]!));
    }

    [Theory]
    [InlineData("before=2", "0 1", 2)]
    [InlineData("before=2&offset=1", "1", 2)]
    [InlineData("before=2&offset=3", "", 3)]
    [InlineData("before=9", "0 1 2 3", 4)]
    [InlineData("before=3&value_contains=4", "", 3)]
    public async Task Fetch_BeforeAnOffset_GivesNoneBehindIt(string query, string offsets, int next)
    {
        var topic = await TopicOfAsync("""{"records":[{"value":1},{"value":2},{"value":3},{"value":4}]}""");

        var answer = await FetchAsync(topic, query);

        Assert.Equal(offsets, string.Join(' ', answer["records"]!.AsArray().Select(record => (int)record!["offset"]!)));
        Assert.Equal(next, (int)answer["next_offset"]!);
        Assert.Equal(query.Contains("contains", StringComparison.Ordinal), answer["looked_at"] is not null);
    }

    [Theory]
    [InlineData("json=$", "json", "$.minute")]
    [InlineData("json=$.a =", "json", "$.minute")]
    [InlineData("json=$.a b = 1", "json", "$.minute")]
    [InlineData("json=$.b..a", "json", "$.minute")]
    [InlineData("key_contains=", "key_contains", "1 to 200")]
    [InlineData("header==tv", "header", "name=value")]
    [InlineData("before=x", "before", "integer")]
    public async Task Fetch_WithAFilterThatCannotBeUnderstood_IsRefusedAndSaysWhatCan(string query, string field, string allowed)
    {
        var topic = await TopicOfAsync("""{"records":[{"value":1}]}""");

        using var response = await api.Client.GetAsync(AddressOf(topic, query));
        var problem = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(field, (string)problem["field"]!);
        Assert.Contains(allowed, (string)problem["detail"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fetch_OfWholeBatchesWithAFilter_IsRefused()
    {
        var topic = await TopicOfAsync("""{"records":[{"value":1}]}""");
        using var request = new HttpRequestMessage(HttpMethod.Get, AddressOf(topic, "value_contains=1"));
        request.Headers.Accept.ParseAdd(BodyKinds.Batch);

        using var response = await api.SendAsync(request);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    private async Task<string> TopicOfAsync(string records)
    {
        var topic = await api.CreateTopicAsync();
        using var response = await api.PostAsync($"/v1/topics/{topic}/partitions/0/records", ApiFixture.Json(records));
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        return topic;
    }

    private Task<JsonNode> FetchAsync(string topic, string query) => api.GetAsync(AddressOf(topic, query));

    private static string AddressOf(string topic, string query) => $"/v1/topics/{topic}/partitions/0/records?"
        + string.Join('&', query.Split('&').Select(part => part.Split('=', 2)).Select(part => $"{part[0]}={Uri.EscapeDataString(part[1])}"));
}
