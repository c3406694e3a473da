using System.Net;
using System.Text.Json.Nodes;
using CsCheck;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Gateway.Reading;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>The reads that wait for records at a node are bounded, whoever waits on however many partitions.</summary>
[Collection(ApiTests.Name)]
public sealed class WaitingReadsTests(ApiFixture api)
{
    private const int Max = ReadingLimits.WaitingReadsMax;

    [Fact]
    public void Take_InAnyOrder_NeverPassesTheBoundAndLeavesRoomForOthers() =>
        Gen.Select(Gen.Int[0, 50], Gen.Int[0, 2]).Array[1, 60].Sample(steps =>
        {
            var waits = new NodeWaits(countMax: 40);
            var held = new Queue<int>();
            foreach ((var count, var kind) in steps)
            {
                var free = 40 - waits.Count;
                if (kind == 2)
                    waits.Return(held.TryDequeue(out var returned) ? returned : 0);
                else if (kind == 1)
                    held.Enqueue(Expect(Math.Min(count, free / 4), waits.TakeUpTo(count)));
                else
                    held.Enqueue(waits.TryTake(count) ? Expect(count, Math.Min(count, free)) : Expect(0, count <= free ? count : 0));
                Assert.Equal(held.Sum(), waits.Count);
                Assert.InRange(waits.Count, 0, 40);
            }
        });

    [Fact]
    public async Task Tail_OfMorePartitionsThanMayBeWaitedOn_IsRefused()
    {
        var topic = new ScriptedTopic { PartitionCount = 4 };
        await using var lone = await LoneApi.StartAsync(topic);
        var waits = lone.Services.GetRequiredService<NodeWaits>();
        Assert.True(waits.TryTake(Max - 3));
        using (var refused = await OpenAsync(lone.Client, "t"))
            await AssertRefusedAsync(refused);
        topic.PartitionCount = 3;
        using (var response = await OpenAsync(lone.Client, "t"))
        {
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(Max, waits.Count);
        }

        await Wait.UntilAsync("its reads wait no more", () => waits.Count == Max - 3);
    }

    [Fact]
    public async Task Tail_OfATopicThatIsMadeAnewWithMorePartitionsThanMayBeWaitedOn_SaysSoAndEnds()
    {
        var topic = new ScriptedTopic { PartitionCount = 1 };
        await using var lone = await LoneApi.StartAsync(topic);
        var waits = lone.Services.GetRequiredService<NodeWaits>();
        Assert.True(waits.TryTake(Max - 2));
        using var response = await OpenAsync(lone.Client, "t");
        topic.CreateAnew(partitionCount: 3);
        var rest = await ApiFixture.TextAsync(response);
        Assert.Contains("event: error\ndata: ", rest, StringComparison.Ordinal);
        Assert.Contains("THROTTLING_QUOTA_EXCEEDED", rest, StringComparison.Ordinal);
        await Wait.UntilAsync("its reads wait no more", () => waits.Count == Max - 2);
    }

    [Fact]
    public async Task Fetch_WhenNoneMayWait_IsRefusedIfItWouldWait()
    {
        var topic = await api.CreateTopicAsync();
        using IDisposable none = TakeAll();
        var path = $"/v1/topics/{topic}/partitions/0/records";
        await api.GetAsync(path);
        using var refused = await api.Client.GetAsync($"{path}?wait_ms=10000", TestContext.Current.CancellationToken);
        await AssertRefusedAsync(refused);
    }

    [Fact]
    public async Task Any_BehindItsAnswer_WaitsNoMore()
    {
        var topic = await api.CreateTopicAsync(partitions: 3);
        await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?wait_ms=100");
        await PollAsync(topic, waitMs: 100);
        using (var tail = await OpenAsync(api.Client, topic))
            await Wait.UntilAsync("the tail waits on each partition", () => api.Waits.Count == 3);
        await Wait.UntilAsync("nothing waits", () => api.Waits.Count == 0);
    }

    [Fact]
    public async Task Poll_WhenNoneMayWait_FindsNewRecordsAllTheSame()
    {
        var topic = await api.CreateTopicAsync(partitions: 3);
        await PollAsync(topic, waitMs: 0);
        using IDisposable none = TakeAll();
        var polling = PollAsync(topic, waitMs: 30_000);
        await api.PostAsync($"/v1/topics/{topic}/partitions/2/records", """{"records":[{"value":1}]}""");
        Assert.Single((await polling)["records"]!.AsArray());
        Assert.Equal(Max, api.Waits.Count);
    }

    private static int Expect(int expected, int actual)
    {
        Assert.Equal(expected, actual);
        return actual;
    }

    private static Task<HttpResponseMessage> OpenAsync(HttpClient client, string topic) => client.GetAsync(
        $"/v1/topics/{topic}/records?from=latest", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);

    private static async Task AssertRefusedAsync(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.TooManyRequests, response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter);
        Assert.Equal("THROTTLING_QUOTA_EXCEEDED", (string?)JsonNode.Parse(await ApiFixture.TextAsync(response))!["error_code"]);
    }

    private Task<JsonNode> PollAsync(string topic, int waitMs) =>
        api.PostAsync($"/v1/groups/g-{topic}/members/m/poll", $$"""{"topics":["{{topic}}"],"wait_ms":{{waitMs}}}""");

    private Taken TakeAll()
    {
        var count = Max - api.Waits.Count;
        Assert.True(api.Waits.TryTake(count));
        return new Taken(api.Waits, count);
    }

    private sealed class Taken(NodeWaits waits, int count) : IDisposable
    {
        public void Dispose() => waits.Return(count);
    }
}
