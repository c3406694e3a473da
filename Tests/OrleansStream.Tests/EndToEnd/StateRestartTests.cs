using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>Every kind of state that grains keep in a storage account is there after the process was killed and started again.</summary>
public sealed class StateRestartTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const string Container = "states";

    // The names that the grains give their states.
    private static readonly string[] Kinds = ["catalog", "group", "groups", "ids", "producers", "topic"];

    [Fact]
    public async Task Kill_WhenEveryKindOfStateWasWritten_ReadsEachAfterwards()
    {
        await using var cluster = await ClusterProcesses.StartEmbeddedAsync(azurite.ConnectionString, Container, nodes: 1);
        JsonNode producer;
        string offsets, group, topic;
        using (var client = new ServiceClient(cluster.Apis[0]))
        {
            await client.CreateTopicAsync("scores", partitions: 2);
            await client.CreateTopicAsync("gone", partitions: 1);
            (await client.SendAsync(HttpMethod.Delete, "/v1/topics/gone")).Expect(HttpStatusCode.NoContent);
            var change = new JsonObject { ["partitions"] = 3, ["config"] = new JsonObject { ["retention.ms"] = "3600000" } };
            (await client.SendAsync(HttpMethod.Patch, "/v1/topics/scores", ServiceClient.Json(change))).Expect(HttpStatusCode.OK);
            await client.ProduceAsync("scores", new JsonObject { ["key"] = "a", ["value"] = "1:0" });
            var policy = new JsonObject { ["max_attempts"] = 4, ["backoff_ms"] = new JsonArray(1_000, 10_000) };
            (await client.SendAsync(HttpMethod.Put, "/v1/groups/board", ServiceClient.Json(policy))).Expect(HttpStatusCode.OK);
            await PollAsync(client);
            producer = (await client.PostAsync("/v1/producers", new JsonObject())).Expect(HttpStatusCode.Created).Body!;
            producer = (await RaiseAsync(client, producer)).Expect(HttpStatusCode.Created).Body!;
            (offsets, group, topic) = await DescribeAsync(client);
        }

        Assert.Equal(Kinds, await FindKindsAsync());
        await cluster.KillAllAsync();
        await cluster.StartAgainAsync();

        using var after = new ServiceClient(cluster.Apis[0]);
        Assert.Equal((offsets, group, topic), await DescribeAsync(after));
        Assert.Contains("\"offset\":1", offsets, StringComparison.Ordinal);
        Assert.Equal(["scores"], (await after.GetAsync("/v1/topics")).Body!["topics"]!.AsArray().Select(one => (string?)one!["name"]));
        Assert.Equal(["board"], (await after.GetAsync("/v1/groups")).Body!["groups"]!.AsArray().Select(one => (string?)one!["group"]));
        Assert.Equal((int)producer["producer_epoch"]! + 1, (int)(await RaiseAsync(after, producer)).Expect(HttpStatusCode.Created).Body!["producer_epoch"]!);
        var next = (await after.PostAsync("/v1/producers", new JsonObject())).Expect(HttpStatusCode.Created).Body!;
        Assert.NotEqual((long)producer["producer_id"]!, (long)next["producer_id"]!);
    }

    // What is read after the offset is what the member left off at.
    private static async Task PollAsync(ServiceClient client)
    {
        string? cursor = null;
        await Wait.UntilAsync("the group has read and committed the record", async () =>
        {
            var request = new JsonObject { ["topics"] = new JsonArray("scores"), ["wait_ms"] = 1_000 };
            if (cursor is not null)
                request["cursor"] = cursor;
            var answer = (await client.PostAsync("/v1/groups/board/members/anna/poll", request)).Expect(HttpStatusCode.OK).Body!;
            cursor = (string)answer["cursor"]!;
            return (await client.GetAsync("/v1/groups/board/offsets")).Body!.ToJsonString().Contains("\"offset\":1", StringComparison.Ordinal);
        });
        (await client.SendAsync(HttpMethod.Delete, "/v1/groups/board/members/anna")).Expect(HttpStatusCode.NoContent);
    }

    private static Task<Answer> RaiseAsync(ServiceClient client, JsonNode producer) => client.PostAsync("/v1/producers", new JsonObject
    {
        ["producer_id"] = (long)producer["producer_id"]!,
        ["producer_epoch"] = (int)producer["producer_epoch"]!,
    });

    private static async Task<(string Offsets, string Group, string Topic)> DescribeAsync(ServiceClient client)
    {
        async Task<string> ReadAsync(string path) => (await client.GetAsync(path)).Expect(HttpStatusCode.OK).Body!.ToJsonString();
        return (await ReadAsync("/v1/groups/board/offsets"), await ReadAsync("/v1/groups/board"), await ReadAsync("/v1/topics/scores"));
    }

    // state/{service}/{state}/{grain type}/{key}
    private async Task<IEnumerable<string>> FindKindsAsync()
    {
        var store = AzureBlobContainer.Open(serviceUri: null, azurite.ConnectionString, Container, TimeProvider.System);
        var names = await store.Documents.ListAsync("state/", TestContext.Current.CancellationToken).ToArrayAsync(TestContext.Current.CancellationToken);
        return names.Select(name => name.Split('/')[2]).Distinct().Order(StringComparer.Ordinal);
    }
}
