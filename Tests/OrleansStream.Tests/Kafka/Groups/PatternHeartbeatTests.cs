using OrleansStream.Gateway.Security;
using OrleansStream.Groups;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Kafka.Groups;

/// <summary>A member says its regular expression once, and whichever server takes its next heartbeat goes on with it.</summary>
[Collection(KafkaGroupTests.Name)]
public sealed class PatternHeartbeatTests(GroupService service)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Heartbeat_AtAServerThatDoesNotKnowTheExpression_FindsNewTopics()
    {
        var (prefix, group) = ($"p{Guid.NewGuid():N}", GroupService.NewGroup());
        await service.CreateTopicAsync(1, 0, $"{prefix}-a");
        var (first, other) = (service.NewCoordinator(), service.NewCoordinator());
        var told = await first.HeartbeatAsync(Caller.Anonymous, group, Beat(epoch: 0) with { Pattern = $"{prefix}-.*" }, Cancellation);
        Assert.Single(told.Assigned!.Value);

        await service.CreateTopicAsync(1, 0, $"{prefix}-b");
        var had = told.Assigned.Value;
        await Wait.UntilAsync("it has both topics", async () =>
        {
            told = await other.HeartbeatAsync(Caller.Anonymous, group, Beat((int)told.Epoch) with { Owned = had }, Cancellation);
            Assert.Null(told.Error);
            had = told.Assigned ?? had;
            return had.Length == 2;
        });
        await other.HeartbeatAsync(Caller.Anonymous, group, Beat(epoch: -1), Cancellation);
    }

    private static GroupHeartbeatRequest Beat(int epoch) =>
        new("member", epoch, InstanceId: null, "test", "/", RebalanceMs: 10_000, Topics: null, Assignor: null, Owned: null);
}
