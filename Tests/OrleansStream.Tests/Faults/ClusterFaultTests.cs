using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Partitions;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.EndToEnd;
using OrleansStream.Tests.Groups;
using OrleansStream.Tests.History;
using OrleansStream.Tests.Storage;

namespace OrleansStream.Tests.Faults;

/// <summary>
/// A cluster of processes meets faults in pairs, chosen by a seed, while producers, readers and a group's members go on; then it is healed,
/// serves again, and everything that anybody saw is judged, by the API and by the bytes in the store.
/// </summary>
[Collection(EndToEndCollection.Name)]
public sealed class ClusterFaultTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const int FewSeeds = 2;
    private const int SiloCount = 3;
    private const int ApiCount = 2;
    private const int PartitionCount = 3;
    private const int LeaseMs = 5_000;
    private const int MemberCount = 2;

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
        var count = 0;
        foreach (var seed in FaultSettings.Seeds(FewSeeds))
        {
            var started = Stopwatch.GetTimestamp();
            var random = new Random(seed);
            var (story, findings) = await RunAsync(cluster, lines, seed, random);
            Assert.True(findings.Count == 0, $"seed {seed}, {story}: {findings.Count} findings.\n{string.Join('\n', findings.Take(20))}\n"
                + $"Again: {FaultSettings.Again(seed, GetType())}");
            count++;
            Write($"seed {seed} green after {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s: {story}");
        }

        Write($"{count} seeds green");
    }

    private async Task<(string Story, List<string> Findings)> RunAsync(ClusterProcesses cluster, ClusterLines lines, int seed, Random random)
    {
        var faults = Draw(lines, random);
        var (between, hold) = (BetweenMax * random.NextDouble(), HoldMin + ((HoldMax - HoldMin) * random.NextDouble()));
        var story = $"{faults[0]}, {between.TotalSeconds:F1} s later {faults[1]}, for {hold.TotalSeconds:F1} s";
        var (topic, work) = ($"seed-{seed}", new GroupTopic($"workers-{seed}", $"work-{seed}", PartitionCount));
        using var client = new ServiceClient(cluster.Apis[0]);
        // Segments are short, so that they roll under the faults.
        await CreateAsync(client, topic, new JsonObject { ["segment.bytes"] = 64 * 1024 });
        await CreateAsync(client, work.Name, new JsonObject());
        var (history, groupHistory) = (new CallHistory(), new GroupHistory());
        await using var load = new ClusterLoad(cluster.Apis, topic, PartitionCount, history);
        await using var group = new GroupLoad(cluster.Apis, work, MemberCount, LeaseMs, groupHistory);
        await load.WaitUntilServedAsync();

        await faults[0].BeginAsync();
        await Wait.ForAsync(between);
        await faults[1].BeginAsync();
        await Wait.ForAsync(hold);
        foreach (var fault in faults)
            fault.End();
        await cluster.ReplaceMissingAsync(SiloCount);
        await load.WaitUntilServedAsync();
        await Wait.ForAsync(AfterHealing);
        await load.WaitUntilServedAsync();
        await load.StopAsync();

        List<string> findings = [.. groupHistory.Check(await group.SettleAsync()).Select(finding => "group: " + finding)];
        findings.AddRange(HistoryJudge.Judge(
            history.Calls, await HistoryClient.ReadAllAsync(client, topic, PartitionCount), mayBeStale: true));
        findings.AddRange((await JudgeBytesAsync(client, topic, history)).Select(finding => "by the bytes: " + finding));
        findings.AddRange(load.Details.Where(detail => detail.Contains("   at ", StringComparison.Ordinal)));
        return ($"{story}; {load.Describe()}", findings);
    }

    private static ActiveClusterFault[] Draw(ClusterLines lines, Random random)
    {
        ClusterFault[] known = [.. Enum.GetValues<ClusterFault>()
            .Where(fault => FakeClock.IsAvailable || fault is not (ClusterFault.ClockAhead or ClusterFault.ClockBack))];
        var faults = random.GetItems(known, 2);
        return [.. faults.Select(fault => new ActiveClusterFault(fault, lines.Slots[random.Next(SiloCount)], lines))];
    }

    // Again when the outcome is open: asking for a topic that is there as asked for changes nothing.
    private static Task CreateAsync(ServiceClient client, string topic, JsonObject config) => Wait.UntilAsync($"{topic} is there", async () =>
    {
        var body = new JsonObject { ["partitions"] = PartitionCount, ["config"] = config.DeepClone() };
        var answer = await client.SendAsync(HttpMethod.Put, $"/v1/topics/{topic}", ServiceClient.Json(body));
        return answer.Status is HttpStatusCode.Created or HttpStatusCode.OK;
    });

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
}
