using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Cluster;

/// <summary>A read that waits belongs to the topic that had the name when it came.</summary>
public sealed class WaitingFetchTests : IAsyncLifetime
{
    private readonly WaitsSeen _waits = new();
    private readonly ClusterFixture _cluster;

    public WaitingFetchTests() => _cluster = new ClusterFixture
    {
        AreCallsDirect = false,
        ConfigureSilo = silo => silo.AddIncomingGrainCallFilter(_waits),
    };

    public ValueTask InitializeAsync() => _cluster.InitializeAsync();

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Theory]
    [InlineData(2)]
    [InlineData(FetchRequest.Latest)]
    public async Task Fetch_WhileItsTopicIsCreatedAnew_IsRefused(long offset)
    {
        var topic = await _cluster.CreateAsync(1);
        await _cluster.Router(topic.Name).AppendAsync(Batches.Request(Batches.Of((null, "a"), (null, "b")), 0));
        var waiting = _cluster.Router(topic.Name).FetchAsync(0, Batches.From(offset, waitMs: 20_000)).AsTask();
        await Wait.UntilAsync("the read waits", () => _waits.Any);
        await _cluster.Topic(topic.Name).DeleteAsync();
        await _cluster.Topic(topic.Name).CreateAsync(ClusterFixture.Request(1));
        await _cluster.Router(topic.Name).AppendAsync(Batches.Request(Batches.Of((null, "c"), (null, "d"), (null, "e")), 0));
        var response = await waiting;
        Assert.True(response.Error is { Code: StreamErrorCode.UnknownTopicId or StreamErrorCode.UnknownTopicOrPartition }, $"{response}");
    }

    /// <summary>Tells when a partition has been asked to wait.</summary>
    private sealed class WaitsSeen : IIncomingGrainCallFilter
    {
        private volatile bool _any;

        public bool Any => _any;

        public Task Invoke(IIncomingGrainCallContext context)
        {
            if (context.Grain is IPartitionGrain && context.Request.GetArgumentCount() > 0
                && context.Request.GetArgument(0) is FetchRequest { WaitMs: > 0 })
            {
                _any = true;
            }

            return context.Invoke();
        }
    }
}
