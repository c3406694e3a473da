using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>Many clients on one partition and one client on many partitions, at the same time: nobody starves.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class FairnessTests(ServiceFixture fixture)
{
    private const int CrowdCount = 64;
    private const int WidePartitionCount = 64;
    private const int RoundsMin = 25;

    [Fact]
    public async Task Produce_WhenACrowdAndAWideClientWorkAtOnce_StarvesNeither()
    {
        using var client = fixture.Service.Connect();
        await client.CreateTopicAsync("crowded", 1);
        await client.CreateTopicAsync("wide", WidePartitionCount);
        using var deadline = new CancellationTokenSource(Wait.Patience);
        var crowd = new int[CrowdCount];
        var wideRounds = 0;

        // All go on until each has done its least; so whoever is slow is slow among working neighbours.
        bool IsOver() => deadline.IsCancellationRequested
            || (Volatile.Read(ref wideRounds) >= RoundsMin && Enumerable.Range(0, CrowdCount).All(i => Volatile.Read(ref crowd[i]) >= RoundsMin));
        var tasks = Enumerable.Range(0, CrowdCount).Select(i => Task.Run(async () =>
        {
            while (!IsOver())
            {
                await client.ProduceAsync("crowded", new JsonObject { ["value"] = new JsonObject { ["client"] = i, ["number"] = crowd[i] } });
                Interlocked.Increment(ref crowd[i]);
            }
        }, TestContext.Current.CancellationToken)).Append(Task.Run(async () =>
        {
            while (!IsOver())
            {
                var places = await client.ProduceAsync("wide", Enumerable.Range(0, WidePartitionCount).Select(
                    partition => new JsonObject { ["partition"] = partition, ["value"] = wideRounds }));
                Assert.Equal(Enumerable.Range(0, WidePartitionCount).Select(partition => new Place(partition, wideRounds)), places);
                Interlocked.Increment(ref wideRounds);
            }
        }, TestContext.Current.CancellationToken)).ToList();
        await Task.WhenAll(tasks);

        TestContext.Current.TestOutputHelper!.WriteLine(
            $"The crowd's slowest made {crowd.Min()} requests, its fastest {crowd.Max()}; the wide client {wideRounds} of {WidePartitionCount} partitions each.");
        Assert.True(wideRounds >= RoundsMin, $"The wide client starved: {wideRounds} rounds beside {crowd.Sum()} requests.");
        Assert.True(crowd.Min() >= RoundsMin, $"A client of the crowd starved: {crowd.Min()} requests, and another made {crowd.Max()}.");
        Assert.True(crowd.Min() * 4 >= crowd.Max(), $"The crowd's slowest made {crowd.Min()} requests, its fastest {crowd.Max()}.");
        await AssertInOrderAsync(client, crowd);
    }

    private static async Task AssertInOrderAsync(ServiceClient client, int[] crowd)
    {
        var records = await client.ReadAllAsync("crowded", 0);
        Assert.Equal(crowd.Sum(), records.Count);
        foreach (var one in records.GroupBy(record => (int)record.Value!["client"]!))
            Assert.Equal(Enumerable.Range(0, crowd[one.Key]), one.Select(record => (int)record.Value!["number"]!));
    }
}
