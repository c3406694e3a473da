using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Errors;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Cluster;

/// <summary>
/// A topic whose call to the catalogue is lost says that the outcome is unknown. Whatever became of the call, the topic is afterwards what the
/// catalogue says.
/// </summary>
public sealed class LostCatalogReplyTests : IAsyncLifetime
{
    private readonly LostCatalogCalls _calls = new();
    private readonly ClusterFixture _cluster;

    public LostCatalogReplyTests() => _cluster = new ClusterFixture
    {
        ConfigureSilo = silo => silo.Services.AddSingleton<IOutgoingGrainCallFilter>(_calls),
    };

    private ITopicCatalogGrain Catalog => _cluster.Grains.GetGrain<ITopicCatalogGrain>(ITopicCatalogGrain.Key);

    public ValueTask InitializeAsync() => _cluster.InitializeAsync();

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Theory]
    [InlineData(typeof(SiloUnavailableException))]
    [InlineData(typeof(TimeoutException))]
    [InlineData(typeof(TaskCanceledException))]
    public async Task Delete_WhenTheReplyIsLost_SaysThatItIsUnknownAndTheTopicIsGone(Type kind)
    {
        var topic = await _cluster.CreateAsync(2);
        _calls.LoseReply(nameof(ITopicCatalogGrain.RemoveAsync), kind);

        var error = await _cluster.Topic(topic.Name).DeleteAsync();

        Assert.Equal((StreamErrorCode.RequestTimedOut, true), (error!.Code, error.OutcomeUnknown));
        Assert.Equal(StreamErrorCode.UnknownTopicOrPartition, (await _cluster.Topic(topic.Name).GetAsync()).Error?.Code);
        var anew = await _cluster.Topic(topic.Name).CreateAsync(ClusterFixture.Request(2));
        Assert.True(anew.Created);
        Assert.NotEqual(topic.Id, anew.Topic!.Id);
    }

    [Fact]
    public async Task Create_WhenTheReplyIsLost_SaysThatItIsUnknownAndTheTopicIsThere()
    {
        const string name = "made-nevertheless";
        _calls.LoseReply(nameof(ITopicCatalogGrain.RegisterAsync), typeof(TimeoutException));

        var error = (await _cluster.Topic(name).CreateAsync(ClusterFixture.Request(2))).Error;

        Assert.Equal((StreamErrorCode.RequestTimedOut, true), (error!.Code, error.OutcomeUnknown));
        Assert.Equal((await Catalog.FindAsync(name))!.Id, (await _cluster.Topic(name).GetAsync()).Topic?.Id);
    }

    // The catalogue may be writing while its caller gives up, and the next activation of the topic then asks too early.
    [Fact]
    public async Task Create_WhenALostDeletionIsDoneLate_MakesTheTopicAnew()
    {
        var topic = await _cluster.CreateAsync(2);
        _calls.LoseRequest(nameof(ITopicCatalogGrain.RemoveAsync), typeof(TimeoutException));
        Assert.True((await _cluster.Topic(topic.Name).DeleteAsync())!.OutcomeUnknown);
        Assert.Equal(topic.Id, (await _cluster.Topic(topic.Name).GetAsync()).Topic!.Id);
        await Catalog.RemoveAsync(topic.Name, topic.Id, topic.PartitionCount);

        var anew = await _cluster.Topic(topic.Name).CreateAsync(ClusterFixture.Request(2));

        Assert.True(anew.Created);
        Assert.Equal((await Catalog.FindAsync(topic.Name))!.Id, anew.Topic!.Id);
        Assert.NotEqual(topic.Id, anew.Topic.Id);
    }

    [Fact]
    public async Task Alter_WhenALostDeletionIsDoneLate_SaysThatTheTopicIsGone()
    {
        var topic = await _cluster.CreateAsync(2);
        _calls.LoseRequest(nameof(ITopicCatalogGrain.RemoveAsync), typeof(TimeoutException));
        Assert.True((await _cluster.Topic(topic.Name).DeleteAsync())!.OutcomeUnknown);
        Assert.Equal(topic.Id, (await _cluster.Topic(topic.Name).GetAsync()).Topic!.Id);
        await Catalog.RemoveAsync(topic.Name, topic.Id, topic.PartitionCount);

        var altered = await _cluster.Topic(topic.Name).AlterAsync(new AlterTopicRequest(PartitionCount: 4, Config: null));

        Assert.Equal(StreamErrorCode.UnknownTopicOrPartition, altered.Error?.Code);
        Assert.Equal(StreamErrorCode.UnknownTopicOrPartition, (await _cluster.Topic(topic.Name).GetAsync()).Error?.Code);
    }

    // The catalogue's silo may hang just then, and a service that starts makes its topics.
    [Fact]
    public async Task Create_OfATopicThatIsThere_WhenTheCatalogueDoesNotAnswer_FindsIt()
    {
        var topic = await _cluster.CreateAsync(2);
        _calls.LoseRequest(nameof(ITopicCatalogGrain.FindAsync), typeof(TimeoutException));

        var found = await _cluster.Topic(topic.Name).CreateAsync(ClusterFixture.Request(2));

        Assert.Equal((null, false, topic.Id), (found.Error, found.Created, found.Topic!.Id));
    }

    /// <summary>Loses the next call of a method of the catalogue.</summary>
    private sealed class LostCatalogCalls : IOutgoingGrainCallFilter
    {
        private volatile Loss? _next;

        public void LoseRequest(string method, Type kind) => _next = new Loss(method, kind, IsDone: false);

        public void LoseReply(string method, Type kind) => _next = new Loss(method, kind, IsDone: true);

        public async Task Invoke(IOutgoingGrainCallContext context)
        {
            var loss = _next is { } next && context.Grain is ITopicCatalogGrain && context.MethodName == next.Method ? next : null;
            if (loss is null or { IsDone: true })
                await context.Invoke();
            if (loss is null)
                return;
            _next = null;
            throw (Exception)Activator.CreateInstance(loss.Kind, "The call was lost.")!;
        }

        private sealed record Loss(string Method, Type Kind, bool IsDone);
    }
}
