using OrleansStream.Errors;
using OrleansStream.Gateway.Appending;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Producers;
using OrleansStream.Records;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Cluster;

/// <summary>Producer ids of clients and of the service's own, and what becomes of the latter should a partition not take them any more.</summary>
[Collection(nameof(ClusterCollection))]
public sealed class FencedIdentityTests(ClusterFixture cluster)
{
    [Fact]
    public async Task FindEnd_WheneverItIsAsked_LiesAboveEveryIdThatWasGivenOut()
    {
        var ids = cluster.Grains.GetGrain<IProducerIdGrain>(IProducerIdGrain.Key);
        var end = await ids.FindEndAsync();
        for (var i = 0; i < 5; i++)
        {
            var first = await ids.TakeBlockAsync();
            Assert.True(first >= end);
            if (i % 2 == 0)
                await cluster.Cluster.DeactivateAsync(ids);
            end = await ids.FindEndAsync();
            Assert.Equal(first + ProducerLimits.IdsPerBlock, end);
        }

        // The service's own ids are another counter's.
        var own = await cluster.Grains.GetGrain<IServiceProducerIdGrain>(IServiceProducerIdGrain.Key).TakeBlockAsync();
        Assert.Equal(ProducerIdKind.Service, ProducerIdRanges.KindOf(own));
        Assert.Equal(end, await ids.FindEndAsync());
    }

    [Fact]
    public async Task Append_WhenANewerEpochOfALaneIsStored_GoesOnUnderAnotherLane()
    {
        var topic = await cluster.CreateAsync(2);
        var appender = MakeAppender();
        async Task<RecordsAppendResponse> AppendAsync(int[] partitions, params string[] values) => (await appender.AppendAsync(
            Caller.Anonymous, topic.Name,
            Records(Batches.Request(Batches.Of([.. values.Select(value => ((string?)null, value))]), recordPartitions: partitions)))).Response;
        async Task<long> PlantAsync()
        {
            var fetched = await cluster.Router(topic.Name).FetchAsync(0, Batches.From(0));
            var ids = new List<long>();
            var scanner = new RecordBatchScanner(fetched.Batches.Span);
            while (scanner.MoveNext())
                ids.Add(scanner.Header.ProducerId);
            var options = new RecordBatchOptions { ProducerId = ids[^1], ProducerEpoch = short.MaxValue, BaseSequence = 0 };
            var planted = await cluster.Router(topic.Name).AppendAsync(Batches.Request(Batches.Of(options, (null, "planted")), partition: 0));
            Assert.Null(Assert.Single(planted.Parts).Response.Error);
            return ids[^1];
        }

        await AppendAsync([0], "a");
        var first = await PlantAsync();
        Assert.Equal(ProducerIdKind.Service, ProducerIdRanges.KindOf(first));
        Assert.Null(Assert.Single((await AppendAsync([0, 0], "b", "c")).Parts).Response.Error);
        var second = await PlantAsync();
        Assert.NotEqual(first, second);

        // Of several partitions one refuses the lane: its records are not stored, and can be sent again; those of the other are stored once.
        var mixed = await AppendAsync([1, 0, 1], "d", "e", "f");
        Assert.Equal(
            [(0, StreamErrorCode.NotLeaderOrFollower), (1, StreamErrorCode.None)],
            mixed.Parts.OrderBy(part => part.Partition).Select(part => (part.Partition, part.Response.Error?.Code ?? StreamErrorCode.None)));
        Assert.Null(Assert.Single((await AppendAsync([0], "e")).Parts).Response.Error);

        Assert.Equal(["a", "planted", "b", "c", "planted", "e"], (await ReadAsync(topic, 0)).Select(record => record.Value));
        Assert.Equal(["d", "f"], (await ReadAsync(topic, 1)).Select(record => record.Value));
    }

    [Fact]
    public async Task Key_WhenANewerEpochOfItsProducerIsStored_IsFreeAndItsRepeatIsStored()
    {
        var topic = await cluster.CreateAsync(1);
        var appender = MakeAppender();
        var appends = cluster.Grains.GetGrain<IKeyedAppendsGrain>(IKeyedAppendsGrain.KeyOf(topic.Id, [17]));
        var runner = Guid.NewGuid();
        async Task<(long ProducerId, RecordsAppendOutcome Outcome)> AppendAsync(string key)
        {
            var identity = (await appends.BeginAsync(new KeyedAppendRequest(key, "body", topic, KeylessStart: 0, runner))).Identity!;
            var outcome = await appender.AppendAsync(
                Caller.Anonymous, topic.Name, Records(Batches.Request(Batches.Of((null, key)))), new ClientIdentity(identity));
            await new KeyedRequest(appends, key, runner).EndAsync(outcome.Response);
            return (identity.ProducerId, outcome);
        }

        (var id, var first) = await AppendAsync("a");
        Assert.Equal((ProducerIdKind.Service, false), (ProducerIdRanges.KindOf(id), first.IsFenced));
        var options = new RecordBatchOptions { ProducerId = id, ProducerEpoch = short.MaxValue, BaseSequence = 0 };
        await cluster.Router(topic.Name).AppendAsync(Batches.Request(Batches.Of(options, (null, "planted")), partition: 0));

        (var fenced, var refused) = await AppendAsync("b");
        Assert.Equal((id, true), (fenced, refused.IsFenced));
        (var another, var repeated) = await AppendAsync("b");
        Assert.Null(Assert.Single(repeated.Response.Parts).Response.Error);
        Assert.NotEqual(id, another);
        Assert.Equal(["a", "planted", "b"], (await ReadAsync(topic, 0)).Select(record => record.Value));
    }

    private RecordsAppender MakeAppender() => new(
        AccessControl.Open, new TopicRoutes(cluster.Grains, cluster.Local), new ClientProducerIds(cluster.Grains, TimeProvider.System),
        new ProducerLanes(cluster.Grains, TimeProvider.System),
        TimeProvider.System);

    // The appender names the producer in them, so they are its alone.
    private static AppendRecords Records(RecordsAppendRequest request) =>
        new(request.Batches.ToArray(), request.Partition, request.RecordPartitions, request.Acks, request.ExpectedNextOffset);

    private async Task<IEnumerable<(long Offset, string? Key, string Value)>> ReadAsync(TopicMetadata topic, int partition) =>
        Batches.Read((await cluster.Router(topic.Name).FetchAsync(partition, Batches.From(0))).Batches);
}
