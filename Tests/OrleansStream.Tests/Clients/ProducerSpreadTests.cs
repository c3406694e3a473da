using OrleansStream.Client.Producing;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Clients;

/// <summary>A key that its topic spreads: the producer chooses partitions as the service does.</summary>
[Collection(ApiTests.Name)]
public sealed class ProducerSpreadTests(ApiFixture api)
{
    [Fact]
    public async Task Send_OfAKeyThatTheTopicSpreads_GoesToAsManyPartitionsAsTheTopicSays()
    {
        using var rig = await ClientRig.MakeAsync(api);
        var topic = await api.CreateTopicAsync(6, """{"hot.key.spread":4,"hot.keys":"hot,hotter"}""");
        await using var producer = rig.Client.CreateProducer(topic);

        var hot = await PartitionsAsync(producer, "hot");
        var cold = await PartitionsAsync(producer, "cold");

        Assert.Equal(4, hot.Count);
        Assert.Single(cold);
        // The key's own partition, and those behind it.
        var own = Murmur(6, "hot");
        Assert.Equal(Enumerable.Range(0, 4).Select(i => (own + i) % 6).Order(), hot.Order());
        Assert.Equal("hot", (await rig.ReadAllAsync(topic)).First(record => record.Partition == own && record.Key!.StartsWith("hot", StringComparison.Ordinal)).Key);
    }

    [Fact]
    public async Task Send_OfAKeyThatIsHotOnlyWithASpace_GoesToOnePartition()
    {
        using var rig = await ClientRig.MakeAsync(api);
        var topic = await api.CreateTopicAsync(6, """{"hot.key.spread":4,"hot.keys":"a, b"}""");
        await using var producer = rig.Client.CreateProducer(topic);

        var cold = await PartitionsAsync(producer, "b");
        var hot = await PartitionsAsync(producer, " b");

        Assert.Equal((1, 4), (cold.Count, hot.Count));
    }

    [Theory]
    [InlineData(""), InlineData("a"), InlineData("a,b"), InlineData("a, b"), InlineData(" a "), InlineData(" "), InlineData("a,A, ,\tb")]
    public void HotKeys_AreReadAsTheServiceReadsThem(string text)
    {
        string[] service = [.. HotKeyNames.Parse(text)!.Value];

        Assert.Equal(service, TopicShape.HotKeys(text));
    }

    [Theory]
    [InlineData("a,,b"), InlineData(","), InlineData("a,")]
    public void HotKeys_WithAnEmptyOne_AreRefusedByTheService(string text) => Assert.Null(HotKeyNames.Parse(text));

    [Fact]
    public async Task Send_OfManyOfASpreadKeyInOneBatch_KeepsThemTogether()
    {
        using var rig = await ClientRig.MakeAsync(api);
        var topic = await api.CreateTopicAsync(6, """{"hot.key.spread":6,"hot.keys":"hot"}""");
        await using var producer = rig.Client.CreateProducer(topic, options => options.Linger = TimeSpan.FromSeconds(60));
        for (var i = 0; i < 100; i++)
            await producer.EnqueueAsync("hot", $"{i}");
        await producer.FlushAsync(TestContext.Current.CancellationToken);

        var records = await rig.ReadAllAsync(topic);

        Assert.Single(records.Select(record => record.Partition).Distinct());
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"{i}"), records.Select(record => record.Value));
    }

    /// <summary>A record without a key goes to the next partition with each batch, also where batches end since they are full.</summary>
    [Theory]
    [InlineData(null), InlineData("hot")]
    public async Task Enqueue_OfManyBatches_SharesThemAmongThePartitions(string? key)
    {
        const int count = 2_000;
        using var rig = await ClientRig.MakeAsync(api);
        var topic = await api.CreateTopicAsync(4, """{"hot.key.spread":4,"hot.keys":"hot"}""");
        await using var producer = rig.Client.CreateProducer(
            topic, options => (options.BatchSize, options.Linger) = (4_096, TimeSpan.FromSeconds(60)));
        for (var i = 0; i < count; i++)
            await producer.EnqueueAsync(key, $"{i:D60}");
        await producer.FlushAsync(TestContext.Current.CancellationToken);

        var counts = (await rig.ReadAllAsync(topic)).GroupBy(record => record.Partition).Select(partition => partition.Count()).ToList();

        Assert.Equal((4, count), (counts.Count, counts.Sum()));
        Assert.All(counts, held => Assert.InRange(held, count / 5, count / 3));
    }

    private static int Murmur(int partitions, string key) =>
        OrleansStream.Topics.Partitioning.KeyPartitioner.Choose(System.Text.Encoding.UTF8.GetBytes(key), partitions);

    private static async Task<HashSet<int>> PartitionsAsync(StreamProducer producer, string key)
    {
        var partitions = new HashSet<int>();
        for (var i = 0; i < 24; i++)
            partitions.Add((await producer.SendAsync(key, $"{i}")).Partition);
        return partitions;
    }
}
