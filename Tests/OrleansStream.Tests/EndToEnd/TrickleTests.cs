using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Rest.Http;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>
/// On demand: a thousand real connections that trickle, a quarter each their request's head, its body, the lines of a stream, and their reading, for
/// longer than a head may take, and than a body goes without a look at its pace. The heads are cut. The others are not, as they hold little or take
/// enough, and callers beside them go on as before.
/// </summary>
[Collection(EndToEndCollection.Name)]
public sealed class TrickleTests(ServiceFixture fixture)
{
    private const int EachCount = 250;
    private const int RecordCount = 50;
    private const int ValueBytes = 100_000;

    // More than a reader has to take where others need the memory that its answer holds.
    private const int ReadBytesPerStep = 2 * 64 * 1024;
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Trickle = HttpLimits.BodyLook + TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Callers_BesideAThousandThatTrickle_GoOn()
    {
        OnDemand.Require(OnDemand.LoadTests);
        using var client = fixture.Service.Connect();
        await client.CreateTopicAsync("trickled", 1);
        await client.CreateTopicAsync("beside", 4);
        for (var i = 0; i < RecordCount; i++)
            await client.ProduceAsync("trickled", new JsonObject { ["value"] = new string('x', ValueBytes) });
        var calm = await MeasureAsync(client, Calm);

        List<SlowConnection> heads = [], bodies = [], lines = [], readers = [];
        for (var i = 0; i < EachCount; i++)
        {
            heads.Add(await OpenAsync("GET /v1/top"));
            bodies.Add(await OpenAsync(SlowConnection.BodyTo("trickled", HttpLimits.RequestBytesMax) + "{"));
            lines.Add(await OpenAsync(SlowConnection.LinesTo("trickled") + SlowConnection.Chunk("{\"value\":\"")));
            readers.Add(await OpenAsync("GET /v1/topics/trickled/partitions/0/records?offset=0&max_bytes=8000000 HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        }

        var measuring = MeasureAsync(client, Trickle);
        for (var begun = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begun) < Trickle;)
        {
            foreach (var head in heads)
                await head.TrySendAsync("o");
            foreach (var body in bodies)
                await body.SendAsync(new string(' ', 500));
            foreach (var line in lines)
                await line.SendAsync(SlowConnection.Chunk("x"));
            readers.ForEach(reader => reader.Receive(ReadBytesPerStep));
            await Wait.ForAsync(Step);
        }

        var beside = await measuring;
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"produce and fetch, calm: {Describe(calm)}; beside {4 * EachCount} that trickle: {Describe(beside)}; memory {fixture.Service.MemoryBytes >> 20} MiB; "
            + $"{readers.Count(reader => reader.Status.EndsWith("200", StringComparison.Ordinal))} readers were answered");
        Assert.All(heads, head => Assert.True(head.IsCut()));
        Assert.All(bodies, body => Assert.False(body.IsCut()));
        Assert.All(lines, line => Assert.False(line.IsCut()));
        Assert.All(readers, reader => Assert.False(reader.IsCut()));
        // The node's memory for answers is not enough for all of them at once; who gets none of it is told so.
        Assert.All(readers, reader => Assert.Contains(reader.Status, (string[])["HTTP/1.1 200", "HTTP/1.1 429"]));
        Assert.Contains(readers, reader => reader.Status == "HTTP/1.1 200" && reader.ReceivedBytes >= RecordCount * ValueBytes);
        foreach (var line in lines)
        {
            await line.SendAsync(SlowConnection.Chunk("\"}\n"));
            Assert.Contains("\"offset\":", await line.EndAsync(), StringComparison.Ordinal);
        }

        foreach (var connection in (IEnumerable<SlowConnection>)[.. heads, .. bodies, .. lines, .. readers])
            connection.Dispose();
        Assert.True(Percentile(beside, 99) < TimeSpan.FromSeconds(1), Describe(beside));
    }

    private Task<SlowConnection> OpenAsync(string begin) => SlowConnection.OpenAsync(fixture.Service.Address, begin);

    private static async Task<List<TimeSpan>> MeasureAsync(ServiceClient client, TimeSpan duration)
    {
        List<TimeSpan> times = [];
        for (var begun = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begun) < duration;)
        {
            var sent = Stopwatch.GetTimestamp();
            await client.ProduceAsync("beside", new JsonObject { ["value"] = times.Count });
            (await client.GetAsync("/v1/topics/beside/partitions/0/records?offset=0&limit=10")).Expect(HttpStatusCode.OK);
            times.Add(Stopwatch.GetElapsedTime(sent));
        }

        return times;
    }

    private static string Describe(List<TimeSpan> times) =>
        $"{times.Count} times, median {Percentile(times, 50).TotalMilliseconds:F1} ms, 99th percentile {Percentile(times, 99).TotalMilliseconds:F1} ms";

    private static TimeSpan Percentile(List<TimeSpan> times, int percent) => times.Order().ElementAt((times.Count - 1) * percent / 100);
}
