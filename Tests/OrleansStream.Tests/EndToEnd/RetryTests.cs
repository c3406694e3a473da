using System.Diagnostics;
using OrleansStream.Partitions;
using OrleansStream.Storage.Files;
using OrleansStream.Tests.History;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>
/// Producers repeat whatever they have no answer to, while the real process is killed and replies get lost: each record is stored exactly once, in
/// the order of its producer, where repeats have an identity (invariant I6). Where they have none, the same judge finds doubles.
/// </summary>
public sealed class RetryTests
{
    private const string Topic = "retried";
    private const int PartitionCount = 6;
    private const int ProducersOfAKind = 6;
    private const int KillCount = 8;

    // What a request with a key waits for when its server has died is half a minute from its beginning on: the last ones begin early.
    private const int KillsOfKeys = 3;
    private const int StoredBeforeKillMax = 800;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task Retry_UnderKeysAndSequences_WhenRepliesAreLostAndTheProcessIsKilled_StoresEachRecordOnceInOrder()
    {
        var findings = await RunAsync(KillCount, [RetryIdentity.Key, RetryIdentity.Sequence]);
        Assert.True(
            findings.Count == 0, $"Seed {TestSeed.Value}: {findings.Count} findings.\n{string.Join('\n', findings.Take(20))}");
    }

    [Fact]
    public async Task Retry_WithoutIdentity_IsFoundOut() => Assert.Contains(
        await RunAsync(kills: 1, [RetryIdentity.None]), finding => finding.Contains("is doubled", StringComparison.Ordinal));

    private static async Task<IReadOnlyList<string>> RunAsync(int kills, RetryIdentity[] identities)
    {
        using var folder = new ScratchFolder();
        var started = Stopwatch.GetTimestamp();
        var random = new Random(TestSeed.Value);
        var history = new CallHistory();
        await using var load = new RetryingLoad(Topic, PartitionCount, history, TestSeed.Value);
        foreach (var identity in identities)
            load.Start(identity, ProducersOfAKind);
        for (var kill = 0; kill < kills; kill++)
        {
            await using var service = await ServiceProcess.StartAsync(folder.PathOf("data"));
            if (kill == 0)
            {
                using var client = service.Connect();
                await client.CreateTopicAsync(Topic, PartitionCount);
            }

            if (kill == KillsOfKeys)
                load.Stop(RetryIdentity.Key);
            var target = load.StoredRecords + random.Next(1, StoredBeforeKillMax);
            load.Resume(service.Address);
            await Wait.UntilAsync($"{target} records are stored", () => load.StoredRecords >= target);
            // In the middle of what it does: what is tried after that finds nobody.
            await service.KillAsync();
            load.Pause();
        }

        await using var last = await ServiceProcess.StartAsync(folder.PathOf("data"));
        load.Resume(last.Address);
        await load.SettleAsync(Patience);
        TestContext.Current.TestOutputHelper!.WriteLine($"{kills} kills in {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s: {load.Describe()}");
        return await FindAsync(last, folder, history);
    }

    // Judged twice: by what the service says it holds, and by the bytes it leaves behind. All that was sent is stored by now.
    private static async Task<IReadOnlyList<string>> FindAsync(ServiceProcess service, ScratchFolder folder, CallHistory history)
    {
        using var client = service.Connect();
        var id = Guid.Parse((string)(await client.GetAsync($"/v1/topics/{Topic}")).Body!["id"]!);
        var read = await HistoryClient.ReadAllAsync(client, Topic, PartitionCount);
        Assert.Equal(0, await service.StopAsync());
        using var data = FolderReader.Open(folder.PathOf("data"));
        var findings = new List<string>(HistoryJudge.Judge(history.Calls, read));
        var stored = new PartitionContent[PartitionCount];
        for (var partition = 0; partition < PartitionCount; partition++)
        {
            var log = await StoredLog.ReadAsync(data.Segments, data.Documents, new PartitionKey(id, partition).ToString());
            findings.AddRange(log.Findings);
            stored[partition] = log.Content;
        }

        findings.AddRange(HistoryJudge.Judge(history.Calls, stored).Select(finding => "by the bytes: " + finding));
        findings.AddRange(RetryingLoad.FindMissing(history, read));
        return findings;
    }
}
