using System.Diagnostics;
using OrleansStream.Tests.History;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Loads;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Groups;

/// <summary>A group goes on while its members, the silos and the Api nodes of a real cluster of processes die and come back.</summary>
public sealed class GroupClusterTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private static readonly TimeSpan CalmTime = TimeSpan.FromSeconds(5);
    private readonly GroupHistory _history = new();

    [Fact]
    public async Task Poll_WhenOneNodeAndThenAllAreKilled_GoesOnElsewhereWithTheSamePartitions()
    {
        await using var cluster = await ClusterProcesses.StartEmbeddedAsync(azurite.ConnectionString, "group-nodes", nodes: 2);
        var topic = await CreateTopicAsync(cluster, partitions: 12);
        // Longer than all of this: nobody but the killed changes.
        await using var load = new GroupLoad(cluster.Apis, topic, members: 6, leaseMs: 60_000, _history);
        await load.WaitUntilServedAsync(since: 0);
        await load.WaitUntilServedAsync(Stopwatch.GetTimestamp());
        var before = load.Standing;

        // Members are parked at each of the two.
        var killed = Stopwatch.GetTimestamp();
        await cluster.KillApiAsync(1);
        await load.WaitUntilServedAsync(killed);
        Write($"one of two nodes was killed: every member was served {Stopwatch.GetElapsedTime(killed).TotalSeconds:F1} s later");
        Assert.Equal(before, load.Standing);

        await cluster.KillAllAsync();
        await cluster.StartAgainAsync();
        var started = Stopwatch.GetTimestamp();
        await load.WaitUntilServedAsync(started);
        Write($"all nodes were restarted: every member was served {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s after they were ready");
        Assert.Equal(before, load.Standing);
        await JudgeAsync(load);
    }

    [Fact]
    public async Task Poll_WhenMembersSilosAndApisDie_DeliversAllAndCommitsNothingStale()
    {
        OnDemand.Require(OnDemand.ClusterTests);
        await using var cluster = await ClusterProcesses.StartAsync(azurite.ConnectionString, "group-cluster", silos: 3, apis: 2);
        var topic = await CreateTopicAsync(cluster, partitions: 64);
        await using var load = new GroupLoad(cluster.Apis, topic, members: 30, leaseMs: 5_000, _history);
        await load.WaitUntilServedAsync(since: 0);
        load.HasTrouble = true;
        var random = new Random(TestSeed.Value);
        foreach (var victim in random.GetItems(["silo", "api"], 4).Concat(["silo", "api"]))
        {
            await Wait.ForAsync(CalmTime);
            await KillAndReplaceAsync(cluster, victim, random);
        }

        await Wait.ForAsync(CalmTime);
        load.HasTrouble = false;
        await load.WaitUntilServedAsync(Stopwatch.GetTimestamp());
        await cluster.KillAllAsync();
        await cluster.StartAgainAsync();
        var started = Stopwatch.GetTimestamp();
        await load.WaitUntilServedAsync(started);
        Write($"all was restarted: every member was served {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s after it was ready");
        await JudgeAsync(load);
    }

    private static async Task KillAndReplaceAsync(ClusterProcesses cluster, string victim, Random random)
    {
        if (victim == "silo")
        {
            await cluster.KillAsync(cluster.Silos[random.Next(cluster.Silos.Count)]);
            await cluster.AddSiloAsync();
        }
        else
        {
            var api = random.Next(cluster.Apis.Count);
            await cluster.KillApiAsync(api);
            await cluster.StartApiAgainAsync(api);
        }

        Write($"a {victim} was killed and replaced");
    }

    private async Task JudgeAsync(GroupLoad load)
    {
        var committed = await load.SettleAsync();
        Write($"seed {TestSeed.Value}: {load.Describe()}");
        var findings = _history.Check(committed);
        Assert.True(findings.Count == 0, $"{findings.Count} findings.\n{string.Join('\n', findings.Take(20))}");
    }

    private static async Task<LoadedTopic> CreateTopicAsync(ClusterProcesses cluster, int partitions)
    {
        using var client = new ServiceClient(cluster.Apis[0]);
        await client.CreateTopicAsync("work", partitions);
        return new LoadedTopic("workers", "work", partitions);
    }

    private static void Write(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);
}
