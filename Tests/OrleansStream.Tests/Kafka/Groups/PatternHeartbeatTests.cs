using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Gateway.Topics;
using OrleansStream.Groups;
using OrleansStream.Tests.Support;
using OrleansStream.Topics;

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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Heartbeat_WhenTheTopicsCannotBeFound_RefusesOnlyWhoJoinsOrSaysAnotherExpression(bool isTooMany)
    {
        var (prefix, group) = ($"p{Guid.NewGuid():N}", GroupService.NewGroup());
        var pattern = $"{prefix}-.*";
        await service.CreateTopicAsync(1, 0, $"{prefix}-a");
        var joined = await service.NewCoordinator(() => Task.FromResult(PageOf("a"))).HeartbeatAsync(
            Caller.Anonymous, group, Beat(epoch: 0) with { Pattern = pattern }, Cancellation);
        var had = joined.Assigned!.Value;
        Assert.Single(had);
        // Somebody else has created many topics, or the catalogue does not answer.
        var many = PageOf([.. Enumerable.Range(0, TopicPatternLimits.MatchesMax + 1).Select(i => $"{i:D3}")]);
        var server = service.NewCoordinator(() => isTooMany ? Task.FromResult(many) : throw new TimeoutException());

        // Another member joins, and is none.
        await AssertRefusedAsync(Beat(epoch: 0) with { Member = "other", Pattern = pattern });
        // The server has not heard of the member, nor of its expression; then it has; then the member says its expression again.
        foreach (var said in (string?[])[null, null, pattern])
        {
            var told = await server.HeartbeatAsync(
                Caller.Anonymous, group, Beat((int)joined.Epoch) with { Owned = had, Pattern = said }, Cancellation);
            Assert.Null(told.Error);
            Assert.Equal((joined.Epoch, true), (told.Epoch, told.IsSettled));
        }

        await AssertRefusedAsync(Beat((int)joined.Epoch) with { Owned = had, Pattern = pattern + ".*" });
        await server.HeartbeatAsync(Caller.Anonymous, group, Beat(epoch: -1), Cancellation);

        CatalogPage PageOf(params string[] names) =>
            new([.. names.Select(name => new CatalogEntry($"{prefix}-{name}", Guid.NewGuid(), default))], NextAfter: null);

        async Task AssertRefusedAsync(GroupHeartbeatRequest request)
        {
            var refused = await Assert.ThrowsAnyAsync<Exception>(() => server.HeartbeatAsync(Caller.Anonymous, group, request, Cancellation));
            if (isTooMany)
                Assert.Equal(StreamErrorCode.PolicyViolation, Assert.IsType<StreamException>(refused).Error.Code);
            else
                Assert.IsType<TimeoutException>(refused);
        }
    }

    private static GroupHeartbeatRequest Beat(int epoch) =>
        new("member", epoch, InstanceId: null, "test", "/", RebalanceMs: 10_000, Topics: null, Assignor: null, Owned: null);
}
