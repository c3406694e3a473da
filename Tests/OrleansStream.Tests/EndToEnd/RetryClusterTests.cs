using System.Diagnostics;
using OrleansStream.Partitions;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.History;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>
/// The same as <see cref="RetryTests"/> against three silos and two Api nodes over Azurite: silos and Api nodes are killed, partitions move, and
/// replies of the store and of the service get lost.
/// </summary>
[Collection(EndToEndCollection.Name)]
public sealed class RetryClusterTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const string Topic = "retried";
    private const int PartitionCount = 6;
    private const int SiloCount = 3;
    private const int ApiCount = 2;
    private const int ProducersOfAKind = 6;
    private const int RoundCount = 3;
    private const int StoredInAStep = 100;

    private static readonly BlobTrouble[] Troubles =
    [
        new() { Fault = HttpFault.ReplyLost, Permille = 200 },
        new() { Fault = HttpFault.FailureAfterEffect, Permille = 200 },
    ];

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    [Fact]
    public async Task Retry_UnderKeysAndSequences_WhenServersDieAndRepliesAreLost_StoresEachRecordOnceInOrder()
    {
        var findings = await RunAsync("retried", [RetryIdentity.Key, RetryIdentity.Sequence]);
        Assert.True(
            findings.Count == 0, $"Seed {TestSeed.Value}: {findings.Count} findings.\n{string.Join('\n', findings.Take(20))}");
    }

    [Fact]
    public async Task Retry_WithoutIdentity_IsFoundOut() => Assert.Contains(
        await RunAsync("doubled", [RetryIdentity.None]), finding => finding.Contains("is doubled", StringComparison.Ordinal));

    private async Task<IReadOnlyList<string>> RunAsync(string container, RetryIdentity[] identities)
    {
        OnDemand.Require(OnDemand.ClusterTests);
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The signals are Linux's.");
        var started = Stopwatch.GetTimestamp();
        var random = new Random(TestSeed.Value);
        var history = new CallHistory();
        await using var lines = await ClusterLines.OpenAsync(azurite.ConnectionString, SiloCount, TestSeed.Value);
        await using var cluster = await ClusterProcesses.StartAsync(azurite.ConnectionString, container, SiloCount, ApiCount, lines);
        using var client = new ServiceClient(cluster.Apis[0]);
        await client.CreateTopicAsync(Topic, PartitionCount);
        await using var load = new RetryingLoad(Topic, PartitionCount, history, TestSeed.Value);
        foreach (var identity in identities)
            load.Start(identity, ProducersOfAKind);
        load.Resume([.. cluster.Apis]);
        for (var round = 0; round < RoundCount; round++)
        {
            var trouble = Troubles[round % Troubles.Length];
            var slot = lines.Slots[random.Next(SiloCount)];
            slot.Troubles.Add(trouble);
            await WaitUntilStoredAsync(load);
            await cluster.KillAsync(cluster.Silos[random.Next(cluster.Silos.Count)]);
            await WaitUntilStoredAsync(load);
            var api = round % ApiCount;
            await cluster.KillApiAsync(api);
            await WaitUntilStoredAsync(load);
            slot.Troubles.Heal(trouble);
            await cluster.StartApiAgainAsync(api);
            await cluster.ReplaceMissingAsync(SiloCount, Patience);
        }

        await load.SettleAsync(Patience);
        TestContext.Current.TestOutputHelper!.WriteLine($"{RoundCount} rounds in {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s: {load.Describe()}");
        using var judge = new ServiceClient(cluster.Apis[^1]);
        return await FindAsync(judge, container, history);
    }

    private static async Task WaitUntilStoredAsync(RetryingLoad load)
    {
        var target = load.StoredRecords + StoredInAStep;
        try
        {
            await Wait.UntilAsync($"{target} records are stored", () => Task.FromResult(load.StoredRecords >= target), Patience);
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException($"{exception.Message} {load.Describe()}", exception);
        }
    }

    private async Task<IReadOnlyList<string>> FindAsync(ServiceClient client, string container, CallHistory history)
    {
        var id = Guid.Parse((string)(await client.GetAsync($"/v1/topics/{Topic}")).Body!["id"]!);
        var read = await HistoryClient.ReadAllAsync(client, Topic, PartitionCount);
        List<string> findings = [.. HistoryJudge.Judge(history.Calls, read, mayBeStale: true), .. RetryingLoad.FindMissing(history, read)];
        var store = AzureBlobContainer.Open(serviceUri: null, azurite.ConnectionString, container, TimeProvider.System);
        var stored = new PartitionContent[PartitionCount];
        for (var partition = 0; partition < PartitionCount; partition++)
        {
            var log = await StoredLog.ReadAsync(store.Segments, store.Documents, new PartitionKey(id, partition).ToString());
            findings.AddRange(log.Findings);
            stored[partition] = log.Content;
        }

        findings.AddRange(HistoryJudge.Judge(history.Calls, stored, mayBeStale: true).Select(finding => "by the bytes: " + finding));
        return findings;
    }
}
