using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Hosting;
using OrleansStream.Tests.Storage;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>A process of a cluster that is told to stop finishes what it took, hands over, and is gone in bounded time.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class ClusterStopTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const string Topic = "stops";
    private const int PartitionCount = 4;

    [Fact]
    public async Task Stop_OfASiloAndOfAnApiNode_BreaksNothingThatIsUnderWay()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals.");
        await using var cluster = await ClusterProcesses.StartAsync(azurite.ConnectionString, "stops", silos: 2, apis: 1);
        using var client = new ServiceClient(cluster.Apis[0]);
        await client.CreateTopicAsync(Topic, PartitionCount);
        var leaders = await cluster.FindLeadersAsync(Topic);
        Assert.Equal(2, leaders.Distinct().Count());
        var places = new List<Place>();

        await ProduceWhileAsync(client, places, async () =>
        {
            var stopped = Stopwatch.GetTimestamp();
            Assert.Equal(0, await cluster.StopAsync(leaders[0]));
            Assert.True(Stopwatch.GetElapsedTime(stopped) < ClusterLimits.ShutdownTimeout, "It took longer than it may.");
        });

        Assert.Single((await cluster.FindLeadersAsync(Topic)).Distinct());
        await ProduceWhileAsync(client, places, () => StopApiAsync(cluster));
        Assert.Equal(places.Count, places.Distinct().Count());
    }

    // Not ready first, and still serving; then gone, with nothing of what it took unanswered.
    private static async Task StopApiAsync(ClusterProcesses cluster)
    {
        var stopping = cluster.StopApiAsync();
        using var client = new ServiceClient(cluster.Apis[0]);
        await Wait.UntilAsync("it is not ready", async () =>
            (await client.GetAsync("/health/ready")).Status == HttpStatusCode.ServiceUnavailable);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/health/live")).Status);
        (await client.PostAsync($"/v1/topics/{Topic}/records", new JsonObject
        {
            ["records"] = new JsonArray(new JsonObject { ["value"] = "late" }),
        })).Expect(HttpStatusCode.OK);
        Assert.Equal(0, await stopping);
    }

    private static async Task ProduceWhileAsync(ServiceClient client, List<Place> places, Func<Task> workAsync)
    {
        var work = workAsync();
        for (var i = 0; !work.IsCompleted; i++)
        {
            try
            {
                places.AddRange(await client.ProduceAsync(Topic, new JsonObject { ["value"] = i, ["partition"] = i % PartitionCount }));
            }
            catch (HttpRequestException exception) when (exception.InnerException is System.Net.Sockets.SocketException)
            {
                // Refused: it takes no more connections.
                break;
            }
        }

        await work;
    }
}
