using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Partitions;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.History;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Loads;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Faults;

/// <summary>
/// A cluster of processes meets faults in pairs, chosen by a seed, while producers, readers and a group's members go on; then it is healed,
/// serves again, and everything that anybody saw is judged, by the API and by the bytes in the store.
/// </summary>
public sealed class ClusterFaultTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const int FewSeeds = 2;
    private const int SiloCount = 3;
    private const int ApiCount = 2;
    private const int PartitionCount = 3;
    private const int LeaseMs = 5_000;
    private const int MemberCount = 2;

    // Served again within 15 s, and groups within 60 s, on a machine that has nothing else to do; this bound is for one that has.
    private static readonly TimeSpan HealingMax = TimeSpan.FromMinutes(4);

    // A failure detector that is not sure takes up to 12 s.
    private static readonly TimeSpan BetweenMax = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan HoldMin = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan HoldMax = TimeSpan.FromSeconds(16);
    private static readonly TimeSpan AfterHealing = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task Cluster_WhenFaultsComeInPairs_KeepsEveryPromise()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals, loopback addresses and /proc are Linux's.");
        await using var lines = await ClusterLines.OpenAsync(azurite.ConnectionString, SiloCount, seed: 1);
        await using var cluster = await ClusterProcesses.StartAsync(azurite.ConnectionString, "faults", SiloCount, ApiCount, lines);
        Write(FakeClock.IsAvailable ? "clocks jump too" : "libfaketime is not installed: clocks do not jump");
        // Others have lost records without any fault.
        var (calm, found) = await RunAsync(cluster, lines, new Round("calm", [], TimeSpan.Zero, HoldMin));
        Assert.True(found.Count == 0, $"Without faults, {calm}: {found.Count} findings.\n{string.Join('\n', found.Take(20))}");
        Write($"without faults green: {calm}");
        var (count, tally) = (0, new FaultTally());
        foreach (var seed in FaultSettings.Seeds(FewSeeds))
        {
            var started = Stopwatch.GetTimestamp();
            var round = Draw(lines, seed);
            Write($"{round.Name}: {string.Join<ActiveClusterFault>(" and ", round.Faults)}");
            var (story, findings) = await RunAsync(cluster, lines, round);
            Array.ForEach(round.Faults, fault => tally.Add($"{fault.Fault}", fault.TookEffect));
            Assert.True(findings.Count == 0, $"seed {seed}, {story}: {findings.Count} findings.\n{string.Join('\n', findings.Take(20))}\n"
                + $"Again: {FaultSettings.Again(seed, GetType())}");
            count++;
            Write($"seed {seed} green after {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s: {story}");
        }

        Write($"{tally}");
        Assert.True(tally.Idle.Count == 0, $"Faults that do nothing: {string.Join(", ", tally.Idle)}.");
        Write($"{count} seeds green");
    }

    private async Task<(string Story, List<string> Findings)> RunAsync(ClusterProcesses cluster, ClusterLines lines, Round round)
    {
        var (topic, work) = (round.Name, new LoadedTopic($"workers-{round.Name}", $"work-{round.Name}", PartitionCount));
        using var client = new ServiceClient(cluster.Apis[0]);
        // Segments are short, so that they roll under the faults.
        await CreateAsync(client, topic, new JsonObject { ["segment.bytes"] = 64 * 1024 });
        await CreateAsync(client, work.Name, new JsonObject());
        var (history, groupHistory) = (new CallHistory(), new GroupHistory());
        await using var load = new ClusterLoad(cluster.Apis, topic, PartitionCount, history);
        await using var group = new GroupLoad(cluster.Apis, work, MemberCount, LeaseMs, groupHistory);
        await load.WaitUntilServedAsync(HealingMax);

        await using var passing = new PassingTopic(cluster.Apis, $"passing-{round.Name}");
        var requests = lines.Slots.Select(slot => slot.Troubles.RequestCount).ToList();
        foreach (var fault in round.Faults)
        {
            await fault.BeginAsync();
            if (fault != round.Faults[^1])
                await Wait.ForAsync(round.Between);
        }

        await Wait.ForAsync(round.Hold);
        var stored = string.Join(", ", lines.Slots.Zip(requests, (slot, before) => slot.Troubles.RequestCount - before));
        var healed = await HealAsync(cluster, round.Faults, load);
        var served = Stopwatch.GetElapsedTime(healed);
        await Wait.ForAsync(AfterHealing);
        await load.WaitUntilServedAsync(HealingMax);
        await load.StopAsync();

        List<string> findings = [.. groupHistory.Check(await group.SettleAsync(HealingMax)).Select(finding => "group: " + finding)];
        findings.AddRange(await passing.SettleAsync(HealingMax));
        findings.AddRange(HistoryJudge.Judge(
            history.Calls, await HistoryClient.ReadAllAsync(client, topic, PartitionCount), mayBeStale: true));
        findings.AddRange((await JudgeBytesAsync(client, topic, history)).Select(finding => "by the bytes: " + finding));
        findings.AddRange(load.Details.Where(detail => detail.Contains("   at ", StringComparison.Ordinal)));
        // Azurite looks at every blob there is for each listing.
        await DeleteAsync(client, topic);
        await DeleteAsync(client, work.Name);
        return ($"{round}; served {served.TotalSeconds:F1} s after healing; requests of silos to the store: {stored}; {passing}; {load.Describe()}", findings);
    }

    // From when on all is healed, and no silo is missing.
    private static async Task<long> HealAsync(ClusterProcesses cluster, ActiveClusterFault[] faults, ClusterLoad load)
    {
        foreach (var fault in faults)
            await fault.LookAsync();
        foreach (var fault in faults)
            fault.End();
        await cluster.ReplaceMissingAsync(SiloCount, HealingMax);
        var healed = Stopwatch.GetTimestamp();
        await load.WaitUntilServedAsync(HealingMax);
        return healed;
    }

    private static Round Draw(ClusterLines lines, int seed)
    {
        var random = new Random(seed);
        ClusterFault[] known = [.. Enum.GetValues<ClusterFault>()
            .Where(fault => FakeClock.IsAvailable || fault is not (ClusterFault.ClockAhead or ClusterFault.ClockBack))];
        var faults = random.GetItems(known, 2);
        int[] slots = [random.Next(SiloCount), random.Next(SiloCount)];
        // What is dead or stopped meets nothing more.
        if (slots[0] == slots[1] && (faults[0] == faults[1] || Array.Exists(faults, fault => fault is ClusterFault.Kill or ClusterFault.Hang)))
            slots[1] = (slots[1] + 1) % SiloCount;
        return new Round(
            $"seed-{seed}",
            [.. faults.Zip(slots, (fault, slot) => new ActiveClusterFault(fault, lines.Slots[slot], lines))],
            BetweenMax * random.NextDouble(),
            HoldMin + ((HoldMax - HoldMin) * random.NextDouble()));
    }

    // Again when the outcome is open: asking for a topic that is there as asked for changes nothing.
    private static Task CreateAsync(ServiceClient client, string topic, JsonObject config) => Wait.UntilAsync($"{topic} is there", async () =>
    {
        var body = new JsonObject { ["partitions"] = PartitionCount, ["config"] = config.DeepClone() };
        var answer = await client.SendAsync(HttpMethod.Put, $"/v1/topics/{topic}", ServiceClient.Json(body));
        return answer.Status is HttpStatusCode.Created or HttpStatusCode.OK;
    }, HealingMax);

    private static Task DeleteAsync(ServiceClient client, string topic) => Wait.UntilAsync($"{topic} is gone", async () =>
        (await client.SendAsync(HttpMethod.Delete, $"/v1/topics/{topic}")).Status is HttpStatusCode.NoContent or HttpStatusCode.NotFound, HealingMax);

    private async Task<List<string>> JudgeBytesAsync(ServiceClient client, string topic, CallHistory history)
    {
        var id = Guid.Parse((string)(await client.GetAsync($"/v1/topics/{topic}")).Body!["id"]!);
        var store = AzureBlobContainer.Open(serviceUri: null, azurite.ConnectionString, "faults", TimeProvider.System);
        var findings = new List<string>();
        var stored = new PartitionContent[PartitionCount];
        for (var partition = 0; partition < PartitionCount; partition++)
        {
            var log = await StoredLog.ReadAsync(store.Segments, store.Documents, new PartitionKey(id, partition).ToString());
            findings.AddRange(log.Findings);
            stored[partition] = log.Content;
        }

        findings.AddRange(HistoryJudge.Judge(history.Calls, stored, mayBeStale: true));
        return findings;
    }

    private static void Write(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);

    /// <summary>One round: the faults, how long after the first the second comes, and for how long they then last.</summary>
    private sealed record Round(string Name, ActiveClusterFault[] Faults, TimeSpan Between, TimeSpan Hold)
    {
        public override string ToString() => Faults.Length == 0
            ? $"nothing for {Hold.TotalSeconds:F1} s"
            : $"{string.Join<ActiveClusterFault>($", {Between.TotalSeconds:F1} s later ", Faults)}, for {Hold.TotalSeconds:F1} s";
    }
}
