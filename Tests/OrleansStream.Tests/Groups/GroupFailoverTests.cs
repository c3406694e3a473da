using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Groups;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Groups;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Groups;

/// <summary>A server dies in the middle of a poll; another one serves the member on.</summary>
public sealed class GroupFailoverTests : IAsyncLifetime
{
    private const int GroupCount = 12;
    private readonly ClusterFixture _cluster = new();

    public ValueTask InitializeAsync() => _cluster.InitializeAsync();

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task Poll_WhenItsServerIsKilledWhileItWaits_GoesOnAtAnotherServer()
    {
        var topic = await _cluster.CreateAsync(4);
        var doomed = _cluster.Cluster.Silos[1].ServiceProvider.GetRequiredService<IGrainFactory>();
        // As many groups as it takes for some to be on the server that dies, and some not.
        var cursors = new Dictionary<string, string>();
        for (var i = 0; i < GroupCount; i++)
        {
            var group = $"g{i}";
            var first = Poll(doomed, group, topic, cursor: null);
            Assert.Null(await first.JoinAsync(CancellationToken.None));
            Assert.Null(await first.ReadAsync(waitMs: 0, endsOnNews: false, CancellationToken.None));
            Assert.Equal(4, first.Partitions.Count);
            cursors[group] = first.Cursor();
            var parked = Poll(doomed, group, topic, first.Cursor());
            Assert.Null(await parked.JoinAsync(CancellationToken.None));
            // How it ends is of no interest: whoever waited for it is on the dead server.
            _ = parked.ReadAsync(waitMs: 60_000, endsOnNews: false, CancellationToken.None);
        }

        await _cluster.Cluster.KillSiloAsync(_cluster.Cluster.Silos[1]);
        await _cluster.Router(topic.Name).AppendAsync(Batches.Request(Batches.Of((null, "after")), 2));

        foreach (var (group, cursor) in cursors)
        {
            var epoch = GroupCursor.Read(cursor, group, "m").Token.Epoch;
            await Wait.UntilAsync($"{group} reads what came after", async () =>
            {
                // Never an error: it asks on until the group has moved.
                var next = Poll(_cluster.Grains, group, topic, cursor);
                Assert.Null(await next.JoinAsync(CancellationToken.None));
                Assert.Null(await next.ReadAsync(waitMs: 1_000, endsOnNews: false, CancellationToken.None));

                Assert.Equal((epoch, 4), (next.MemberEpoch, next.Partitions.Count));
                return next.Partitions.Where(partition => partition.RecordCount > 0)
                    .Any(partition => partition is { Assigned.Partition: 2, Position: 0 });
            });
        }
    }

    private static GroupPoll Poll(IGrainFactory grains, string group, TopicMetadata topic, string? cursor) =>
        new GroupPolls(AccessControl.Open, grains, new TopicRoutes(grains), new LogEnds(new TopicRoutes(grains)), TimeProvider.System, new NodeAnswers(TimeProvider.System), new NodeWaits()).Open(Caller.Anonymous, group, "m", new PollOptions
        {
            Topics = [topic.Name],
            Cursor = cursor is null ? null : GroupCursor.Read(cursor, group, "m"),
            RecordsMax = 100,
            BytesMax = 64 * 1024,
            LeaseMs = GroupLimits.LeaseMsDefault,
        });
}
