using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Persistence;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Cluster;

[Collection(nameof(ClusterCollection))]
public sealed class TopicTests(ClusterFixture cluster)
{
    [Fact]
    public async Task Create_WhenRepeated_FindsTheTopicOrSaysWhatDiffers()
    {
        var topic = await cluster.CreateAsync(3, ("segment.ms", "5000"));
        var again = await cluster.Topic(topic.Name).CreateAsync(ClusterFixture.Request(3, ("segment.ms", "5000")));
        var other = await cluster.Topic(topic.Name).CreateAsync(ClusterFixture.Request(4, ("segment.ms", "5000")));

        Assert.False(again.Created);
        Assert.Equal(topic.Id, again.Topic!.Id);
        Assert.Equal(1, again.Topic.ReplicationFactor);
        Assert.Equal(StreamErrorCode.TopicAlreadyExists, other.Error!.Code);
        Assert.Contains("partitions is 3, not 4", other.Error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Create_WhenRequestIsWrong_SaysWhichFieldAndWhatIsAllowed()
    {
        await Check("bad name", ClusterFixture.Request(1), StreamErrorCode.InvalidTopicException, "topic");
        await Check("t", ClusterFixture.Request(0), StreamErrorCode.InvalidPartitions, "partitions");
        await Check("t", ClusterFixture.Request(1025), StreamErrorCode.InvalidPartitions, "partitions");
        await Check("t", ClusterFixture.Request(1, ("x", "1")), StreamErrorCode.InvalidConfig, "config.x");
        await Check("t", ClusterFixture.Request(1) with { ReplicationFactor = 2 }, StreamErrorCode.InvalidReplicationFactor, "replication_factor");

        async Task Check(string name, CreateTopicRequest request, StreamErrorCode code, string field)
        {
            var response = await cluster.Topic(name).CreateAsync(request);
            Assert.Equal((code, field), (response.Error!.Code, response.Error.Field));
        }
    }

    [Fact]
    public async Task Create_WhenManyAskAtOnce_CreatesOnce()
    {
        var name = $"t-{Guid.NewGuid():N}";
        var responses = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(_ => cluster.Topic(name).CreateAsync(ClusterFixture.Request(1))));
        Assert.Single(responses, response => response.Created);
        Assert.Single(responses.Select(response => response.Topic!.Id).Distinct());
    }

    [Fact]
    public async Task Alter_WhenPartitionsGrowAndSettingsChange_HoldsAtOnce()
    {
        var topic = await cluster.CreateAsync(1, ("max.message.bytes", "10"));
        var large = Batches.Request(Batches.Of((null, "more than ten bytes")), 0);
        Assert.Equal(
            StreamErrorCode.MessageTooLarge,
            (await cluster.Router(topic.Name).AppendAsync(large)).Parts.Single().Response.Error!.Code);

        var altered = await cluster.Topic(topic.Name).AlterAsync(
            new AlterTopicRequest(4, ImmutableSortedDictionary<string, string?>.Empty.Add("max.message.bytes", null)));
        Assert.Equal((4, 2L), (altered.Topic!.PartitionCount, altered.Topic.Version));
        Assert.Empty(altered.Topic.Config);

        Assert.Null((await cluster.AppendAsync(topic.Name, large with { Partition = 3 })).Parts.Single().Response.Error);
        Assert.Null((await cluster.AppendAsync(topic.Name, large)).Parts.Single().Response.Error);
        var shrink = (await cluster.Topic(topic.Name).AlterAsync(new AlterTopicRequest(3, null))).Error;
        Assert.Equal(StreamErrorCode.InvalidPartitions, shrink!.Code);
    }

    [Fact]
    public async Task Delete_WhenThereAreRecords_FreesNameAndBytesAndShowsNoneToTheNext()
    {
        var topic = await cluster.CreateAsync(2);
        await cluster.Router(topic.Name).AppendAsync(Batches.Request(Batches.Of((null, "old")), 1));
        Assert.Null(await cluster.Topic(topic.Name).DeleteAsync());

        var gone = await cluster.Router(topic.Name).FetchAsync(1, Batches.From(0));
        Assert.Equal(StreamErrorCode.UnknownTopicOrPartition, gone.Error!.Code);
        Assert.Equal(StreamErrorCode.UnknownTopicOrPartition, (await cluster.Topic(topic.Name).DeleteAsync())!.Code);
        await Wait.UntilAsync("its segments are deleted", async () => !await cluster.Segments.ListAsync($"{topic.Id:N}/").AnyAsync());

        var anew = await cluster.Topic(topic.Name).CreateAsync(ClusterFixture.Request(2));
        Assert.NotEqual(topic.Id, anew.Topic!.Id);
        var empty = await cluster.Router(topic.Name).FetchAsync(1, Batches.From(0));
        Assert.Null(empty.Error);
        Assert.Equal(0, empty.HighWatermark);
        Assert.Equal(StreamErrorCode.UnknownTopicId, (await cluster.Partition(topic, 1).FetchAsync(Batches.From(0))).Error!.Code);
    }

    [Fact]
    public async Task Get_WhenTheTopicsOwnStateIsLost_IsHealedFromTheCatalogue()
    {
        var topic = await cluster.CreateAsync(5, ("segment.ms", "5000"));
        var grain = cluster.Topic(topic.Name);
        await cluster.Cluster.DeactivateAsync(grain);
        var document = await cluster.Documents.ListAsync("state/").SingleAsync(
            name => name.EndsWith('/' + StateDocumentName.Of("s", "s", grain.GetGrainId()).Split('/')[^1], StringComparison.Ordinal));
        await cluster.Documents.DeleteAsync(document, expectedETag: null);

        var healed = await grain.GetAsync();
        Assert.Equal((topic.Id, 5), (healed.Topic!.Id, healed.Topic.PartitionCount));
        Assert.Equal(2, (await grain.AlterAsync(new AlterTopicRequest(6, null))).Topic!.Version);
    }

    [Fact]
    public async Task List_WhenThereAreMoreThanAPage_GivesEachOnceInOrder()
    {
        var prefix = $"p{Guid.NewGuid():N}-";
        string[] names = ["B", "_", "a", "b.1", "c-1"];
        foreach (var name in names)
            Assert.Null((await cluster.Topic(prefix + name).CreateAsync(ClusterFixture.Request(1))).Error);

        var catalog = cluster.Grains.GetGrain<ITopicCatalogGrain>(ITopicCatalogGrain.Key);
        var listed = new List<string>();
        string? after = null;
        do
        {
            var page = await catalog.ListAsync(prefix, after, limit: 2);
            listed.AddRange(page.Topics.Select(topic => topic.Name[prefix.Length..]));
            after = page.NextAfter;
        }
        while (after is not null);

        Assert.Equal(names.Order(StringComparer.Ordinal), listed);
    }
}
