using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Errors;
using OrleansStream.Storage;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Cluster;

/// <summary>The catalogue answers, whatever becomes of the bytes of deleted topics.</summary>
public sealed class CatalogTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly ScriptedSegmentStore _segments = new(new MemorySegmentStore());
    private readonly ScriptedDocumentStore _documents = new(new MemoryDocumentStore());
    private readonly TaskCompletionSource _released = new();
    private readonly ClusterFixture _cluster;

    public CatalogTests() => _cluster = new ClusterFixture
    {
        ConfigureSilo = silo =>
        {
            silo.Services.AddSingleton<ISegmentStore>(_segments);
            silo.Services.AddSingleton<IDocumentStore>(_documents);
        },
    };

    public ValueTask InitializeAsync() => _cluster.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        _released.TrySetResult();
        await _cluster.DisposeAsync();
    }

    // An activation that goes away waits for its calls, and who calls it meanwhile waits for that.
    [Fact]
    public async Task Find_WhenTheCatalogueGoesAwayWhileItFreesBytes_IsAnsweredByTheNextOne()
    {
        var topic = await _cluster.CreateAsync(1);
        await _cluster.Router(topic.Name).AppendAsync(Batches.Request(Batches.Of((null, "a")), 0));
        var hangs = new TaskCompletionSource();
        var deletions = 0;
        _segments.BeforeDelete = _ => Interlocked.Increment(ref deletions) == 1
            ? throw new StoreUnavailableException("The topic's own try to delete fails.")
            : HangAsync(hangs);
        Assert.Null(await _cluster.Topic(topic.Name).DeleteAsync());
        await hangs.Task.WaitAsync(TopicGrainLimits.DeletionPeriod + Patience, TestContext.Current.CancellationToken);

        _documents.WriteFailure = new StoreUnavailableException("The catalogue's write fails.");
        var unknown = await _cluster.Topic("unlucky").CreateAsync(ClusterFixture.Request(1));
        Assert.Equal(StreamErrorCode.KafkaStorageError, unknown.Error!.Code);
        _documents.WriteFailure = null;

        var next = await _cluster.Topic("lucky").CreateAsync(ClusterFixture.Request(1))
            .WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.True(next.Created);
    }

    private Task HangAsync(TaskCompletionSource hangs)
    {
        hangs.TrySetResult();
        return _released.Task;
    }
}
