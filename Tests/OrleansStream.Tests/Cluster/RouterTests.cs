using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics.Partitioning;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Cluster;

[Collection(nameof(ClusterCollection))]
public sealed class RouterTests(ClusterFixture cluster)
{
    [Fact]
    public async Task Append_WhenRecordsHaveKeys_PutsEachWhereItsKeyBelongsInOrder()
    {
        var topic = await cluster.CreateAsync(6);
        (string? Key, string Value)[] records = [.. Enumerable.Range(0, 500).Select(i => ((string?)$"match-{i % 23}", $"{i}"))];
        var response = await cluster.Router(topic.Name).AppendAsync(Batches.Request(Batches.Of(records)));

        Assert.Null(response.Error);
        var next = new int[response.Parts.Length];
        var expected = new Dictionary<int, List<(long, string?, string)>>();
        for (var i = 0; i < records.Length; i++)
        {
            var part = response.PartOfRecord.Span[i];
            var partition = response.Parts[part].Partition;
            Assert.Equal(KeyPartitioner.Choose(System.Text.Encoding.UTF8.GetBytes(records[i].Key!), 6), partition);
            if (!expected.TryGetValue(partition, out var list))
                expected[partition] = list = [];
            list.Add((response.Parts[part].BaseOffset + next[part]++, records[i].Key, records[i].Value));
        }

        foreach (var (partition, list) in expected)
        {
            var fetched = await cluster.Router(topic.Name).FetchAsync(partition, Batches.From(FetchRequest.Earliest));
            Assert.Equal(list, Batches.Read(fetched.Batches));
            Assert.Equal(list.Count, fetched.HighWatermark);
        }
    }

    [Fact]
    public async Task Append_WhenARecordIsWrong_RefusesThatOneOnly()
    {
        var topic = await cluster.CreateAsync(2, ("max.message.bytes", "100"));
        var batch = Batches.Of((null, "a"), (null, new string('x', 101)), (null, "c"), ("k", new string('x', 99)), (null, "e"));
        var response = await cluster.Router(topic.Name).AppendAsync(
            Batches.Request(batch, recordPartitions: [0, 0, 7, 1, 0]));

        AppendPart PartOf(int record) => response.Parts[response.PartOfRecord.Span[record]];
        Assert.Null(PartOf(0).Response.Error);
        Assert.Equal(StreamErrorCode.MessageTooLarge, PartOf(1).Response.Error!.Code);
        Assert.Contains("101 bytes", PartOf(1).Response.Error!.Detail, StringComparison.Ordinal);
        Assert.Contains("blob", PartOf(1).Response.Error!.Detail, StringComparison.Ordinal);
        Assert.Equal(StreamErrorCode.UnknownTopicOrPartition, PartOf(2).Response.Error!.Code);
        Assert.Null(PartOf(3).Response.Error);
        var fetched = await cluster.Router(topic.Name).FetchAsync(0, Batches.From(0));
        Assert.Equal(["a", "e"], Batches.Read(fetched.Batches).Select(record => record.Value));
    }

    [Fact]
    public async Task Append_WhenTopicOrPartitionIsUnknown_SaysSo()
    {
        var topic = await cluster.CreateAsync(2);
        var request = Batches.Request(Batches.Of((null, "a")), 2);
        Assert.Equal(StreamErrorCode.UnknownTopicOrPartition, (await cluster.Router(topic.Name).AppendAsync(request)).Error!.Code);
        Assert.Equal(StreamErrorCode.UnknownTopicOrPartition, (await cluster.Router("none-such").AppendAsync(request)).Error!.Code);
        Assert.Equal(StreamErrorCode.InvalidTopicException, (await cluster.Router("no such").AppendAsync(request)).Error!.Code);
        var beyond = await cluster.Router(topic.Name).FetchAsync(0, Batches.From(5));
        Assert.Equal((StreamErrorCode.OffsetOutOfRange, 0L, 0L), (beyond.Error!.Code, beyond.Error.LogStartOffset, beyond.Error.HighWatermark));
    }

    [Fact]
    public async Task Fetch_OfATopicThatWasCreatedAnewBefore_ReadsThatOneUnlessTheOtherIsNamed()
    {
        var topic = await cluster.CreateAsync(1);
        // The router knows the old one.
        await cluster.Router(topic.Name).FetchAsync(0, Batches.From(0));
        await cluster.Topic(topic.Name).DeleteAsync();
        var anew = (await cluster.Topic(topic.Name).CreateAsync(ClusterFixture.Request(1))).Topic!;
        await cluster.AppendAsync(anew.Name, Batches.Request(Batches.Of((null, "a"), (null, "b")), 0));
        foreach (var waitMs in new[] { 0, 20_000 })
        {
            var response = await cluster.Router(topic.Name).FetchAsync(0, Batches.From(1, waitMs));
            Assert.Null(response.Error);
            Assert.Equal(anew.Id, response.TopicId);
            var refused = await cluster.Router(topic.Name).FetchAsync(0, Batches.From(1, waitMs) with { TopicId = topic.Id });
            Assert.Equal(StreamErrorCode.UnknownTopicId, refused.Error!.Code);
        }

        Assert.Equal(StreamErrorCode.UnknownTopicId,
            (await cluster.Router(topic.Name).DeleteRecordsOfAsync(topic.Id, 0, FetchRequest.Latest)).Error!.Code);
        Assert.Equal(0, (await cluster.Router(topic.Name).FetchAsync(0, Batches.From(0))).LogStartOffset);
        Assert.Equal(2, (await cluster.Router(topic.Name).DeleteRecordsOfAsync(anew.Id, 0, FetchRequest.Latest)).LogStartOffset);
    }

    [Fact]
    public async Task DeleteRecords_WhereTheRouterKnowsADeletedTopic_IsDoneToTheOneThatHasTheName()
    {
        var topic = await cluster.CreateAsync(1);
        await cluster.Router(topic.Name).FetchAsync(0, Batches.From(0));
        await cluster.Topic(topic.Name).DeleteAsync();
        await cluster.Topic(topic.Name).CreateAsync(ClusterFixture.Request(1));
        Assert.Null((await cluster.Router(topic.Name).DeleteRecordsAsync(0, 0)).Error);
    }

    [Fact]
    public async Task Append_WhenAProducersBatchWouldBeSplit_IsRefusedWhole()
    {
        var topic = await cluster.CreateAsync(6);
        var batch = Batches.Of(
            new RecordBatchOptions { ProducerId = 7, ProducerEpoch = 0, BaseSequence = 0 }, ("1", "a"), ("2", "b"), ("3", "c"), ("4", "d"));
        var split = await cluster.Router(topic.Name).AppendAsync(Batches.Request(batch));
        Assert.Equal(StreamErrorCode.InvalidRecord, split.Error!.Code);

        var named = await cluster.Router(topic.Name).AppendAsync(Batches.Request(batch, 4));
        var again = await cluster.Router(topic.Name).AppendAsync(Batches.Request(batch, 4));
        Assert.Null(named.Parts.Single().Response.Error);
        Assert.True(again.Parts.Single().Response.Duplicate);
        Assert.Equal(named.Parts.Single().BaseOffset, again.Parts.Single().BaseOffset);
    }

    [Fact]
    public async Task Append_WhenTopicCompresses_StoresItsCodec()
    {
        var topic = await cluster.CreateAsync(1, ("compression.type", "zstd"));
        string value = new('x', 5_000);
        await cluster.Router(topic.Name).AppendAsync(Batches.Request(Batches.Of((null, value), (null, value)), 0));
        var fetched = await cluster.Router(topic.Name).FetchAsync(0, Batches.From(0));

        Assert.True(RecordBatchHeader.TryRead(fetched.Batches.Span, out var header));
        Assert.Equal(CompressionType.Zstd, header.Compression);
        Assert.Equal([value, value], Batches.Read(fetched.Batches).Select(record => record.Value));
    }

    [Fact]
    public async Task Append_WhenRequestIsLargerThanOneAppend_StoresAllInOrder()
    {
        var topic = await cluster.CreateAsync(1);
        (string? Key, string Value)[] records = [.. Enumerable.Range(0, 60).Select(i => ((string?)null, $"{i:D3}" + new string('v', 99_997)))];
        byte[] batches = [.. records.Chunk(30).SelectMany(chunk => Batches.Of(chunk))];
        var response = await cluster.Router(topic.Name).AppendAsync(Batches.Request(batches, 0));

        Assert.All(response.Parts, part => Assert.Null(part.Response.Error));
        Assert.Equal(60, response.Parts.Sum(part => part.RecordCount));
        var read = new List<string>();
        while (read.Count < 60)
        {
            var fetched = await cluster.Router(topic.Name).FetchAsync(0, Batches.From(read.Count));
            Assert.Null(fetched.Error);
            var fresh = Batches.Read(fetched.Batches).Where(record => record.Offset >= read.Count).ToArray();
            Assert.NotEmpty(fresh);
            read.AddRange(fresh.Select(record => record.Value));
        }

        Assert.Equal(records.Select(record => record.Value), read);
    }

    [Fact]
    public async Task Append_WhenRecordsHaveNoKey_SpreadsRequestsEvenly()
    {
        var topic = await cluster.CreateAsync(4);
        for (var i = 0; i < 40; i++)
            await cluster.Router(topic.Name).AppendAsync(Batches.Request(Batches.Of((null, $"{i}"))));
        var description = await cluster.Router(topic.Name).DescribeAsync();

        Assert.Equal(40, description.Partitions.Sum(partition => partition.HighWatermark));
        // Each router gives every partition its turn; there is at least one on each of the two silos.
        Assert.All(description.Partitions, partition => Assert.InRange(partition.HighWatermark, 5, 15));
    }

    [Fact]
    public async Task Fetch_WhenALongPollIsParked_WakesOnTheAppend()
    {
        var topic = await cluster.CreateAsync(1);
        var parked = cluster.Router(topic.Name).FetchAsync(0, Batches.From(0, waitMs: 20_000)).AsTask();
        await cluster.Router(topic.Name).AppendAsync(Batches.Request(Batches.Of((null, "goal")), 0));
        var woken = await parked.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.Equal("goal", Batches.Read(woken.Batches).Single().Value);
    }
}
