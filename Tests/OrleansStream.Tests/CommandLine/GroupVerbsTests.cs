using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.CommandLine;

/// <summary><c>orleansstream groups</c> and <c>dead-letters</c> against the real service.</summary>
[Collection(SharedServiceCollection.Name)]
public sealed class GroupVerbsTests(ServiceFixture fixture) : IDisposable
{
    private readonly CommandLineRig _rig = new(fixture.Service.Address);

    public void Dispose() => _rig.Dispose();

    [Fact]
    public async Task Groups_AreListedDescribedResetAndDeleted()
    {
        var (topic, group) = await ConsumedAsync();

        Assert.Equal([group], (await _rig.RunAsync("groups", "list", "--prefix", group)).Expect(0).Lines);
        Assert.Contains("empty", (await _rig.RunAsync("groups", "describe", group)).Expect(0).Text, StringComparison.Ordinal);
        Assert.Equal(0, await LagAsync(group));

        // A reset shows what it would do, and does nothing.
        var shown = (await _rig.RunAsync("groups", "reset", group, "--shift", "-2")).Expect(0);
        Assert.Matches($@"{topic} +0 +3 +1 +-2\n", shown.Text);
        Assert.Contains("Add --execute", shown.Errors, StringComparison.Ordinal);
        Assert.Equal(0, await LagAsync(group));

        (await _rig.RunAsync("groups", "reset", group, "--shift", "-2", "--execute")).Expect(0);
        Assert.Equal(2, await LagAsync(group));
        (await _rig.RunAsync("groups", "reset", group, "--to-earliest", "--execute")).Expect(0);
        Assert.Equal(3, await LagAsync(group));
        (await _rig.RunAsync("groups", "reset", group, "--to-offset", "1", "--topic", topic, "--execute")).Expect(0);
        Assert.Equal(2, await LagAsync(group));
        (await _rig.RunAsync("groups", "reset", group, "--to-time", "-1h", "--execute")).Expect(0);
        Assert.Equal(3, await LagAsync(group));
        var moved = (await _rig.RunAsync("groups", "reset", group, "--to-latest", "--execute", "--json")).Expect(0).Objects[0];
        Assert.False((bool)moved["dry_run"]!);
        Assert.Equal(0, await LagAsync(group));

        (await _rig.RunAsync("groups", "delete", group)).Expect(2);
        (await _rig.RunAsync("groups", "delete", group, "--yes")).Expect(0);
        (await _rig.RunAsync("groups", "lag", group)).Expect(3);
    }

    [Fact]
    public async Task Alter_SaysWhatBecomesOfRecordsThatFail_AndKeepsWhatIsNotNamed()
    {
        var group = CommandLineRig.NewName("group");
        (await _rig.RunAsync("groups", "alter", group, "--max-attempts", "3", "--backoff", "500ms,1s,2m", "--dead-letter-topic", "failed")).Expect(0);
        var altered = (await _rig.RunAsync("groups", "alter", group, "--retry", "in_place", "--jitter", "0.5", "--json")).Expect(0).Objects[0];
        Assert.Equal("""{"retry":"in_place","max_attempts":3,"backoff_ms":[500,1000,120000],"jitter":0.5,"dead_letter_topic":"failed"}""", altered.ToJsonString());

        Assert.Contains("in_place, 3 attempts, waits of 500ms, 1s, 2m", (await _rig.RunAsync("groups", "describe", group)).Expect(0).Text, StringComparison.Ordinal);
        var plain = (await _rig.RunAsync("groups", "alter", group, "--dead-letter-topic", "")).Expect(0);
        Assert.Contains("dead letters: TOPIC.GROUP.dlq", plain.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RemoveMember_TakesTheMemberOut()
    {
        var (topic, group) = await ConsumedAsync();
        using var service = fixture.Service.Connect();
        (await service.PostAsync($"/v1/groups/{group}/members/one/poll", new JsonObject { ["topics"] = new JsonArray(topic) })).Expect(HttpStatusCode.OK);

        (await _rig.RunAsync("groups", "remove-member", group, "one")).Expect(0);

        Assert.Contains("has no member 'one'", (await _rig.RunAsync("groups", "remove-member", group, "one")).Expect(3).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reset_WithoutAPlaceOrWithTwo_IsRefused()
    {
        Assert.Contains("--to-earliest", (await _rig.RunAsync("groups", "reset", "any")).Expect(2).Errors, StringComparison.Ordinal);
        (await _rig.RunAsync("groups", "reset", "any", "--to-earliest", "--to-latest")).Expect(2);
        (await _rig.RunAsync("groups", "reset", "any", "--to-time", "soon")).Expect(2);
    }

    [Fact]
    public async Task Lag_IsToldForPeopleByPartitionAndInTotal()
    {
        var (topic, group) = await ConsumedAsync();
        (await _rig.RunAsync("groups", "reset", group, "--to-offset", "1", "--execute")).Expect(0);

        var lag = (await _rig.RunAsync("groups", "lag", group)).Expect(0);

        Assert.Matches($@"{topic} +0 +1 +3 +2 ", lag.Text);
        Assert.Matches(@"total +- +- +- +2 ", lag.Text);
    }

    [Fact]
    public async Task DeadLetters_AreListedWithTheirReasonsAndTakenBack()
    {
        var topic = CommandLineRig.NewName("cli");
        var group = CommandLineRig.NewName("group");
        (await _rig.RunAsync("topics", "create", topic)).Expect(0);
        (await _rig.PipeAsync("k1:bad\n", "produce", topic, "-K", ":")).Expect(0);
        using var service = fixture.Service.Connect();
        (await service.SendAsync(HttpMethod.Put, $"/v1/groups/{group}", ServiceClient.Json(new JsonObject { ["max_attempts"] = 1, ["backoff_ms"] = new JsonArray(1) })))
            .Expect(HttpStatusCode.OK);
        Assert.Contains("no dead letters", (await _rig.RunAsync("dead-letters", "list", group)).Expect(0).Errors, StringComparison.Ordinal);
        await FailAsync(service, group, topic);

        var listed = (await _rig.RunAsync("dead-letters", "list", group)).Expect(0);
        Assert.Matches($@"{topic}\.{group}\.dlq +0 +0 +{topic}/0/0 +k1 +1 +\S+ +too bad\n", listed.Text);
        Assert.Equal("bad", (string?)(await _rig.RunAsync("dead-letters", "list", group, "--json")).Expect(0).Objects[0]["value"]);

        var kept = (await _rig.RunAsync("dead-letters", "redrive", group, "--reason", "another", "--json")).Expect(0).Objects[0];
        Assert.Equal((0, 1), ((int)kept["redriven"]!, (int)kept["kept"]!));
        var taken = (await _rig.RunAsync("dead-letters", "redrive", group, "--reason", "bad")).Expect(0);
        Assert.Matches(@"done +1 +0 +0 +0\n", taken.Text);
        Assert.Equal("done", (string?)(await _rig.RunAsync("dead-letters", "redrive", group, "--status", "--json")).Expect(0).Objects[0]["state"]);
    }

    private static async Task FailAsync(ServiceClient service, string group, string topic)
    {
        string? cursor = null;
        JsonArray? failed = null;
        await Wait.UntilAsync("the record has failed", async () =>
        {
            var poll = new JsonObject { ["topics"] = new JsonArray(topic), ["cursor"] = cursor, ["failed"] = failed?.DeepClone() };
            var answer = (await service.PostAsync($"/v1/groups/{group}/members/one/poll", poll)).Expect(HttpStatusCode.OK).Body!;
            var isTold = failed is not null;
            cursor = (string?)answer["cursor"];
            failed = answer["records"]!.AsArray().Count == 0 ? null : new JsonArray(new JsonObject
            {
                ["topic"] = topic, ["partition"] = 0, ["offset"] = 0, ["reason"] = "too bad",
            });
            return isTold;
        });
        await service.SendAsync(HttpMethod.Delete, $"/v1/groups/{group}/members/one");
    }

    private async Task<long> LagAsync(string group) => (long)(await _rig.RunAsync("groups", "lag", group, "--json")).Expect(0).Objects[0]["lag"]!;

    private async Task<(string Topic, string Group)> ConsumedAsync()
    {
        var topic = CommandLineRig.NewName("cli");
        var group = CommandLineRig.NewName("group");
        (await _rig.RunAsync("topics", "create", topic)).Expect(0);
        (await _rig.PipeAsync("one\ntwo\nthree\n", "produce", topic)).Expect(0);
        Assert.Equal(3, (await _rig.RunAsync("consume", topic, "--group", group)).Expect(0).Lines.Length);
        return (topic, group);
    }
}
