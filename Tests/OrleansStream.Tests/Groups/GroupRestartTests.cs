using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Loads;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Groups;

/// <summary>Nothing of a group is in a process: killed and started again, the service goes on where its members are.</summary>
public sealed class GroupRestartTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Poll_WhenTheServiceWasKilled_GoesOnWithTheSamePartitionsAndCursor()
    {
        var port = FreePort.Find();
        await using var first = await ServiceProcess.StartAsync(_folder.PathOf("data"), port);
        using var client = first.Connect();
        await client.CreateTopicAsync("jobs", 4);
        await client.ProduceAsync("jobs", Enumerable.Range(0, 4).Select(p => new JsonObject { ["partition"] = p, ["value"] = "before" }));
        GroupConsumer[] members = [new(client, "workers", "anna", "jobs"), new(client, "workers", "ben", "jobs")];
        var before = new List<GroupRecord>();
        foreach (var member in members)
            before.AddRange(await member.PollAsync(0));
        await Wait.UntilAsync("both have two partitions", async () =>
        {
            foreach (var member in members)
                before.AddRange(await member.PollAsync(100));
            return members.All(member => member.Assignment.Count == 2);
        });
        Assert.Equal(4, before.Count);
        var assigned = members.Select(member => (member.Epoch, string.Join(",", member.Assignment))).ToArray();

        await first.KillAsync();
        await using var second = await ServiceProcess.StartAsync(_folder.PathOf("data"), port);
        await client.ProduceAsync("jobs", Enumerable.Range(0, 4).Select(p => new JsonObject { ["partition"] = p, ["value"] = "after" }));

        var after = new List<GroupRecord>();
        foreach (var member in members)
            after.AddRange(await member.PollAsync());
        Assert.Equal(assigned, members.Select(member => (member.Epoch, string.Join(",", member.Assignment))));
        Assert.Equal(4, after.Count);
        Assert.All(after, record => Assert.Equal("after", (string?)record.Value));
        var groups = (await client.GetAsync("/v1/groups")).Expect(HttpStatusCode.OK).Body!["groups"]!.AsArray();
        Assert.Equal("workers", (string?)Assert.Single(groups)!["group"]);
    }
}
