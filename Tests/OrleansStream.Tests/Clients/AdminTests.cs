using OrleansStream.Client.Administration;
using OrleansStream.Client.Connections;
using OrleansStream.Contracts;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>What manages topics and groups, over real HTTP.</summary>
[Collection(ApiTests.Name)]
public sealed class AdminTests(ApiFixture api)
{
    [Fact]
    public async Task Topics_AreCreatedShownChangedListedAndDeleted()
    {
        using var rig = await ClientRig.MakeAsync(api);
        var topics = rig.Client.Admin.Topics;
        var name = $"made-{Guid.NewGuid():N}";

        var made = await topics.CreateAsync(name, 3, new Dictionary<string, string> { ["retention.ms"] = "60000" });
        var changed = await topics.AlterAsync(name, 4, new Dictionary<string, string?> { ["retention.ms"] = null, ["compression.type"] = "zstd" });

        Assert.Equal((name, 3, 60000L), (made.Name, made.Partitions, (long)made.Config["retention.ms"]!));
        Assert.Equal((4, 604800000L, "zstd"), (changed.Partitions, (long)changed.Config["retention.ms"]!, (string?)changed.Config["compression.type"]));
        Assert.Equal(made.Id, (await topics.GetAsync(name)).Id);
        Assert.Equal(4, (await topics.GetPartitionsAsync(name)).Partitions.Count);
        Assert.Equal(4, (await topics.GetLoadAsync(name)).Partitions.Count);
        Assert.Equal([name], (await ListAsync(topics.ListAsync("made-"))).Select(topic => topic.Name).Where(listed => listed == name));
        await topics.DeleteAsync(name);
        var error = await Assert.ThrowsAsync<StreamServiceException>(() => topics.GetAsync(name));
        Assert.Equal("UNKNOWN_TOPIC_OR_PARTITION", error.ErrorCode);
    }

    [Fact]
    public async Task Delete_WhenTheFirstAnswerIsLost_Succeeds()
    {
        using var rig = await ClientRig.MakeAsync(api);
        rig.Line.OnRequest = (request, number) => number == 1 ? HttpFault.ReplyLost : HttpFault.None;

        await rig.Client.Admin.Topics.DeleteAsync(rig.Topic);

        Assert.Equal(2, rig.Line.RequestCount);
    }

    /// <summary>A repeat that finds no member or no group succeeds: the first try has removed it.</summary>
    [Fact]
    public async Task RemoveMemberAndDeleteGroup_WhenTheFirstAnswerIsLost_Succeed()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0");
        var groups = rig.Client.Admin.Groups;
        var consumer = rig.Client.Consume<string>(rig.Group, rig.Topic, options => options.MemberId = "anna").GetAsyncEnumerator(TestContext.Current.CancellationToken);
        Assert.True(await consumer.MoveNextAsync());
        var (deletes, line) = (0, rig.Line);
        line.OnRequest = (request, _) => request.Method == HttpMethod.Delete && deletes++ % 2 == 0 ? HttpFault.ReplyLost : HttpFault.None;

        await groups.RemoveMemberAsync(rig.Group, "anna");
        Assert.Equal(2, deletes);
        Assert.Empty((await groups.GetAsync(rig.Group)).Members);
        await consumer.DisposeAsync();
        deletes = 0;
        await groups.DeleteAsync(rig.Group);

        Assert.Equal(2, deletes);
        line.OnRequest = (_, _) => HttpFault.None;
        await Assert.ThrowsAsync<StreamServiceException>(() => groups.DeleteAsync(rig.Group));
    }

    [Fact]
    public async Task Groups_AreShownResetAndDeleted()
    {
        using var rig = await ClientRig.MakeAsync(api);
        var groups = rig.Client.Admin.Groups;
        await rig.SendAsync("0", "1", "2");
        await groups.SetOffsetsAsync(rig.Group, [new OffsetPut { Topic = rig.Topic, Partition = 0, Offset = 3 }]);
        Assert.Equal(0, (await groups.GetLagAsync(rig.Group)).Lag);

        var dry = await groups.ResetOffsetsAsync(rig.Group, GroupPosition.Shift(-2), dryRun: true);
        var moved = await groups.ResetOffsetsAsync(rig.Group, GroupPosition.Offset(1), [rig.Topic]);

        Assert.Equal((true, 1L), (dry.DryRun, Assert.Single(dry.Offsets).To));
        Assert.Equal((false, 3L, 1L), (moved.DryRun, Assert.Single(moved.Offsets).From, Assert.Single(moved.Offsets).To));
        Assert.Equal(2, (await groups.GetLagAsync(rig.Group)).Lag);
        Assert.Equal("topic", (await groups.SetRetryPolicyAsync(rig.Group, new RetryPolicyRequest())).Retry);
        Assert.Equal(5, (await groups.GetAsync(rig.Group)).RetryPolicy!.MaxAttempts);
        Assert.Equal("none", (await groups.GetRedriveAsync(rig.Group)).State);
        Assert.Contains(await ListAsync(groups.ListAsync(rig.Group)), group => group.Group == rig.Group);
        await groups.DeleteAsync(rig.Group);
        await Assert.ThrowsAsync<StreamServiceException>(() => groups.GetAsync(rig.Group));
    }

    [Fact]
    public async Task DeleteRecords_MovesTheLogsStart()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0", "1", "2");

        Assert.Equal(2, (await rig.Client.Admin.Topics.DeleteRecordsAsync(rig.Topic, 0, 2)).LowWatermark);

        Assert.Equal(["2"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Cluster_TellsItsSilos()
    {
        using var rig = await ClientRig.MakeAsync(api);

        Assert.NotEmpty((await rig.Client.Admin.GetClusterAsync()).Silos);
        Assert.Equal("ready", (await rig.Client.Admin.GetReadinessAsync()).Status);
    }

    private static async Task<List<T>> ListAsync<T>(IAsyncEnumerable<T> items)
    {
        var list = new List<T>();
        await foreach (var item in items)
            list.Add(item);
        return list;
    }
}
