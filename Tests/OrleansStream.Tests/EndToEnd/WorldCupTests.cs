using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>The World Cup's match events through the real service, as the README does it, in each form of request.</summary>
[Collection(SharedServiceCollection.Name)]
public sealed class WorldCupTests(ServiceFixture fixture)
{
    [Theory]
    [InlineData("application/x-ndjson")]
    [InlineData("application/json")]
    public async Task Produce_WhenTheMatchesInterleave_KeepsEachMatchInOrderInOnePartition(string mediaType)
    {
        var topic = $"matches-{mediaType.Split('/')[1]}";
        using var client = fixture.Service.Connect();
        await client.CreateTopicAsync(topic, WorldCup.PartitionCount);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/topics/{topic}/records") { Content = MakeBody(mediaType) };
        using var response = await client.Http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);

        var partitions = await client.ReadTopicAsync(topic, WorldCup.PartitionCount);
        var sent = WorldCup.ReadRecords();
        Assert.Equal(sent.Count, partitions.Sum(records => records.Count));
        var expectedPartitions = await ChooseAsync([.. sent.Select(record => (string)record["key"]!).Distinct()], WorldCup.PartitionCount);
        foreach (var match in sent.GroupBy(record => (string)record["key"]!))
        {
            var there = partitions.SelectMany(records => records).Where(record => record.Key == match.Key).ToList();
            Assert.Equal(expectedPartitions[match.Key], Assert.Single(there.Select(record => record.Partition).Distinct()));
            Assert.Equal(
                match.Select(record => record["value"]!.ToJsonString()),
                there.OrderBy(record => record.Offset).Select(record => record.Value!.ToJsonString()));
        }

        Assert.All(partitions, records => Assert.Equal(
            Enumerable.Range(0, records.Count).Select(offset => (long)offset), records.Select(record => record.Offset)));
    }

    [Fact]
    public void Sample_WhenRead_TellsAWorldCupAsItHappens()
    {
        var events = WorldCup.ReadRecords().Select(record => record["value"]!.AsObject()).ToList();
        var matches = events.GroupBy(one => (string)one["match"]!).ToList();
        Assert.True(matches.Count >= 48 && events.Count > 600, $"{events.Count} events of {matches.Count} matches");
        Assert.All(matches, match =>
        {
            Assert.Equal(Enumerable.Range(0, match.Count()), match.Select(one => (int)one["seq"]!));
            Assert.Equal("kick-off", (string?)match.First()["event"]);
            Assert.Equal("full-time", (string?)match.Last()["event"]);
        });
        var times = events.Select(one => DateTimeOffset.Parse((string)one["at"]!)).ToList();
        Assert.Equal(times.Order(), times);
        var changes = events.Zip(events.Skip(1)).Count(pair => (string?)pair.First["match"] != (string?)pair.Second["match"]);
        Assert.True(changes > events.Count / 2, $"Only {changes} of {events.Count} events follow another match's: they do not interleave.");
    }

    [Fact]
    public async Task Sample_WhenItsScriptRuns_ComesOutTheSame()
    {
        var (exitCode, output, errors) = await OtherProgram.RunAsync(
            new("node", [Repository.PathOf("Api", "Samples", "make-world-cup.mjs")]));
        Assert.Equal((0, ""), (exitCode, errors));
        Assert.Equal(await File.ReadAllTextAsync(WorldCup.Path, TestContext.Current.CancellationToken), output);
    }

    private static async Task<Dictionary<string, int>> ChooseAsync(IReadOnlyList<string> keys, int partitions)
    {
        var chosen = await KafkaPartitions.ChooseAsync([.. keys.Select(key => System.Text.Encoding.UTF8.GetBytes(key))], partitions);
        return keys.Zip(chosen).ToDictionary(pair => pair.First, pair => pair.Second);
    }

    private static HttpContent MakeBody(string mediaType)
    {
        if (mediaType == "application/json")
            return ServiceClient.Json(new JsonObject { ["records"] = new JsonArray([.. WorldCup.ReadRecords()]) });
        var body = new ByteArrayContent(File.ReadAllBytes(WorldCup.Path));
        body.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
        return body;
    }
}
