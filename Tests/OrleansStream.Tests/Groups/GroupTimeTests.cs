using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Groups.State;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Groups;

/// <summary>What time does to a group: records go by retention before they were read, and a group that nobody joins is forgotten.</summary>
public abstract class GroupTimeTests(PollForm form) : IAsyncLifetime
{
    private const string Group = "late";
    private readonly SkippingTime _time = new();
    private ApiFixture _api = null!;

    public ValueTask InitializeAsync()
    {
        _api = new ApiFixture(_time);
        return _api.InitializeAsync();
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return _api.DisposeAsync();
    }

    [Theory]
    [InlineData("earliest")]
    [InlineData("latest")]
    [InlineData("error")]
    public async Task Poll_WhenRetentionTookWhatFollows_GoesOnByThePolicyAndSaysSo(string policy)
    {
        var topic = await CreateTopicAsync();
        await ProduceAsync(topic, "a");
        await ProduceAsync(topic, "b");
        var first = await PollAsync(topic, null, policy == "error" ? "earliest" : policy, more: ""","max_records":1""");
        Assert.Equal(policy == "latest" ? 0 : 1, first["records"]!.AsArray().Count);
        await ProduceAsync(topic, "c");
        await RetainAsync(topic, logStart: 3);
        await ProduceAsync(topic, "d");

        var cursor = (string)first["cursor"]!;
        if (policy == "error")
        {
            var refused = await PollAsync(topic, cursor, policy, status: 416);
            Assert.Equal(("OFFSET_OUT_OF_RANGE", 3), ((string)refused["error_code"]!, (long)refused["log_start_offset"]!));
            return;
        }

        var next = await PollAsync(topic, cursor, policy);
        var reset = Assert.Single(next["resets"]!.AsArray())!;
        Assert.Equal((policy == "latest" ? 2 : 1, policy == "latest" ? 4 : 3), ((long)reset["from"]!, (long)reset["to"]!));
        Assert.Equal(policy == "latest" ? [] : ["d"], next["records"]!.AsArray().Select(record => (string)record!["value"]!));
        // Told once; it is committed as any other progress is.
        var last = await PollAsync(topic, (string)next["cursor"]!, policy);
        Assert.Null(last["resets"]);
        Assert.Equal(4, (long)(await _api.GetAsync($"/v1/groups/{Group}/offsets"))["offsets"]![0]!["offset"]!);
    }

    [Fact]
    public async Task Stream_WhenRetentionTookWhatFollows_SaysSoOnce()
    {
        var topic = await CreateTopicAsync();
        await ProduceAsync(topic, "a");
        await ProduceAsync(topic, "b");
        var first = await PollAsync(topic, null, "earliest", more: ""","max_records":1""");
        await RetainAsync(topic, logStart: 2);
        await ProduceAsync(topic, "c");

        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/groups/{Group}/members/m/poll")
        {
            Content = ApiFixture.Json($$"""{"topics":["{{topic}}"],"cursor":"{{first["cursor"]}}"}"""),
        };
        request.Headers.Accept.ParseAdd("text/event-stream");
        using var response = await _api.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        var told = await NextEventAsync(lines);
        Assert.Equal((1, 2), ((long)told["resets"]![0]!["from"]!, (long)told["resets"]![0]!["to"]!));
        Assert.Equal("c", (string?)told["records"]![0]!["value"]);
        await ProduceAsync(topic, "d");
        Assert.Null((await NextEventAsync(lines))["resets"]);
    }

    [Fact]
    public async Task Groups_WhenEmptyForTheRetention_AreForgottenWithTheirOffsets()
    {
        var topic = await CreateTopicAsync();
        await ProduceAsync(topic, "a");
        var answer = await PollAsync(topic, null, "earliest");
        await PollAsync(topic, (string)answer["cursor"]!, "earliest");
        using (await _api.SendAsync(new HttpRequestMessage(HttpMethod.Delete, $"/v1/groups/{Group}/members/m")))
        {
        }

        _time.Advance(TimeSpan.FromMilliseconds(GroupStateLimits.OffsetsRetentionMs) - TimeSpan.FromMinutes(10));
        Assert.Equal(1, (long)(await _api.GetAsync($"/v1/groups/{Group}/offsets"))["offsets"]![0]!["offset"]!);
        // Nobody asks for the group: the catalogue does, once an hour.
        await _time.AdvanceUntilAsync("the group is off the list", TimeSpan.FromHours(1.5), async () =>
            (await _api.GetAsync("/v1/groups"))["groups"]!.AsArray().Count == 0);
        await _api.GetAsync($"/v1/groups/{Group}", (int)HttpStatusCode.NotFound);
    }

    // Records are too old after an hour; the active segment goes with them.
    private Task<string> CreateTopicAsync() => _api.CreateTopicAsync(config: """{"retention.ms":3600000}""");

    private Task<JsonNode> ProduceAsync(string topic, string value) =>
        _api.PostAsync($"/v1/topics/{topic}/records", $$"""{"records":[{"value":"{{value}}"}]}""");

    private Task<JsonNode> PollAsync(string topic, string? cursor, string policy, int status = 200, string more = "") => form.PollAsync(
        _api, $"/v1/groups/{Group}/members/m/poll",
        $$"""{"topics":["{{topic}}"],"auto_offset_reset":"{{policy}}","lease_ms":3600000{{(cursor is null ? "" : $",\"cursor\":\"{cursor}\"")}}{{more}}}""",
        status);

    private async Task RetainAsync(string topic, long logStart)
    {
        _time.Advance(TimeSpan.FromHours(1.1));
        await Wait.UntilAsync("retention has taken the records", async () =>
        {
            _time.Advance(TimeSpan.FromSeconds(10));
            return (long)(await _api.GetAsync($"/v1/topics/{topic}/partitions"))["partitions"]![0]!["log_start_offset"]! == logStart;
        });
    }

    private static async Task<JsonNode> NextEventAsync(StreamReader lines)
    {
        while (await lines.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line.StartsWith("data: ", StringComparison.Ordinal))
                return JsonNode.Parse(line[6..])!;
        }

        throw new EndOfStreamException();
    }
}

/// <summary>The same in JSON.</summary>
public sealed class GroupTimeInJsonTests() : GroupTimeTests(PollForm.Json);

/// <summary>The same in parts.</summary>
public sealed class GroupTimeInPartsTests() : GroupTimeTests(PollForm.Parts);
