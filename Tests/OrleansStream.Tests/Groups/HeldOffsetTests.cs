using System.Text.Json.Nodes;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Groups;

/// <summary>Commits of a member of a group whose records wait in place.</summary>
public sealed class HeldOffsetTests() : RetryTests("""{"retry":"in_place","max_attempts":3,"backoff_ms":[60000]}""", PollForm.Json)
{
    /// <summary>Offsets alone do not say what was passed over for a record that waits: with them, nobody would ever read it.</summary>
    [Fact]
    public async Task PutOffsets_WhenRecordsWaitInPlace_IsRefusedWhereItGoesForward()
    {
        await Client.ProduceAsync(("a", "a1"));
        Assert.Empty(await Client.PollAsync(((await Client.PollAsync())[0], "503")));
        await Client.ProduceAsync(("a", "a2"), ("b", "b1"), ("c", "c1"));
        Assert.Equal(["b1", "c1"], (await Client.PollUntilAsync(2)).Select(one => one.Value));

        var (status, problem) = await PutOffsetAsync(3);
        Assert.Equal((409, "RECORDS_WAIT_IN_PLACE"), (status, (string?)problem["error_code"]));
        Assert.Contains($"partition 0 of topic '{Topic}'", (string?)problem["detail"], StringComparison.Ordinal);
        Assert.Contains("Commit with a poll, by the cursor of its last answer", (string?)problem["detail"], StringComparison.Ordinal);
        // A new cursor would know nothing of that answer: a poll with it would commit nothing, and bring the same records again.
        Assert.Equal((true, false), (problem["member_epoch"] is not null, problem.AsObject().ContainsKey("cursor")));
        Assert.Equal(1, await CommittedAsync());
        Assert.Equal(200, (await PutOffsetAsync(1)).Status);

        // The poll's cursor knows a2.
        Assert.Empty(await Client.PollAsync());
        Assert.Equal(4, await CommittedAsync());
        Client.Restart();
        Time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(["a1"], (await Client.PollUntilAsync()).Select(one => one.Value));
        Assert.Equal(["a2"], (await Client.PollUntilAsync()).Select(one => one.Value));
        Assert.Empty(await Client.PollAsync());
        Assert.Equal(200, (await PutOffsetAsync(4)).Status);
    }

    /// <summary>
    /// What waits now says nothing of an answer that was read before: when b1 was read, a2 was passed over for a1, which is done meanwhile.
    /// </summary>
    [Fact]
    public async Task PutOffsets_WhenNothingWaitsAnyMore_IsRefused_AndACursorOfAnAnswerThatPassedOverNothingIsNot()
    {
        await Client.ProduceAsync(("a", "a1"));
        var first = await PollAsync();
        var failed = await PollAsync(first, $$""","failed":[{"topic":"{{Topic}}","partition":0,"offset":0,"reason":"503"}]""");
        Time.Advance(TimeSpan.FromSeconds(61));
        var again = await PollAsync(failed);
        Assert.Equal(["a1"], ValuesOf(again));
        await Client.ProduceAsync(("a", "a2"), ("b", "b1"));
        // The same poll once more, as if its answer had been lost.
        var passing = await PollAsync(failed);
        Assert.Equal(["a1", "b1"], ValuesOf(passing));
        var heartbeat = await PollAsync(again, ""","max_records":0""");

        var (status, problem) = await PutOffsetAsync(3);
        Assert.Equal((409, "RECORDS_WAIT_IN_PLACE"), (status, (string?)problem["error_code"]));
        Assert.Equal(1, await CommittedAsync());
        (status, problem) = await PutAsync($$"""{"member":"m","cursor":"{{passing["cursor"]}}"}""");
        Assert.Equal((400, "cursor"), (status, (string?)problem["field"]));
        Assert.Equal(200, (await PutAsync($$"""{"member":"m","cursor":"{{heartbeat["cursor"]}}"}""")).Status);

        var rest = await PollAsync(passing);
        Assert.Equal(["a2"], ValuesOf(rest));
        Assert.Equal(3, await CommittedAsync());
        await Client.ProduceAsync(("c", "c1"));
        var last = await PollAsync(rest);
        Assert.Equal(["c1"], ValuesOf(last));
        Assert.Equal(200, (await PutAsync($$"""{"member":"m","cursor":"{{last["cursor"]}}"}""")).Status);
        Assert.Equal(4, await CommittedAsync());
    }

    private static string[] ValuesOf(JsonNode answer) => [.. answer["records"]!.AsArray().Select(record => (string)record!["value"]!)];

    private Task<JsonNode> PollAsync(JsonNode? last = null, string more = "") => Api.PostAsync(
        $"/v1/groups/{Client.Group}/members/m/poll",
        $$"""{"topics":["{{Topic}}"],"lease_ms":3600000,"cursor":{{last?["cursor"]?.ToJsonString() ?? "null"}}{{more}}}""");

    private async Task<(int Status, JsonNode Answer)> PutOffsetAsync(long offset)
    {
        var epoch = (long)(await Api.GetAsync($"/v1/groups/{Client.Group}"))["members"]![0]!["member_epoch"]!;
        return await PutAsync($$"""{"member":"m","member_epoch":{{epoch}},"offsets":[{"topic":"{{Topic}}","partition":0,"offset":{{offset}}}]}""");
    }

    private async Task<(int Status, JsonNode Answer)> PutAsync(string body)
    {
        using var response = await Api.Client.PutAsync(
            $"/v1/groups/{Client.Group}/offsets", ApiFixture.Json(body), TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, JsonNode.Parse(await ApiFixture.TextAsync(response))!);
    }

    private async Task<long?> CommittedAsync() => (long?)(await Api.GetAsync($"/v1/groups/{Client.Group}/offsets"))["offsets"]!.AsArray()
        .SingleOrDefault(offset => (string)offset!["topic"]! == Topic)?["offset"];
}
