using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Loads;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Groups;

/// <summary>While one member's partitions move, nobody else notices.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class GroupFlowTests(ServiceFixture fixture) : IDisposable
{
    private const int PartitionCount = 8;
    private const int LeaseMs = 3_000;
    private static readonly TimeSpan ProducePause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan GapMax = TimeSpan.FromMilliseconds(LeaseMs * 2 / 3);
    private readonly ServiceClient _client = fixture.Service.Connect();
    private readonly ConcurrentQueue<(long At, string Member, int Partition)> _seen = new();

    public void Dispose() => _client.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Poll_WhenAnotherMemberGoes_FlowsOnAndKeepsItsPartitions(bool leaves)
    {
        var topic = $"flow-{leaves}";
        await _client.CreateTopicAsync(topic, PartitionCount);
        var members = Enumerable.Range(0, 4).Select(i => new GroupConsumer(_client, topic, $"m{i}", topic) { LeaseMs = LeaseMs }).ToArray();
        foreach (var member in members)
            await member.PollAsync(0);
        await Task.WhenAll(members.Select(member => member.PollUntilAsync(one => one.Assignment.Count == 2)));
        using var ended = new CancellationTokenSource();
        using var gone = new CancellationTokenSource();
        var producing = ProduceAsync(topic, ended.Token);
        var consuming = members.Select((member, i) => ConsumeAsync(member, i == 0 ? gone.Token : ended.Token)).ToArray();
        await Wait.UntilAsync("all partitions flow", () => _seen.Select(one => one.Partition).Distinct().Count() == PartitionCount);
        var owned = members[0].Assignment.Select(one => int.Parse(one.Split('/')[1])).ToHashSet();

        await gone.CancelAsync();
        await consuming[0];
        var goneAt = Stopwatch.GetTimestamp();
        if (leaves)
            await members[0].LeaveAsync();
        await Wait.UntilAsync("its partitions flow again", () => owned.All(
            partition => _seen.Any(one => one.Partition == partition && one.At > goneAt && one.Member != "m0")));
        await ended.CancelAsync();
        await producing;
        await Task.WhenAll(consuming);

        var takenOver = owned.Max(partition => Stopwatch.GetElapsedTime(
            goneAt, _seen.First(one => one.Partition == partition && one.At > goneAt && one.Member != "m0").At));
        var others = _seen.Where(one => !owned.Contains(one.Partition)).GroupBy(one => one.Partition).ToList();
        var gap = others.Max(partition => partition.Zip(partition.Skip(1)).Max(pair => Stopwatch.GetElapsedTime(pair.First.At, pair.Second.At)));
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"One of four members {(leaves ? "left" : "died")}: its partitions flowed again after {takenOver.TotalMilliseconds:F0} ms "
            + $"(lease {LeaseMs} ms); the longest pause of any other partition was {gap.TotalMilliseconds:F0} ms.");
        Assert.All(others, partition => Assert.Single(partition.Select(one => one.Member).Distinct()));
        Assert.True(gap < GapMax, $"Another partition paused for {gap.TotalMilliseconds} ms.");
    }

    private async Task ProduceAsync(string topic, CancellationToken ended)
    {
        while (!ended.IsCancellationRequested)
        {
            await _client.ProduceAsync(topic, Enumerable.Range(0, PartitionCount).Select(
                partition => new JsonObject { ["partition"] = partition, ["value"] = 1 }));
            await Pacing.Real.PassAsync(ProducePause, CancellationToken.None);
        }
    }

    private async Task ConsumeAsync(GroupConsumer member, CancellationToken ended)
    {
        while (!ended.IsCancellationRequested)
        {
            foreach (var record in await member.PollAsync(1_000))
                _seen.Enqueue((Stopwatch.GetTimestamp(), member.Member, record.Partition));
        }
    }
}
