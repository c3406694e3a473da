using OrleansStream.Errors;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Partitions;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Cluster;

/// <summary>On a cluster of their own, since they take silos down.</summary>
public sealed class FailoverTests : IAsyncLifetime
{
    private readonly ClusterFixture _cluster = new();

    public ValueTask InitializeAsync() => _cluster.InitializeAsync();

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Append_WhenASiloIsKilledUnderLoad_GoesOnAndLosesNothingAcknowledged()
    {
        var topic = await _cluster.CreateAsync(4);
        using var stop = new CancellationTokenSource();
        Task<List<Acked>>[] producers = [.. Enumerable.Range(0, 4).Select(partition => ProduceAsync(topic, partition, stop.Token))];
        var victim = _cluster.Cluster.Silos[1];
        await Wait.UntilAsync("every partition has stored some", async () => (await HighWatermarksAsync(topic)).All(highWatermark => highWatermark > 10));

        await _cluster.Cluster.KillSiloAsync(victim);

        var before = await HighWatermarksAsync(topic);
        await Wait.UntilAsync("every partition stores again", async () =>
            (await HighWatermarksAsync(topic)).Zip(before).All(pair => pair.First > pair.Second + 10));
        await stop.CancelAsync();
        foreach (var acked in await Task.WhenAll(producers))
        {
            Assert.NotEmpty(acked);
            var stored = await ReadAllAsync(topic, acked[0].Partition);
            Assert.All(acked, record => Assert.Equal(record.Value, stored[record.Offset]));
            Assert.Equal(acked.Count, acked.Select(record => record.Offset).Distinct().Count());
        }
    }

    [Fact]
    public async Task Append_WhenAnotherOwnerTookThePartition_IsNeverStoredByTheOlderOne()
    {
        var topic = await _cluster.CreateAsync(1);
        RecordsAppendRequest Request(string value) => Batches.Request(Batches.Of((null, value)), 0);
        await _cluster.Router(topic.Name).AppendAsync(Request("first"));

        // What Orleans may do for a while: a second activation, on a silo that does not know of the first.
        await using var other = await PartitionLog.OpenAsync(
            new PartitionKey(topic.Id, 0).ToString(), "other", new LogOptions(), _cluster.Segments, _cluster.Documents, TimeProvider.System);
        var taken = await other.AppendAsync(Batches.Of((null, "second")), LogAcks.Durable);
        Assert.Equal(1, taken.BaseOffset);

        // The first activation is fenced, says so, and goes; who tries again reaches its successor.
        var response = await _cluster.AppendAsync(topic.Name, Request("third"));
        Assert.Null(response.Parts.Single().Response.Error);
        var late = await other.AppendAsync(Batches.Of((null, "too late")), LogAcks.Durable);
        Assert.Equal((StreamErrorCode.NotLeaderOrFollower, false), (late.Error!.Code, late.Error.OutcomeUnknown));
        Assert.Equal(LogEnd.Fenced, await other.Ended);

        var stored = await ReadAllAsync(topic, 0);
        Assert.Equal(["first", "second", "third"], stored.OrderBy(record => record.Key).Select(record => record.Value));
        Assert.Equal([0, 1, 2], stored.Keys.Order());
    }

    private async Task<List<Acked>> ProduceAsync(TopicMetadata topic, int partition, CancellationToken stop)
    {
        var acked = new List<Acked>();
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var value = $"{partition}/{i}";
            var response = await _cluster.Router(topic.Name).AppendAsync(
                Batches.Request(Batches.Of((null, value)), partition), CancellationToken.None);
            if (response.Error is null && response.Parts.Single().Response is { Error: null } done)
                acked.Add(new Acked(partition, done.BaseOffset, value));
        }

        return acked;
    }

    private async Task<long[]> HighWatermarksAsync(TopicMetadata topic) =>
        [.. (await _cluster.Router(topic.Name).DescribeAsync()).Partitions.Select(partition => partition.HighWatermark)];

    private async Task<Dictionary<long, string>> ReadAllAsync(TopicMetadata topic, int partition)
    {
        var stored = new Dictionary<long, string>();
        for (long offset = 0; ;)
        {
            var fetched = await _cluster.Router(topic.Name).FetchAsync(partition, Batches.From(offset));
            Assert.Null(fetched.Error);
            foreach (var record in Batches.Read(fetched.Batches).Where(record => record.Offset >= offset))
                stored.Add(record.Offset, record.Value);
            if (stored.Count == 0 || stored.Keys.Max() + 1 == offset || fetched.Batches.IsEmpty)
                return stored;
            offset = stored.Keys.Max() + 1;
        }
    }

    private sealed record Acked(int Partition, long Offset, string Value);
}
