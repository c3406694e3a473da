using System.Diagnostics;
using System.Globalization;
using OrleansStream.Partitions;
using OrleansStream.Storage.Files;
using OrleansStream.Tests.History;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Loads;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>The real process is killed while clients write, read and watch (invariants I2 to I5, I7, I8).</summary>
public sealed class CrashTests
{
    private const string Topic = "crash";
    private const int PartitionCount = 6;
    private const string KillsVariable = "ORLEANSSTREAM_CRASH_KILLS";
    private const int KillsDefault = 10;
    private const int AckedBeforeKillMax = 1_500;
    private const int DelayMsMax = 150;

    [Fact]
    public async Task Kill_WhenClientsWriteAtRandomMoments_LosesDoublesAndReordersNothing()
    {
        using var folder = new ScratchFolder();
        var kills = int.TryParse(Environment.GetEnvironmentVariable(KillsVariable), CultureInfo.InvariantCulture, out var set) ? set : KillsDefault;
        var started = Stopwatch.GetTimestamp();
        var random = new Random(TestSeed.Value);
        var history = new CallHistory();
        await using var load = new CrashLoad(Topic, PartitionCount, history, TestSeed.Value);
        load.Start();
        for (var kill = 0; kill < kills; kill++)
        {
            await using var service = await ServiceProcess.StartAsync(folder.PathOf("data"));
            if (kill == 0)
                await CreateTopicAsync(service);
            var target = load.AckedRecords + random.Next(1, AckedBeforeKillMax);
            load.Resume(service.Address);
            await Wait.UntilAsync($"{target} records are acknowledged", () => load.AckedRecords >= target);
            await Wait.ForAsync(TimeSpan.FromMilliseconds(random.Next(DelayMsMax)));
            load.Pause();
            await service.KillAsync();
        }

        await load.StopAsync();
        var (acked, unknown, failed) = (
            history.Count(CallOutcome.Ok), history.Count(CallOutcome.Unknown), history.Count(CallOutcome.Failed));
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{kills} kills in {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s: {acked} records acknowledged, {unknown} unknown, {failed} failed");
        Assert.True(acked > kills && unknown > 0, "The load was too thin to show anything.");
        var findings = await FindAsync(folder, history);
        Assert.True(
            findings.Count == 0, $"Seed {TestSeed.Value}: {findings.Count} findings.\n{string.Join('\n', findings.Take(20))}");
    }

    private static async Task CreateTopicAsync(ServiceProcess service)
    {
        using var client = service.Connect();
        await client.CreateTopicAsync(Topic, PartitionCount);
    }

    // Judged twice: by what the service says it holds, and by the bytes it leaves behind.
    private static async Task<IReadOnlyList<string>> FindAsync(ScratchFolder folder, CallHistory history)
    {
        string id;
        PartitionContent[] read;
        await using (var service = await ServiceProcess.StartAsync(folder.PathOf("data")))
        {
            using var client = service.Connect();
            id = (string)(await client.GetAsync($"/v1/topics/{Topic}")).Body!["id"]!;
            read = await HistoryClient.ReadAllAsync(client, Topic, PartitionCount);
            Assert.Equal(0, await service.StopAsync());
        }

        using var data = FolderReader.Open(folder.PathOf("data"));
        var findings = new List<string>(HistoryJudge.Judge(history.Calls, read));
        var stored = new PartitionContent[PartitionCount];
        for (var partition = 0; partition < PartitionCount; partition++)
        {
            var log = await StoredLog.ReadAsync(data.Segments, data.Documents, new PartitionKey(Guid.Parse(id), partition).ToString());
            findings.AddRange(log.Findings);
            stored[partition] = log.Content;
        }

        findings.AddRange(HistoryJudge.Judge(history.Calls, stored).Select(finding => "by the bytes: " + finding));
        return findings;
    }
}
