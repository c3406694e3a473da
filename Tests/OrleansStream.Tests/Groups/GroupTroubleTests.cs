using System.Diagnostics;
using OrleansStream.Tests.History;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Loads;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Groups;

/// <summary>A group under load while its members are killed, fall silent for longer than their lease, and come back.</summary>
[Collection(SharedServiceCollection.Name)]
public sealed class GroupTroubleTests(ServiceFixture fixture)
{
    private const int MemberCount = 8;
    private const int PartitionCount = 16;
    private const int RefusalCount = 5;
    private readonly GroupHistory _history = new();

    [Fact]
    public async Task Poll_WhenMembersDieAndOversleep_DeliversAllAndCommitsNothingStale()
    {
        using (var client = fixture.Service.Connect())
            await client.CreateTopicAsync("trouble", PartitionCount);
        var topic = new LoadedTopic("troubled", "trouble", PartitionCount);
        await using var load = new GroupLoad([fixture.Service.Address], topic, MemberCount, leaseMs: 1_000, _history);
        await load.WaitUntilServedAsync(since: 0);
        load.HasTrouble = true;
        await Wait.UntilAsync("enough members came too late", () => _history.Polls.Count(poll => poll.Outcome == GroupPollOutcome.Refused) >= RefusalCount);
        load.HasTrouble = false;
        await load.WaitUntilServedAsync(Stopwatch.GetTimestamp());

        var committed = await load.SettleAsync();
        TestContext.Current.TestOutputHelper!.WriteLine($"seed {TestSeed.Value}: {load.Describe()}");
        var findings = _history.Check(committed);
        Assert.True(findings.Count == 0, $"{findings.Count} findings.\n{string.Join('\n', findings.Take(20))}");
        Assert.Equal(0, load.PollErrorCount);
    }
}
