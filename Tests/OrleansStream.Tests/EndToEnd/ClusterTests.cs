using System.Diagnostics;
using System.Text.Json.Nodes;
using OrleansStream.Partitions;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.History;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Loads;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>A real cluster of processes goes on while its silos die, hang, leave and come (invariants I1 to I5, I7, I8).</summary>
[Collection(EndToEndCollection.Name)]
public sealed class ClusterTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const string Topic = "cluster";
    private const int PartitionCount = 6;
    private const int SiloCount = 3;
    private const int ApiCount = 2;

    private static readonly TimeSpan KillGapMax = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan HangGapMax = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan JoinMax = TimeSpan.FromSeconds(20);

    // Longer than it takes a silo that was declared dead to notice it.
    private static readonly TimeSpan AfterWaking = TimeSpan.FromSeconds(20);

    private readonly CallHistory _history = new();

    // Two to three minutes for the three of them, and eight processes at once: on demand.
    private static void SkipUnlessAsked() => OnDemand.Require(OnDemand.ClusterTests);

    [Fact]
    public async Task Kill_WhenSilosDieLeaveAndCome_LosesDoublesAndReordersNothing()
    {
        SkipUnlessAsked();
        await using var cluster = await StartAsync("kill");
        await using var load = new ClusterLoad(cluster.Apis, Topic, PartitionCount, _history);
        await load.WaitUntilServedAsync();

        var leaders = await cluster.FindLeadersAsync(Topic);
        var first = leaders[0];
        var gap = await KillAsync(cluster, load, first, leaders);

        var moved = Array.FindIndex(leaders, leader => leader == first);
        leaders = await cluster.FindLeadersAsync(Topic);
        var nextGap = await KillAsync(cluster, load, leaders[moved], leaders);

        var added = await cluster.AddSiloAsync();
        leaders = await cluster.FindLeadersAsync(Topic);
        var last = cluster.Silos.First(silo => silo != added);
        var stopped = Stopwatch.GetTimestamp();
        Assert.Equal(0, await cluster.StopAsync(last));
        await load.WaitUntilServedAsync();
        Report($"{last} was stopped in good order", load.LongestGaps(stopped), last, leaders);
        Assert.All(await cluster.FindLeadersAsync(Topic), leader => Assert.Same(added, leader));

        await cluster.AddSiloAsync();
        await load.WaitUntilServedAsync();
        await JudgeAsync(cluster, load);
        AssertNoProducerSawAnError(load);
        Assert.All([gap, nextGap], longest => Assert.True(longest <= KillGapMax, $"The longest gap was {longest}."));
    }

    [Fact]
    public async Task Hang_WhenASiloWakesAfterItsPartitionsMoved_NoneOfItsLateAppendsTakesEffect()
    {
        SkipUnlessAsked();
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The signals are Linux's.");
        await using var cluster = await StartAsync("hang");
        await using var load = new ClusterLoad(cluster.Apis, Topic, PartitionCount, _history);
        await load.WaitUntilServedAsync();

        var leaders = await cluster.FindLeadersAsync(Topic);
        var hung = leaders[0];
        var epochs = await WalkAsync(cluster, "hang");
        var since = Stopwatch.GetTimestamp();
        hung.Process.Signal(Signals.Suspend);
        await Wait.UntilAsync("it is stopped", () => hung.Process.IsSuspended);
        await load.WaitUntilServedAsync();
        var gaps = load.LongestGaps(since);
        Report($"{hung} hung", gaps, hung, leaders, HangGapMax);

        Assert.True(hung.Process.IsSuspended);
        hung.Process.Signal(Signals.Continue);
        await Wait.ForAsync(AfterWaking);
        await load.WaitUntilServedAsync();
        await JudgeAsync(cluster, load);
        Write($"epochs {string.Join(' ', epochs)}, then {string.Join(' ', await WalkAsync(cluster, "hang"))}");
        var ended = hung.Process.Output.Where(line => line.Contains("The log of partition", StringComparison.Ordinal));
        Write($"the woken silo {(hung.Process.HasExited ? "has ended itself" : "still runs")}; {string.Join(" | ", ended.Select(line => line.Trim()))}");
        AssertNoProducerSawAnError(load);
        Assert.True(gaps.Max() <= HangGapMax, $"The longest gap was {gaps.Max()}.");
    }

    [Fact]
    public async Task KillAll_WhenStartedAgain_HasEveryAcknowledgedRecordAndEveryTopic()
    {
        SkipUnlessAsked();
        await using var cluster = await StartAsync("restart");
        string[] topics = [Topic, "fixtures", "results"];
        using (var client = new ServiceClient(cluster.Apis[1]))
        {
            foreach (var topic in topics.Skip(1))
            {
                await client.CreateTopicAsync(topic, partitions: 2);
                await client.ProduceAsync(topic, new JsonObject { ["value"] = topic });
            }
        }

        await using var load = new ClusterLoad(cluster.Apis, Topic, PartitionCount, _history);
        await load.WaitUntilServedAsync();
        var acked = _history.Count(CallOutcome.Ok);
        await Wait.UntilAsync("more is acknowledged", () => _history.Count(CallOutcome.Ok) > acked * 2);
        var since = Stopwatch.GetTimestamp();
        await cluster.KillAllAsync();
        await cluster.StartAgainAsync();
        var ready = Stopwatch.GetElapsedTime(since);
        await load.WaitUntilServedAsync();
        Write($"all were killed: ready after {ready.TotalSeconds:F1} s, served again after {load.LongestGaps(since).Max().TotalSeconds:F1} s");
        await JudgeAsync(cluster, load);

        using var after = new ServiceClient(cluster.Apis[0]);
        var listed = (await after.GetAsync("/v1/topics")).Body!["topics"]!.AsArray().Select(topic => (string)topic!["name"]!);
        Assert.Equal(topics.Order(StringComparer.Ordinal), listed);
        foreach (var topic in topics.Skip(1))
            Assert.Equal(topic, (string?)Assert.Single((await after.ReadTopicAsync(topic, 2)).SelectMany(records => records)).Value);
    }

    // Nobody answers for the silos before, and nobody has their ports.
    [Fact]
    public async Task KillAll_WhenTheSilosAreStartedOnOtherPorts_IsReadySoonAndHasEveryRecord()
    {
        SkipUnlessAsked();
        await using var cluster = await StartAsync("elsewhere");
        using (var client = new ServiceClient(cluster.Apis[0]))
            await client.ProduceAsync(Topic, Enumerable.Range(0, 100).Select(i => new JsonObject { ["key"] = $"{i}", ["value"] = i }));
        await cluster.KillAllAsync();
        var since = Stopwatch.GetTimestamp();
        await cluster.StartElsewhereAsync();
        var ready = Stopwatch.GetElapsedTime(since);
        Write($"all were killed and started on other ports: ready after {ready.TotalSeconds:F1} s");

        using var after = new ServiceClient(cluster.Apis[0]);
        Assert.Equal(100, (await after.ReadTopicAsync(Topic, PartitionCount)).Sum(records => records.Count));
        Assert.True(ready <= JoinMax, $"It took {ready}.");
    }

    private async Task<ClusterProcesses> StartAsync(string container)
    {
        var since = Stopwatch.GetTimestamp();
        var cluster = await ClusterProcesses.StartAsync(azurite.ConnectionString, container, SiloCount, ApiCount);
        using var client = new ServiceClient(cluster.Apis[0]);
        await client.CreateTopicAsync(Topic, PartitionCount);
        Write($"started in {Stopwatch.GetElapsedTime(since).TotalSeconds:F1} s");
        return cluster;
    }

    private static async Task<TimeSpan> KillAsync(ClusterProcesses cluster, ClusterLoad load, ClusterSilo silo, ClusterSilo[] leaders)
    {
        var since = Stopwatch.GetTimestamp();
        await cluster.KillAsync(silo);
        await load.WaitUntilServedAsync();
        var gaps = load.LongestGaps(since);
        Report($"{silo} was killed", gaps, silo, leaders, KillGapMax);
        return gaps.Max();
    }

    // Within their request timeout of 30 s: a server's death costs them time.
    private static void AssertNoProducerSawAnError(ClusterLoad load) => Assert.Empty(load.ProducerErrors);

    private async Task JudgeAsync(ClusterProcesses cluster, ClusterLoad load)
    {
        await load.StopAsync();
        Write(load.Describe());
        foreach (var detail in load.Details)
            Write("  " + detail);
        using var client = new ServiceClient(cluster.Apis[^1]);
        var findings = HistoryJudge.Judge(
            _history.Calls, await HistoryClient.ReadAllAsync(client, Topic, PartitionCount), mayBeStale: true);
        Assert.True(findings.Count == 0, $"{findings.Count} findings.\n{string.Join('\n', findings.Take(20))}");
        Assert.DoesNotContain(load.Details, detail => detail.Contains("   at ", StringComparison.Ordinal));
    }

    // Judges the segments, too.
    private async Task<int[]> WalkAsync(ClusterProcesses cluster, string container)
    {
        using var client = new ServiceClient(cluster.Apis[0]);
        var id = Guid.Parse((string)(await client.GetAsync($"/v1/topics/{Topic}")).Body!["id"]!);
        var store = AzureBlobContainer.Open(serviceUri: null, azurite.ConnectionString, container, TimeProvider.System);
        var epochs = new int[PartitionCount];
        for (var partition = 0; partition < PartitionCount; partition++)
        {
            var log = await StoredLog.ReadAsync(store.Segments, store.Documents, new PartitionKey(id, partition).ToString());
            Assert.Empty(log.Findings);
            epochs[partition] = log.Epoch;
        }

        return epochs;
    }

    private static void Report(string what, TimeSpan[] gaps, ClusterSilo silo, ClusterSilo[] leaders, TimeSpan? most = null) => Write(
        $"{what}; longest gap per partition (* it led): "
        + string.Join(", ", gaps.Select((gap, partition) => $"{partition}{(leaders[partition] == silo ? "*" : "")} {gap.TotalSeconds:F2} s"))
        + (most is { } g ? $"; at most {g.TotalSeconds} s" : ""));

    private static void Write(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);
}
