using System.Text;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;
using OrleansStream.Topics.Partitioning;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Cluster;

/// <summary>One key with nine tenths of the traffic is found by name, and spread where the topic says so.</summary>
[Collection(nameof(ClusterCollection))]
public sealed class HotKeyTests(ClusterFixture cluster)
{
    private const string Hot = "argentina-brazil";
    private const int PartitionCount = 6;

    [Fact]
    public async Task Append_WhenAKeyIsNamedHot_SpreadsItsRequestsAndKeepsItsRecordsKey()
    {
        var topic = await cluster.CreateAsync(PartitionCount, ("hot.key.spread", "3"), ("hot.keys", Hot));
        var own = KeyPartitioner.Choose(Encoding.UTF8.GetBytes(Hot), PartitionCount);
        var used = new List<int>();
        for (var i = 0; i < 9; i++)
        {
            var response = await cluster.Router(topic.Name).AppendAsync(
                Batches.Request(Batches.Of((Hot, $"{i}a"), ("other", "x"), (Hot, $"{i}b"))));
            int[] partitions = [.. Enumerable.Range(0, 3).Select(record => response.Parts[PartOf(response, record)].Partition)];
            Assert.Equal(partitions[0], partitions[2]);
            Assert.Equal(KeyPartitioner.Choose("other"u8, PartitionCount), partitions[1]);
            used.Add(partitions[0]);
        }

        Assert.Equal(
            Enumerable.Range(0, 3).Select(i => (own + i) % PartitionCount).Order(), used.Distinct().Order());
        var fetched = await cluster.Router(topic.Name).FetchAsync(own, Batches.From(0));
        Assert.Contains(Batches.Read(fetched.Batches), record => record.Key == Hot);
    }

    [Fact]
    public async Task Append_WhenAKeyHasMostOfTheTraffic_IsFoundByNameAndSpreadFromThenOn()
    {
        var topic = await cluster.CreateAsync(PartitionCount, ("hot.key.spread", "4"), ("hot.key.detection", "true"));
        var heat = cluster.Grains.GetGrain<ITopicHotKeysGrain>(topic.Name);
        await Wait.UntilAsync("the hot key is found", async () =>
        {
            (string? Key, string Value)[] records = [.. Enumerable.Range(0, 200).Select(i => ((string?)(i % 10 == 0 ? $"k{i}" : Hot), $"{i}"))];
            await cluster.Router(topic.Name).AppendAsync(Batches.Request(Batches.Of(records)));
            return (await cluster.Topic(topic.Name).GetAsync()).Topic!.Config.GetValueOrDefault("hot.keys") == Hot;
        });

        var hottest = (await heat.DescribeAsync()).Keys[0];
        Assert.Equal(Hot, Encoding.UTF8.GetString(hottest.Key.Span));
        Assert.InRange(hottest.Share, 0.85, 0.95);
        Assert.Equal(KeyPartitioner.Choose(hottest.Key.Span, PartitionCount), hottest.Partition);
        var used = new HashSet<int>();
        await Wait.UntilAsync("the hot key is spread over all partitions", async () =>
        {
            var response = await cluster.Router(topic.Name).AppendAsync(Batches.Request(Batches.Of((Hot, "x"))));
            used.Add(response.Parts[0].Partition);
            return used.Count == 4;
        });
    }

    [Fact]
    public async Task Describe_WhenATopicCompresses_TellsWhatThatSaves()
    {
        var topic = await cluster.CreateAsync(1, ("compression.type", "zstd"));
        var batch = Batches.Of((null, new string('x', 10_000)));
        await Wait.UntilAsync("the compression is told", async () =>
        {
            await cluster.Router(topic.Name).AppendAsync(Batches.Request(batch));
            return (await cluster.Grains.GetGrain<ITopicHotKeysGrain>(topic.Name).DescribeAsync()).CompressionRatio > 20;
        });
    }

    private static int PartOf(RecordsAppendResponse response, int record) =>
        response.PartOfRecord.IsEmpty ? 0 : response.PartOfRecord.Span[record];
}
