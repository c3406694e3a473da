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

    private async Task<(int Status, JsonNode Answer)> PutOffsetAsync(long offset)
    {
        var epoch = (long)(await Api.GetAsync($"/v1/groups/{Client.Group}"))["members"]![0]!["member_epoch"]!;
        var body = $$"""{"member":"m","member_epoch":{{epoch}},"offsets":[{"topic":"{{Topic}}","partition":0,"offset":{{offset}}}]}""";
        using var response = await Api.Client.PutAsync(
            $"/v1/groups/{Client.Group}/offsets", ApiFixture.Json(body), TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, JsonNode.Parse(await ApiFixture.TextAsync(response))!);
    }

    private async Task<long?> CommittedAsync() => (long?)(await Api.GetAsync($"/v1/groups/{Client.Group}/offsets"))["offsets"]!.AsArray()
        .SingleOrDefault(offset => (string)offset!["topic"]! == Topic)?["offset"];
}
