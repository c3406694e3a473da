using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.WebConsole;

/// <summary>The console on a service with 1,000 topics, 10,000 partitions and 500 groups, and on a topic that gets 5,000 records a second.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class ConsoleScaleTests
{
    private const int TopicCount = 1_000;
    private const int PartitionCount = 10_000;
    private const int LargeCount = 1_000;
    private const int FollowedCount = 18;
    private const int GroupCount = 500;
    private const int AtOnce = 8;
    private const int RecordsPerSecond = 5_000;
    private const string Large = "large";
    private const string Followed = "followed";
    private const string Wide = "wide";
    private const double PageMs = 1_000;
    private const double PaintMs = 1_000;
    private const double UsableMs = 3_000;
    private const double BlockMs = 500;

    private static readonly int EachCount = (PartitionCount - LargeCount - FollowedCount) / (TopicCount - 2);

    [Fact]
    public async Task Console_WithMuchInTheService_ShowsEachPageSoonAndStaysResponsive()
    {
        OnDemand.Require(OnDemand.LoadTests);
        ConsoleJourney.RequireBrowser();
        using var folder = new ScratchFolder();
        await using var service = await ServiceProcess.StartAsync(folder.Path);
        using var client = service.Connect();
        await FillAsync(client);

        var found = await ConsoleJourney.RunAsync(
            "console-scale.cjs", service.Address, [Large, "group-250", Wide, Followed, $"{RecordsPerSecond}"]);

        var live = found["followed live"];
        Assert.Contains("sample", (string)live["said"]!, StringComparison.Ordinal);
        Assert.Equal(0, (int)live["failed"]!);
        // The machine may be busy: the figures are printed, and bounds keep what takes seconds from passing.
        Assert.InRange((double)live["perSecond"]!, 0.8 * RecordsPerSecond, double.MaxValue);
        Assert.InRange((double)live["longest"]!, 0, BlockMs);
        Assert.InRange((double)found["first load"]["paint"]!, 0, PaintMs);
        Assert.InRange((double)found["first load"]["usable"]!, 0, UsableMs);
        Assert.Empty(found.Values.Where(one => (double?)one["ms"] > PageMs).Select(one => one.ToJsonString()));
    }

    private static async Task FillAsync(ServiceClient client)
    {
        IEnumerable<(string Name, int Partitions)> topics =
            [.. Enumerable.Range(0, TopicCount - 2).Select(number => ($"t-{number:0000}", EachCount)), (Large, LargeCount), (Followed, FollowedCount)];
        await Parallel.ForEachAsync(
            topics, new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
            async (topic, _) => await client.CreateTopicAsync(topic.Name, topic.Partitions));
        using var lines = new StringContent(
            string.Join('\n', Enumerable.Range(0, RecordsPerSecond).Select(i => $$"""{"key":"k{{i}}","value":{"i":{{i}} } }""")), Encoding.UTF8, "application/x-ndjson");
        using var stored = await client.Http.PostAsync($"/v1/topics/{Large}/records", lines, TestContext.Current.CancellationToken);
        Assert.True(stored.IsSuccessStatusCode, $"{stored.StatusCode}");
        await Parallel.ForEachAsync(
            Enumerable.Range(0, GroupCount - 1), new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
            async (number, _) =>
            {
                await client.PostAsync($"/v1/topics/t-{number:0000}/records", JsonNode.Parse("""{"records":[{"value":1},{"value":2}]}""")!);
                await CommitAsync(client, $"group-{number:000}", $"t-{number:0000}", 0, EachCount);
            });
        for (var first = 0; first < LargeCount; first += LargeCount / 10)
            await CommitAsync(client, Wide, Large, first, LargeCount / 10);
    }

    private static async Task CommitAsync(ServiceClient client, string group, string topic, int first, int count)
    {
        var offsets = new JsonArray([.. Enumerable.Range(first, count).Select(partition =>
            (JsonNode)new JsonObject { ["topic"] = topic, ["partition"] = partition, ["offset"] = 0 })]);
        var answer = await client.SendAsync(HttpMethod.Put, $"/v1/groups/{group}/offsets", ServiceClient.Json(new JsonObject { ["offsets"] = offsets }));
        Assert.True((int)answer.Status is 200 or 204, $"{answer.Status}: {answer.Body}");
    }
}
