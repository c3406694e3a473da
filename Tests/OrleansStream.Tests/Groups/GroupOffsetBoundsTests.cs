using System.Text.Json.Nodes;
using CsCheck;
using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Groups;

/// <summary>Offsets that do not exist: refused over REST on every way, and survived where they were committed all the same.</summary>
public abstract class GroupOffsetBoundsTests(ApiFixture api, PollForm form)
{
    private const int RecordCount = 3;
    private readonly string _group = $"g-{Guid.NewGuid():N}";

    /// <summary>The ways by which a caller names an offset.</summary>
    public enum Way { Set, Member, PutCursor, PollCursor, PollCursorWithoutCommit, HeartbeatCursor }

    [Fact]
    public async Task Offset_WhenItIsBeyondTheEnd_IsRefusedOnEveryWayAndTheEndIsTaken()
    {
        var topic = await CreateTopicAsync();
        await Gen.Select(Gen.Enum<Way>(), Gen.OneOf(Gen.Long[1, 200], Gen.Long[1, long.MaxValue - RecordCount])).SampleAsync(
            async (way, excess) =>
            {
                var group = $"g-{Guid.NewGuid():N}";
                var (status, problem) = await SendAsync(way, group, topic, RecordCount + excess);
                Assert.Equal((416, "OFFSET_OUT_OF_RANGE"), (status, (string?)problem["error_code"]));
                Assert.Equal((0, RecordCount), ((long)problem["log_start_offset"]!, (long)problem["high_watermark"]!));
                Assert.Equal(way is Way.Set or Way.Member ? "offsets[0].offset" : "cursor", (string?)problem["field"]);
                foreach (var named in (string[])[$"Offset {RecordCount + excess}", "partition 0", topic])
                    Assert.Contains(named, (string?)problem["detail"], StringComparison.Ordinal);
                Assert.Equal(200, (await SendAsync(way, group, topic, RecordCount)).Status);
                if (way != Way.PollCursorWithoutCommit)
                    Assert.Equal(RecordCount, await CommittedAsync(group));
            },
            iter: 60, threads: 1);
    }

    [Theory]
    [InlineData("earliest", 0)]
    [InlineData("latest", RecordCount)]
    public async Task Poll_WhenTheCommittedOffsetIsBeyondTheEnd_StartsByThePolicyAndLaterCommitsCount(string policy, int start)
    {
        var topic = await CreateTopicAsync();
        var more = $",\"auto_offset_reset\":\"{policy}\"";
        await PollAsync(_group, topic);
        await CommitPastRestAsync(topic, 100);
        var answer = await PollAsync(_group, topic, more: more);
        Assert.Equal((100, start), ((long)answer["resets"]![0]!["from"]!, (long)answer["resets"]![0]!["to"]!));
        Assert.Equal(start, await CommittedAsync(_group));
        Assert.Equal(Enumerable.Range(start, RecordCount - start), Offsets(answer));
        answer = await PollAsync(_group, topic, Cursor(answer), more);
        Assert.Null(answer["resets"]);
        Assert.Equal(RecordCount, await CommittedAsync(_group));
        // Nothing is passed over once the log has grown beyond the offset that was none.
        await ProduceAsync(topic, 120);
        Assert.Equal(RecordCount, Offsets(await PollAsync(_group, topic, more: more)).First());
    }

    [Fact]
    public async Task Poll_WhenAnOffsetBeyondTheEndIsCommittedWhileTheMemberReads_CommitsWhatTheMemberIsDoneWith()
    {
        var topic = await CreateTopicAsync();
        var answer = await PollAsync(_group, topic, more: ",\"max_records\":2");
        await CommitPastRestAsync(topic, 100);
        answer = await PollAsync(_group, topic, Cursor(answer));
        Assert.Equal([2], Offsets(answer));
        Assert.Equal((100, 2), ((long)answer["resets"]![0]!["from"]!, (long)answer["resets"]![0]!["to"]!));
        Assert.Equal(2, await CommittedAsync(_group));
        await PollAsync(_group, topic, Cursor(answer));
        Assert.Equal(RecordCount, await CommittedAsync(_group));
    }

    [Fact]
    public async Task Poll_WhenItMayNotCommit_LeavesTheOffsetBeyondTheEndToOneThatMay()
    {
        var topic = await CreateTopicAsync();
        var answer = await PollAsync(_group, topic, more: ",\"max_records\":2");
        await CommitPastRestAsync(topic, 100);
        answer = await PollAsync(_group, topic, Cursor(answer), ",\"commit\":false");
        Assert.Equal([2], Offsets(answer));
        Assert.Equal(100, await CommittedAsync(_group));
        await PollAsync(_group, topic, Cursor(answer));
        Assert.Equal(RecordCount, await CommittedAsync(_group));
    }

    [Fact]
    public async Task Poll_WhenThePolicyIsError_NamesThePartitionAndTheBounds()
    {
        var topic = await CreateTopicAsync();
        await PollAsync(_group, topic);
        await CommitPastRestAsync(topic, 100);
        var refused = await PollAsync(_group, topic, more: ",\"auto_offset_reset\":\"error\"", status: 416);
        Assert.Equal((0, RecordCount), ((long)refused["log_start_offset"]!, (long)refused["high_watermark"]!));
        Assert.Contains($"offset 100 of partition 0 of topic '{topic}'", (string?)refused["detail"], StringComparison.Ordinal);
        Assert.EndsWith("and auto_offset_reset is error. Set another offset with PUT offsets or offsets/reset.", (string?)refused["detail"], StringComparison.Ordinal);
    }

    private async Task<(int Status, JsonNode Body)> SendAsync(Way way, string group, string topic, long offset)
    {
        var offsets = $$"""[{"topic":"{{topic}}","partition":0,"offset":{{offset}}}]""";
        if (way == Way.Set)
            return await PutAsync(group, $$"""{"offsets":{{offsets}}}""");
        var answer = await PollAsync(group, topic, more: ",\"max_records\":1");
        if (way == Way.Member)
            return await PutAsync(group, $$"""{"member":"m","member_epoch":{{answer["member_epoch"]}},"offsets":{{offsets}}}""");
        var given = GroupCursor.Read(Cursor(answer), group, "m");
        var forged = (given with { Offsets = [given.Offsets[0] with { Offset = offset }] }).Write(group, "m");
        if (way == Way.PutCursor)
            return await PutAsync(group, $$"""{"member":"m","cursor":"{{forged}}"}""");
        var more = way switch
        {
            Way.PollCursorWithoutCommit => ",\"commit\":false",
            Way.HeartbeatCursor => ",\"max_records\":0",
            _ => "",
        };
        using var response = await api.PostAsync(
            $"/v1/groups/{group}/members/m/poll", ApiFixture.Json($$"""{"topics":["{{topic}}"],"cursor":"{{forged}}"{{more}}}"""));
        return ((int)response.StatusCode, JsonNode.Parse(await ApiFixture.TextAsync(response))!);
    }

    private async Task<(int Status, JsonNode Body)> PutAsync(string group, string body)
    {
        using var response = await api.Client.PutAsync($"/v1/groups/{group}/offsets", ApiFixture.Json(body), TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, JsonNode.Parse(await ApiFixture.TextAsync(response))!);
    }

    /// <summary>As a member may by another protocol: the group takes any offset.</summary>
    private async Task CommitPastRestAsync(string topic, long offset)
    {
        var topicId = (await api.Grains.GetGrain<ITopicGrain>(topic).GetAsync()).Topic!.Id;
        var group = api.Grains.GetGrain<IConsumerGroupGrain>(_group);
        var epoch = (await group.DescribeAsync())!.Members.Single().Epoch;
        Assert.Null((await group.CommitAsync("m", new MemberToken(Guid.Empty, epoch), [new PartitionOffset(topicId, 0, offset)])).Error);
    }

    private async Task<string> CreateTopicAsync()
    {
        var topic = await api.CreateTopicAsync();
        await ProduceAsync(topic, RecordCount);
        return topic;
    }

    private Task ProduceAsync(string topic, int count) => api.PostAsync(
        $"/v1/topics/{topic}/records", $$"""{"records":[{{string.Join(',', Enumerable.Range(0, count).Select(i => $$"""{"value":{{i}}}"""))}}]}""");

    private Task<JsonNode> PollAsync(string group, string topic, string? cursor = null, string more = "", int status = 200) => form.PollAsync(
        api, $"/v1/groups/{group}/members/m/poll", $$"""{"topics":["{{topic}}"]{{(cursor is null ? "" : $",\"cursor\":\"{cursor}\"")}}{{more}}}""", status);

    private async Task<long?> CommittedAsync(string group) =>
        (long?)(await api.GetAsync($"/v1/groups/{group}/offsets"))["offsets"]!.AsArray().SingleOrDefault()?["offset"];

    private static string Cursor(JsonNode answer) => (string)answer["cursor"]!;

    private static int[] Offsets(JsonNode answer) => [.. answer["records"]!.AsArray().Select(record => (int)record!["offset"]!)];
}

/// <summary>The same in JSON.</summary>
[Collection(ApiTests.Name)]
public sealed class GroupOffsetBoundsInJsonTests(ApiFixture api) : GroupOffsetBoundsTests(api, PollForm.Json);

/// <summary>The same in parts.</summary>
[Collection(ApiTests.Name)]
public sealed class GroupOffsetBoundsInPartsTests(ApiFixture api) : GroupOffsetBoundsTests(api, PollForm.Parts);
