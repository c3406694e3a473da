using System.Net.Http.Headers;
using System.Reflection;
using System.Text.Json.Nodes;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Groups;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Groups;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Groups;

/// <summary>Who left stays out, who works keeps its partitions, and nothing passes over what came after the group.</summary>
public abstract class GroupMembershipTests(ApiFixture api, PollForm form)
{
    private readonly string _group = $"g-{Guid.NewGuid():N}";

    /// <summary>How a member goes on for as long as it likes.</summary>
    public enum Waiting { Poll, PollWithCursor, Stream }

    [Theory]
    [InlineData(Waiting.Poll, false)]
    [InlineData(Waiting.PollWithCursor, false)]
    [InlineData(Waiting.Stream, false)]
    [InlineData(Waiting.Poll, true)]
    [InlineData(Waiting.PollWithCursor, true)]
    [InlineData(Waiting.Stream, true)]
    public async Task Leave_WhileThePollOfTheMemberWaits_EndsItAndItStaysOut(Waiting how, bool deletesGroup)
    {
        var topic = await api.CreateTopicAsync(2);
        var cursor = how == Waiting.PollWithCursor ? Cursor(await PollAsync("a", topic)) : "";
        var waiting = WaitAsync(how, topic, cursor);
        // The long lease is that of the poll that waits.
        await UntilAsync(async () => await MembersAsync() is { Count: 1 } members && members[0]["assignment"]!.AsArray().Count == 1
            && (DateTimeOffset)members[0]["lease_expires_at"]! > TimeProvider.System.GetUtcNow() + TimeSpan.FromMinutes(5));

        Assert.Equal(204, await DeleteAsync($"/v1/groups/{_group}/members/a"));
        if (deletesGroup)
            Assert.Equal(204, await DeleteAsync($"/v1/groups/{_group}"));
        var told = await waiting;
        Assert.Contains("UNKNOWN_MEMBER_ID", told, StringComparison.Ordinal);
        Assert.DoesNotContain("rebalance", told, StringComparison.Ordinal);
        Assert.Empty(await MembersAsync());
        Assert.Equal(deletesGroup ? 404 : 200, await StatusAsync());
        // All is free for whoever comes.
        Assert.Equal(2, (await PollAsync("b", topic))["assignment"]![0]!["partitions"]!.AsArray().Count);
    }

    [Fact]
    public async Task Heartbeat_WhenTheMemberWasTakenOut_JoinsNeitherItNorADeletedGroup()
    {
        var topic = await api.CreateTopicAsync();
        var answer = await PollAsync("a", topic);
        await DeleteAsync($"/v1/groups/{_group}/members/a");
        Assert.Equal("UNKNOWN_MEMBER_ID", (string?)(await PollAsync("a", topic, Cursor(answer), ",\"max_records\":0", 409))["error_code"]);
        Assert.Empty(await MembersAsync());
        await DeleteAsync($"/v1/groups/{_group}");
        Assert.Equal("UNKNOWN_MEMBER_ID", (string?)(await PollAsync("a", topic, Cursor(answer), ",\"max_records\":0", 409))["error_code"]);
        Assert.Equal(404, await StatusAsync());
        Assert.Empty((await api.GetAsync($"/v1/groups?prefix={_group}"))["groups"]!.AsArray());
    }

    [Fact]
    public async Task Heartbeat_WhileTheMemberWorks_RenewsCommitsAndMovesNothing()
    {
        var topic = await api.CreateTopicAsync(2);
        await ProduceAsync(topic, 0, "x");
        await ProduceAsync(topic, 1, "y");
        var answer = await PollAsync("a", topic, more: ",\"lease_ms\":60000");
        await PollAsync("b", topic);
        await UntilAsync(async () => (await MembersAsync()).Single(member => (string?)member["member"] == "a")["target"] is not null);

        var renewed = await PollAsync("a", topic, Cursor(answer), ",\"lease_ms\":600000,\"max_records\":0,\"commit\":false,\"wait_ms\":20000");
        Assert.Equal((long)answer["member_epoch"]!, (long)renewed["member_epoch"]!);
        Assert.Equal(Cursor(answer), Cursor(renewed));
        Assert.Equal(2, renewed["assignment"]![0]!["partitions"]!.AsArray().Count);
        Assert.Empty(renewed["records"]!.AsArray());
        Assert.True((DateTimeOffset)renewed["lease_expires_at"]! - (DateTimeOffset)answer["lease_expires_at"]! > TimeSpan.FromMinutes(5));
        Assert.Empty(await OffsetsAsync());

        var committed = await PollAsync("a", topic, Cursor(renewed), ",\"max_records\":0");
        Assert.Equal("1,1", string.Join(",", await OffsetsAsync()));
        Assert.Equal(2, committed["assignment"]![0]!["partitions"]!.AsArray().Count);
        // The next poll takes part in the move.
        Assert.Single((await PollAsync("a", topic, Cursor(committed)))["assignment"]![0]!["partitions"]!.AsArray());
    }

    [Fact]
    public async Task Heartbeat_AsAStream_IsRefused()
    {
        using var response = await SendStreamAsync(await api.CreateTopicAsync(), ",\"max_records\":0");
        Assert.Equal(400, (int)response.StatusCode);
        Assert.Equal("max_records", (string?)JsonNode.Parse(await ApiFixture.TextAsync(response))!["field"]);
    }

    [Fact]
    public async Task Poll_WhenTheLeaseHadEnded_NamesLeaseMs()
    {
        var topic = await api.CreateTopicAsync();
        var answer = await PollAsync("a", topic, more: ",\"lease_ms\":1000");
        await UntilAsync(async () => (await MembersAsync()).Count == 0);
        var refused = await PollAsync("a", topic, Cursor(answer), ",\"lease_ms\":1000", 409);
        Assert.Equal("FENCED_MEMBER_EPOCH", (string?)refused["error_code"]);
        Assert.Contains("lease_ms", (string?)refused["detail"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Poll_WhenATopicDoesNotExist_NamesItAndReadsItOnceItDoes()
    {
        string topic = await api.CreateTopicAsync(), later = $"later-{Guid.NewGuid():N}";
        string Body(string more) => $$"""{"topics":["{{topic}}","{{later}}"],"auto_offset_reset":"latest"{{more}}}""";
        var answer = await form.PollAsync(api, $"/v1/groups/{_group}/members/a/poll", Body(""));
        Assert.Equal([later], answer["unknown_topics"]!.AsArray().Select(name => (string?)name));
        Assert.Equal([later], (await api.GetAsync($"/v1/groups/{_group}"))["unknown_topics"]!.AsArray().Select(name => (string?)name));
        using var put = await api.Client.PutAsync($"/v1/topics/{later}", ApiFixture.Json("{}"), TestContext.Current.CancellationToken);
        await ProduceAsync(later, 0, "first");
        answer = await form.PollAsync(api, $"/v1/groups/{_group}/members/a/poll", Body($",\"wait_ms\":20000,\"cursor\":\"{Cursor(answer)}\""));
        Assert.Equal(["first"], answer["records"]!.AsArray().Select(record => (string?)record!["value"]));
        Assert.Null(answer["unknown_topics"]);
        Assert.Null((await api.GetAsync($"/v1/groups/{_group}"))["unknown_topics"]);
    }

    [Theory]
    [InlineData("latest")]
    [InlineData("error")]
    public async Task Poll_WhenPartitionsAreAdded_ReadsTheirFirstRecordsWhateverThePolicy(string policy)
    {
        var topic = await api.CreateTopicAsync();
        await ProduceAsync(topic, 0, "before");
        await PollAsync("a", topic, more: ",\"auto_offset_reset\":\"latest\"");
        var more = $",\"wait_ms\":5000,\"auto_offset_reset\":\"{policy}\"";
        using var patched = await api.Client.PatchAsync($"/v1/topics/{topic}", ApiFixture.Json("""{"partitions":3}"""), TestContext.Current.CancellationToken);
        Assert.Equal(200, (int)patched.StatusCode);
        for (var partition = 0; partition < 3; partition++)
            await ProduceAsync(topic, partition, $"p{partition}");
        var values = new List<string?>();
        string? cursor = null;
        for (var polls = 0; values.Count < 3 && polls < 10; polls++)
        {
            var answer = await PollAsync("a", topic, cursor, more);
            values.AddRange(answer["records"]!.AsArray().Select(record => (string?)record!["value"]));
            cursor = Cursor(answer);
        }

        Assert.Equal(["p0", "p1", "p2"], values.Order());
    }

    [Fact]
    public async Task Poll_WhenAnAnswerOfTheGroupIsLost_AsksAgainButNeverToJoin()
    {
        var asked = new List<GroupPollRequest>();
        var group = DispatchProxy.Create<IConsumerGroupGrain, LosingGroup>();
        ((LosingGroup)group).Asked = asked;
        var grains = DispatchProxy.Create<IGrainFactory, OneGrain>();
        ((OneGrain)grains).Grain = group;
        var options = new PollOptions { Topics = ["t"], RecordsMax = 1, BytesMax = 1, LeaseMs = GroupLimits.LeaseMsDefault };
        var polls = new GroupPolls(AccessControl.Open, grains, new TopicRoutes(grains), new LogEnds(new TopicRoutes(grains)), TimeProvider.System,
            new NodeAnswers(TimeProvider.System), new NodeWaits());
        using var poll = polls.Open(Caller.Anonymous, "g", "m", options with { Cursor = new GroupCursor(new MemberToken(Guid.NewGuid(), 1), []) });
        Assert.Equal(StreamErrorCode.UnknownMemberId, (await poll.JoinAsync(TestContext.Current.CancellationToken))!.Error.Code);
        Assert.Equal([false, true], asked.Select(one => one.NeverJoins));

        // A process that has just started was never answered: it is no member yet.
        asked.Clear();
        using var first = polls.Open(Caller.Anonymous, "g", "m", options);
        await first.JoinAsync(TestContext.Current.CancellationToken);
        Assert.Equal([false, false], asked.Select(one => one.NeverJoins));
    }

    /// <summary>A group of which every first answer is lost.</summary>
    public class LosingGroup : DispatchProxy
    {
        /// <summary>What it was asked.</summary>
        public List<GroupPollRequest> Asked { get; set; } = [];

        /// <inheritdoc/>
        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            Asked.Add((GroupPollRequest)args![0]!);
            return Asked.Count % 2 == 1
                ? Task.FromException<GroupMemberResponse>(new TimeoutException())
                : Task.FromResult(new GroupMemberResponse(new StreamError(StreamErrorCode.UnknownMemberId, "It left."), Token: null, LeaseLeftMs: 0, []));
        }
    }

    private async Task<string> WaitAsync(Waiting how, string topic, string cursor)
    {
        if (how == Waiting.Stream)
        {
            using var stream = await SendStreamAsync(topic, ",\"lease_ms\":600000");
            return await ApiFixture.TextAsync(stream);
        }

        var with = cursor.Length > 0 ? $",\"cursor\":\"{cursor}\"" : "";
        using var response = await api.PostAsync(
            $"/v1/groups/{_group}/members/a/poll", ApiFixture.Json($$"""{"topics":["{{topic}}"],"wait_ms":50000,"lease_ms":600000{{with}}}"""));
        Assert.Equal(409, (int)response.StatusCode);
        return await ApiFixture.TextAsync(response);
    }

    private async Task<HttpResponseMessage> SendStreamAsync(string topic, string more)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/groups/{_group}/members/a/poll")
        {
            Content = ApiFixture.Json($$"""{"topics":["{{topic}}"]{{more}}}"""),
        };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        return await api.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    private Task<JsonNode> PollAsync(string member, string topic, string? cursor = null, string more = "", int status = 200) => form.PollAsync(
        api, $"/v1/groups/{_group}/members/{member}/poll",
        $$"""{"topics":["{{topic}}"]{{(cursor is null ? "" : $",\"cursor\":\"{cursor}\"")}}{{more}}}""", status);

    private Task ProduceAsync(string topic, int partition, string value) => api.PostAsync(
        $"/v1/topics/{topic}/partitions/{partition}/records", $$"""{"records":[{"value":"{{value}}"}]}""");

    private async Task<int> DeleteAsync(string path)
    {
        using var response = await api.SendAsync(new HttpRequestMessage(HttpMethod.Delete, path));
        return (int)response.StatusCode;
    }

    private async Task<int> StatusAsync()
    {
        using var response = await api.Client.GetAsync($"/v1/groups/{_group}", TestContext.Current.CancellationToken);
        return (int)response.StatusCode;
    }

    private async Task<List<JsonNode>> MembersAsync()
    {
        using var response = await api.Client.GetAsync($"/v1/groups/{_group}", TestContext.Current.CancellationToken);
        return response.IsSuccessStatusCode
            ? [.. JsonNode.Parse(await ApiFixture.TextAsync(response))!["members"]!.AsArray().Select(member => member!)]
            : [];
    }

    private async Task<long[]> OffsetsAsync() =>
        [.. (await api.GetAsync($"/v1/groups/{_group}/offsets"))["offsets"]!.AsArray().Select(offset => (long)offset!["offset"]!)];

    private static Task UntilAsync(Func<Task<bool>> condition) => Wait.UntilAsync("the group is as expected", condition);

    private static string Cursor(JsonNode answer) => (string)answer["cursor"]!;
}

/// <summary>The same in JSON.</summary>
[Collection(ApiTests.Name)]
public sealed class GroupMembershipInJsonTests(ApiFixture api) : GroupMembershipTests(api, PollForm.Json);

/// <summary>The same in parts.</summary>
[Collection(ApiTests.Name)]
public sealed class GroupMembershipInPartsTests(ApiFixture api) : GroupMembershipTests(api, PollForm.Parts);
