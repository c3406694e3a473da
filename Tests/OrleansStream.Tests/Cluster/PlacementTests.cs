using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Cluster;

/// <summary>On a cluster of their own, since they add silos.</summary>
public sealed class PlacementTests : IAsyncLifetime
{
    private const int PartitionCount = 6;

    private readonly ClusterFixture _cluster = new();

    public ValueTask InitializeAsync() => _cluster.InitializeAsync();

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Create_RightAfterTheStart_SpreadsThePartitionsWhoeverCallsThem()
    {
        var topic = await _cluster.CreateAsync(PartitionCount);

        var counts = await CountByLeaderAsync(topic);
        Assert.Equal([3, 3], counts);
    }

    [Fact]
    public async Task AddSilo_UnderLoad_MovesPartitionsThereAndBreaksNoService()
    {
        var topic = await _cluster.CreateAsync(PartitionCount);
        using var stop = new CancellationTokenSource();
        Task<int>[] producers = [.. Enumerable.Range(0, PartitionCount).Select(partition => ProduceAsync(topic, partition, stop.Token))];
        var before = await CountByLeaderAsync(topic);
        Assert.Equal([3, 3], before);

        await _cluster.Cluster.StartAdditionalSiloAsync();

        await Wait.UntilAsync("all three lead two each", async () => (await CountByLeaderAsync(topic)).SequenceEqual([2, 2, 2]));
        await stop.CancelAsync();
        var stored = await Task.WhenAll(producers);
        for (var partition = 0; partition < PartitionCount; partition++)
            Assert.Equal(stored[partition], (await _cluster.Partition(topic, partition).DescribeAsync()).HighWatermark);
    }

    // Every append is acknowledged, and has the offset that follows the one before.
    private async Task<int> ProduceAsync(TopicMetadata topic, int partition, CancellationToken stop)
    {
        var stored = 0;
        while (!stop.IsCancellationRequested)
        {
            var response = await _cluster.AppendAsync(topic.Name, Batches.Request(Batches.Of((null, $"{stored}")), partition));
            var part = response.Parts.Single().Response;
            Assert.True(part.Error is null, $"{part.Error?.Code}: {part.Error?.Detail}");
            Assert.Equal(stored++, part.BaseOffset);
            await Pacing.Real.PassAsync(TimeSpan.FromMilliseconds(10), CancellationToken.None);
        }

        return stored;
    }

    private async Task<int[]> CountByLeaderAsync(TopicMetadata topic)
    {
        var leaders = new List<string>();
        for (var partition = 0; partition < PartitionCount; partition++)
            leaders.Add((await _cluster.Partition(topic, partition).DescribeAsync()).Leader);
        return [.. leaders.CountBy(leader => leader).Select(group => group.Value).Order()];
    }
}
