using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Groups;

/// <summary>The rules of groups as a caller of the REST surface meets them.</summary>
public abstract partial class GroupApiTests(ApiFixture api, PollForm form)
{
    private readonly string _group = $"g-{Guid.NewGuid():N}";

    private Task<JsonNode> PollAsync(string member, string topic, string? cursor = null, string more = "", int status = 200) => form.PollAsync(
        api, $"/v1/groups/{_group}/members/{member}/poll",
        $$"""{"topics":["{{topic}}"]{{(cursor is null ? "" : $",\"cursor\":\"{cursor}\"")}}{{more}}}""", status);

    private Task ProduceAsync(string topic, int partition, params string[] values) => api.PostAsync(
        $"/v1/topics/{topic}/partitions/{partition}/records", $$"""{"records":[{{string.Join(',', values.Select(value => $$"""{"value":"{{value}}"}"""))}}]}""");

    private static string[] Values(JsonNode answer) => [.. answer["records"]!.AsArray().Select(record => (string)record!["value"]!)];

    private static string Cursor(JsonNode answer) => (string)answer["cursor"]!;

    private async Task<long?> CommittedAsync() =>
        (long?)(await api.GetAsync($"/v1/groups/{_group}/offsets"))["offsets"]!.AsArray().SingleOrDefault()?["offset"];

    private Task<HttpResponseMessage> DeleteAsync(string path) => api.SendAsync(new HttpRequestMessage(HttpMethod.Delete, path));

    [Fact]
    public async Task Poll_WhenTheCursorDoesNotComeBack_DeliversAgain()
    {
        var topic = await api.CreateTopicAsync();
        await ProduceAsync(topic, 0, "a", "b", "c");
        var first = await PollAsync("m", topic, more: ""","max_records":2""");
        Assert.Equal(["a", "b"], Values(first));
        Assert.Equal(1, (long)first["lag"]!);
        Assert.Null(await CommittedAsync());

        var again = await PollAsync("m", topic, more: ""","max_records":2""");
        Assert.Equal(["a", "b"], Values(again));
        Assert.Equal(["c"], Values(await PollAsync("m", topic, Cursor(again))));
        Assert.Equal(2, await CommittedAsync());
    }

    [Fact]
    public async Task Poll_WhenToldNotToCommit_ReadsOnAndCommitsNothing()
    {
        var topic = await api.CreateTopicAsync();
        await ProduceAsync(topic, 0, "a", "b");
        var first = await PollAsync("m", topic, more: ""","max_records":1""");
        Assert.Equal(["b"], Values(await PollAsync("m", topic, Cursor(first), ""","commit":false""")));
        Assert.Null(await CommittedAsync());
    }

    [Fact]
    public async Task Poll_WhenAnotherProcessStarted_RefusesTheOldOneWithoutACursor()
    {
        var topic = await api.CreateTopicAsync();
        await ProduceAsync(topic, 0, "a");
        var old = await PollAsync("m", topic);
        await PollAsync("m", topic);
        var refused = await PollAsync("m", topic, Cursor(old), status: 409);
        Assert.Equal("FENCED_MEMBER_EPOCH", (string?)refused["error_code"]);
        Assert.Null(refused["cursor"]);
        Assert.Null(await CommittedAsync());
    }

    [Fact]
    public async Task Poll_WhenTheMemberHadLeft_RefusesWithACursorToGoOnWith()
    {
        var topic = await api.CreateTopicAsync();
        await ProduceAsync(topic, 0, "a");
        var old = await PollAsync("m", topic);
        Assert.Equal(204, (int)(await DeleteAsync($"/v1/groups/{_group}/members/m")).StatusCode);
        var refused = await PollAsync("m", topic, Cursor(old), status: 409);
        Assert.Equal(topic, (string?)refused["assignment"]![0]!["topic"]);
        Assert.Null(await CommittedAsync());
        Assert.Equal(["a"], Values(await PollAsync("m", topic, Cursor(refused))));
    }

    [Fact]
    public async Task Poll_WhenTheCursorIsAnotherMembers_IsRefused()
    {
        var topic = await api.CreateTopicAsync();
        var answer = await PollAsync("m", topic);
        var refused = await PollAsync("n", topic, Cursor(answer), status: 400);
        Assert.Equal("cursor", (string?)refused["field"]);
        Assert.Equal("cursor", (string?)(await PollAsync("m", topic, Cursor(answer)[..^2], status: 400))["field"]);
    }

    [Fact]
    public async Task Poll_WhenItStartsAtTheEnd_MissesNothingBetweenItsPolls()
    {
        var topic = await api.CreateTopicAsync();
        await ProduceAsync(topic, 0, "before");
        Assert.Empty(Values(await PollAsync("m", topic, more: ""","auto_offset_reset":"latest" """)));
        await ProduceAsync(topic, 0, "after");
        // Even if the answer to the first poll was lost.
        Assert.Equal(["after"], Values(await PollAsync("m", topic, more: ""","auto_offset_reset":"latest" """)));
    }

    [Fact]
    public async Task Poll_WhenThereIsNoOffsetAndThePolicyIsError_SaysSo()
    {
        var topic = await api.CreateTopicAsync();
        var refused = await PollAsync("m", topic, more: ""","auto_offset_reset":"error" """, status: 416);
        Assert.Equal("OFFSET_OUT_OF_RANGE", (string?)refused["error_code"]);
        Assert.Equal(
            $"The group has no committed offset for partition 0 of topic '{topic}', and auto_offset_reset is error. Set one with PUT offsets or offsets/reset.",
            (string?)refused["detail"]);
    }

    [Theory]
    [InlineData("GET", "")]
    [InlineData("GET", "/offsets")]
    [InlineData("GET", "/lag")]
    [InlineData("POST", "/offsets/reset")]
    public async Task Group_WhenThereIsNone_SaysHowToMakeOne(string method, string path)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), $"/v1/groups/{_group}{path}");
        if (method == "POST")
            request.Content = ApiFixture.Json("""{"to":"earliest"}""");
        using var response = await api.SendAsync(request);
        var problem = JsonNode.Parse(await ApiFixture.TextAsync(response))!;
        Assert.Equal(("GROUP_ID_NOT_FOUND", $"There is no group '{_group}'. A poll creates it, and so does a PUT."), ((string?)problem["error_code"], (string?)problem["detail"]));
    }

    [Fact]
    public async Task Poll_WhenPartitionsHaveUnequalBacklogs_GivesEachItsShare()
    {
        var topic = await api.CreateTopicAsync(3);
        await ProduceAsync(topic, 0, [.. Enumerable.Range(0, 500).Select(i => $"{i}")]);
        await ProduceAsync(topic, 1, "x", "y");
        await ProduceAsync(topic, 2, "z");
        var answer = await PollAsync("m", topic, more: ""","max_records":20""");
        var counts = answer["records"]!.AsArray().CountBy(record => (int)record!["partition"]!).ToDictionary();
        Assert.Equal([17, 2, 1], new[] { 0, 1, 2 }.Select(partition => counts[partition]));
    }

    [Fact]
    public async Task Poll_WhenATopicIsCreatedLater_ReadsItFromItsFirstRecord()
    {
        var topic = $"later-{Guid.NewGuid():N}";
        var waiting = PollAsync("m", topic, more: ""","wait_ms":20000""");
        using var put = await api.Client.PutAsync($"/v1/topics/{topic}", ApiFixture.Json("{}"), TestContext.Current.CancellationToken);
        await ProduceAsync(topic, 0, "first");
        Assert.Equal(["first"], Values(await waiting));
    }

    [Fact]
    public async Task Poll_WhenAMemberJoinsAndOthersWait_MovesPartitionsWithinTheirWaits()
    {
        var topic = await api.CreateTopicAsync(4);
        var first = await PollAsync("m1", topic);
        var waiting = PollAsync("m1", topic, Cursor(first), ""","wait_ms":20000""");
        var joining = PollAsync("m2", topic, more: ""","wait_ms":20000""");
        await WaitUntilAsync(async () => (await MembersAsync()).All(member => Count(member) == 2) && (await MembersAsync()).Count == 2);
        Assert.False(waiting.IsCompleted || joining.IsCompleted);
        for (var partition = 0; partition < 4; partition++)
            await ProduceAsync(topic, partition, "x");
        Assert.Equal(2, Count((await waiting)));
        Assert.Equal(2, Count((await joining)));
    }

    [Fact]
    public async Task Poll_WhenItWaitsLongerThanItsLease_KeepsIt()
    {
        var topic = await api.CreateTopicAsync(2);
        var waiting = PollAsync("m1", topic, more: ""","wait_ms":9000,"lease_ms":4000""");
        await WaitUntilAsync(async () => await api.Client.GetAsync($"/v1/groups/{_group}", TestContext.Current.CancellationToken) is { IsSuccessStatusCode: true });
        var epoch = (long)(await MembersAsync())[0]["member_epoch"]!;
        Assert.Equal(epoch, (long)(await waiting)["member_epoch"]!);
        Assert.Equal(2, Count((await MembersAsync())[0]));
    }

    [Fact]
    public async Task PutOffsets_WhenAMemberCommits_NeedsItsEpochAndNeverGoesBack()
    {
        var topic = await api.CreateTopicAsync();
        await ProduceAsync(topic, 0, "a", "b", "c");
        var answer = await PollAsync("m", topic);
        var epoch = (long)answer["member_epoch"]!;
        async Task<JsonNode> CommitAsync(long memberEpoch, long offset, int status)
        {
            using var response = await api.Client.PutAsync($"/v1/groups/{_group}/offsets", ApiFixture.Json(
                $$"""{"member":"m","member_epoch":{{memberEpoch}},"offsets":[{"topic":"{{topic}}","partition":0,"offset":{{offset}},"metadata":"at {{offset}}"}]}"""), TestContext.Current.CancellationToken);
            var text = await ApiFixture.TextAsync(response);
            Assert.True(status == (int)response.StatusCode, text);
            return JsonNode.Parse(text)!;
        }

        Assert.Equal("at 2", (string?)(await CommitAsync(epoch, 2, 200))["offsets"]![0]!["metadata"]);
        Assert.Equal(2, (long)(await CommitAsync(epoch, 1, 200))["offsets"]![0]!["offset"]!);
        var refused = await CommitAsync(epoch + 1, 3, 409);
        Assert.Equal(epoch, (long)refused["member_epoch"]!);
        Assert.Equal(2, await CommittedAsync());
    }

    [Fact]
    public async Task Reset_WhenTheGroupIsEmpty_GoesWhereItIsTold()
    {
        var topic = await api.CreateTopicAsync();
        await api.PostAsync($"/v1/topics/{topic}/records", """
            {"records":[{"value":0,"timestamp":1000},{"value":1,"timestamp":2000},{"value":2,"timestamp":3000}]}
            """);
        var path = $"/v1/groups/{_group}/offsets/reset";
        async Task<long> ToAsync(string how) => (long)(await api.PostAsync(path, $$"""{"topics":["{{topic}}"],{{how}}}"""))["offsets"]![0]!["to"]!;
        Assert.Equal(3, await ToAsync("""
            "to":"latest"
            """));
        Assert.Equal(2, await ToAsync("""
            "to":"shift","by":-1
            """));
        Assert.Equal(1, await ToAsync("""
            "to":"timestamp","timestamp":1500
            """));
        Assert.Equal(3, await ToAsync("""
            "to":"offset","offset":99
            """));
        Assert.Equal(0, await ToAsync("""
            "to":"earliest","dry_run":true
            """));
        Assert.Equal(3, await CommittedAsync());
        await PollAsync("m", topic);
        Assert.Equal("NON_EMPTY_GROUP", (string?)(await api.PostAsync(path, """{"to":"earliest"}""", 409))["error_code"]);
    }

    [Fact]
    public async Task Lag_WhenRecordsWait_CountsThemAndTheirAge()
    {
        var topic = await api.CreateTopicAsync(2);
        await ProduceAsync(topic, 0, "a", "b");
        var answer = await PollAsync("m", topic, more: ""","max_records":1""");
        await PollAsync("m", topic, Cursor(answer));
        var lag = await api.GetAsync($"/v1/groups/{_group}/lag");
        Assert.Equal(1, (long)lag["lag"]!);
        Assert.InRange((double)lag["lag_seconds"]!, 0, 60);
        Assert.Equal(["m", "m"], lag["partitions"]!.AsArray().Select(partition => (string?)partition!["member"]));
    }

    [Fact]
    public async Task Delete_WhenTheMembersHaveLeft_ForgetsTheGroup()
    {
        var topic = await api.CreateTopicAsync();
        await PollAsync("m", topic);
        Assert.Contains(_group, (await api.GetAsync($"/v1/groups?prefix={_group}"))["groups"]!.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal(409, (int)(await DeleteAsync($"/v1/groups/{_group}")).StatusCode);
        await DeleteAsync($"/v1/groups/{_group}/members/m");
        Assert.Equal(204, (int)(await DeleteAsync($"/v1/groups/{_group}")).StatusCode);
        Assert.Equal(404, (int)(await api.Client.GetAsync($"/v1/groups/{_group}", TestContext.Current.CancellationToken)).StatusCode);
        Assert.Empty((await api.GetAsync($"/v1/groups?prefix={_group}"))["groups"]!.AsArray());
    }

    private async Task<List<JsonNode>> MembersAsync() =>
        [.. (await api.GetAsync($"/v1/groups/{_group}"))["members"]!.AsArray().Select(member => member!)];

    private static int Count(JsonNode member) =>
        member["assignment"]!.AsArray().Sum(topic => topic!["partitions"]!.AsArray().Count);

    private static Task WaitUntilAsync(Func<Task<bool>> condition) => Wait.UntilAsync("the group is as expected", condition);
}

/// <summary>The same in JSON.</summary>
[Collection(ApiTests.Name)]
public sealed class GroupApiInJsonTests(ApiFixture api) : GroupApiTests(api, PollForm.Json);

/// <summary>The same in parts.</summary>
[Collection(ApiTests.Name)]
public sealed class GroupApiInPartsTests(ApiFixture api) : GroupApiTests(api, PollForm.Parts);
