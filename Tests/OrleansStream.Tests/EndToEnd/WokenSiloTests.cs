using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Partitions;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.History;
using OrleansStream.Tests.Storage;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>
/// A silo hangs until others serve its partitions, wakes, and works on with what it believes: it tries to append, to roll, to
/// delete and to commit, and nothing of that takes effect (I1). What it tries is seen on its own line to the store. Once
/// refused, it may open a partition anew, as its rightful next leader with a higher epoch, until it learns that it was declared dead.
/// </summary>
[Collection(EndToEndCollection.Name)]
public sealed class WokenSiloTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const int PartitionCount = 6;
    private const int GroupCount = 6;
    private const string Appends = "appends";
    private const string Rolls = "rolls";

    // A goal on an idle machine; what is asserted leaves room for one that is busy with other work.
    private static readonly TimeSpan TakeoverGoal = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan TakeoverMax = TimeSpan.FromSeconds(45);

    // Longer than a silo that was declared dead takes to notice it.
    private static readonly TimeSpan AfterWakingMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(500);

    private static int s_number;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Wake_AfterItsPartitionsMoved_TakesEffectOnlyWhereTheFenceIsOut(bool isFenced)
    {
        // A minute for each, and half a dozen processes: on demand.
        Assert.SkipUnless(
            Environment.GetEnvironmentVariable("ORLEANSSTREAM_CLUSTER_TESTS") == "1", "Set ORLEANSSTREAM_CLUSTER_TESTS=1 to run it.");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The signals are Linux's.");
        var container = isFenced ? "woken" : "woken-unfenced";
        await using var line = await BlobLine.StartAsync(azurite.ConnectionString);
        await using var cluster = await ClusterProcesses.StartAsync(azurite.ConnectionString, container, silos: 2, apis: 1);
        // A silo with an Api in its process, so that requests reach what it leads without asking anybody else.
        var victim = await cluster.AddSiloAsync(line.ConnectionString, withApi: true);
        using var client = new ServiceClient(cluster.Apis[0]);
        await client.CreateTopicAsync(Appends, PartitionCount);
        // Every few seconds a segment is closed, and all but the newest are deleted.
        await client.CreateTopicAsync(Rolls, PartitionCount, new JsonObject { ["segment.ms"] = 1_000, ["retention.bytes"] = 1 });
        int[] led = await FindLedAsync(cluster, victim, Appends);
        int[] rolled = await FindLedAsync(cluster, victim, Rolls);
        await ProduceToAllAsync(client);
        await CommitAsync(client, offset: 1);

        var hung = Stopwatch.GetTimestamp();
        victim.Process.Signal(Signals.Suspend);
        await Wait.UntilAsync("it is stopped", () => victim.Process.IsSuspended);
        using var late = new LateRequests(victim.Process.Address);
        late.Send(led, rolled);
        await TakeOverAsync(cluster, led, rolled);
        var gap = Stopwatch.GetElapsedTime(hung);
        Write($"taken over after {gap.TotalSeconds:F1} s; goal {TakeoverGoal.TotalSeconds} s");
        Assert.True(gap < TakeoverMax, $"It took {gap}.");
        await CommitAsync(client, offset: 2);

        line.DropsPositionConditions = !isFenced;
        var woken = Stopwatch.GetTimestamp();
        victim.Process.Signal(Signals.Continue);
        while (!victim.Process.HasExited && Stopwatch.GetElapsedTime(woken) < AfterWakingMax)
        {
            late.Send(led, rolled);
            await Wait.ForAsync(Pace);
        }

        var calls = line.Calls.Where(call => call.Asked >= woken).ToList();
        Write($"woken, it {(victim.Process.HasExited ? "ended itself" : "ran on")}; {late.Count} requests were sent at it; what it asked of the store: "
            + string.Join(", ", calls.Where(call => call.Method is not ("GET" or "HEAD"))
                .CountBy(call => $"{call.Method}{(call.IsAppend ? " append" : "")} {call.Status}").Select(count => $"{count.Value} x {count.Key}")));
        var findings = await WalkAsync(client, container, Appends, led);
        if (!isFenced)
        {
            Assert.NotEmpty(findings);
            return;
        }

        // It tried to append and to change what it led, and was refused.
        Assert.Contains(calls, call => call is { IsAppend: true, IsRefused: true });
        Assert.Contains(calls, call => call is { IsAppend: false, IsRefused: true });
        Assert.Empty(findings);
        Assert.Empty(await WalkAsync(client, container, Rolls, rolled));
        // What a manifest names, nobody deleted.
        foreach (var partition in rolled)
            await client.ReadAllAsync(Rolls, partition);
    }

    private static async Task<int[]> FindLedAsync(ClusterProcesses cluster, ClusterSilo victim, string topic)
    {
        var leaders = await cluster.FindLeadersAsync(topic);
        int[] led = [.. Enumerable.Range(0, PartitionCount).Where(partition => leaders[partition] == victim)];
        Assert.NotEmpty(led);
        return led;
    }

    private static async Task ProduceToAllAsync(ServiceClient client)
    {
        for (var partition = 0; partition < PartitionCount; partition++)
        {
            foreach (var topic in new[] { Appends, Rolls })
                await client.ProduceAsync(topic, new JsonObject { ["value"] = Said("early"), ["partition"] = partition });
        }
    }

    // By many requests at once: one that was on its way to the hung silo waits long.
    private static async Task TakeOverAsync(ClusterProcesses cluster, int[] led, int[] rolled)
    {
        using var client = new ServiceClient(cluster.Apis[0]);
        foreach (var (topic, partition) in led.Select(partition => (Appends, partition)).Concat(rolled.Select(partition => (Rolls, partition))))
        {
            var attempts = new List<Task<Answer>>();
            await Wait.UntilAsync($"partition {partition} of {topic} serves", async () =>
            {
                attempts.Add(PostAsync(client, topic, partition, "taken over"));
                await Task.WhenAny([.. attempts, Wait.ForAsync(TimeSpan.FromSeconds(1))]);
                Answer[] answers = await Task.WhenAll(attempts.Where(attempt => attempt.IsCompletedSuccessfully));
                return answers.Any(answer => answer.Status == HttpStatusCode.OK);
            });
            _ = Task.WhenAll(attempts).ContinueWith(all => all.Exception, TaskScheduler.Default);
        }
    }

    private static IEnumerable<string> Groups() => Enumerable.Range(0, GroupCount).Select(i => $"group-{i}");

    private static async Task CommitAsync(ServiceClient client, long offset)
    {
        foreach (var group in Groups())
        {
            await Wait.UntilAsync(
                $"{group} commits", async () => (await CommitAsync(client, group, offset)).Status == HttpStatusCode.OK);
        }
    }

    private static Task<Answer> CommitAsync(ServiceClient client, string group, long offset) => client.SendAsync(
        HttpMethod.Put, $"/v1/groups/{group}/offsets", ServiceClient.Json(new JsonObject
        {
            ["offsets"] = new JsonArray(new JsonObject { ["topic"] = Appends, ["partition"] = 0, ["offset"] = offset }),
        }));

    private static Task<Answer> PostAsync(ServiceClient client, string topic, int partition, string value) => client.PostAsync(
        $"/v1/topics/{topic}/partitions/{partition}/records",
        new JsonObject { ["records"] = new JsonArray(new JsonObject { ["value"] = Said(value) }) });

    // As the history's judge reads records.
    private static JsonObject Said(string what) => new()
    {
        ["producer"] = 0,
        ["number"] = Interlocked.Increment(ref s_number),
        ["said"] = what,
    };

    private async Task<List<string>> WalkAsync(ServiceClient client, string container, string topic, int[] partitions)
    {
        var id = Guid.Parse((string)(await client.GetAsync($"/v1/topics/{topic}")).Body!["id"]!);
        var store = AzureBlobContainer.Open(serviceUri: null, azurite.ConnectionString, container, TimeProvider.System);
        var findings = new List<string>();
        foreach (var partition in partitions)
            findings.AddRange((await StoredLog.ReadAsync(
                store.Segments, store.Documents, new PartitionKey(id, partition).ToString())).Findings);
        return findings;
    }

    private static void Write(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);

    /// <summary>Requests to a silo that does not answer; what they come to does not matter.</summary>
    private sealed class LateRequests(Uri address) : IDisposable
    {
        private readonly ServiceClient _client = new(address);

        public int Count { get; private set; }

        public void Send(int[] appends, int[] rolls)
        {
            foreach (var partition in appends)
                Send(PostAsync(_client, Appends, partition, "late"));
            foreach (var partition in rolls)
                Send(PostAsync(_client, Rolls, partition, "late"));
            foreach (var group in Groups())
                Send(CommitAsync(_client, group, offset: 1));
        }

        public void Dispose() => _client.Dispose();

        private void Send(Task request)
        {
            Count++;
            _ = request.ContinueWith(ended => ended.Exception, TaskScheduler.Default);
        }
    }
}
