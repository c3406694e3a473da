using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Producers;
using OrleansStream.Storage;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Cluster;

/// <summary>Grains whose state cannot be written or read: they say what the store said, and the next call finds them well.</summary>
public sealed class StateFailureTests : IAsyncLifetime
{
    private readonly ScriptedDocumentStore _documents = new(new MemoryDocumentStore());
    private readonly ClusterFixture _cluster;

    public StateFailureTests() => _cluster = new ClusterFixture
    {
        ConfigureSilo = silo => silo.Services.AddSingleton<IDocumentStore>(_documents),
    };

    public ValueTask InitializeAsync() => _cluster.InitializeAsync();

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Alter_WhenTheTopicCannotBeStored_SaysWhatTheStoreSaidAndTheNextCallWorks(bool isFull)
    {
        var topic = await _cluster.CreateAsync(1);
        _documents.WriteFailure = Failure(isFull);
        var failed = await _cluster.Topic(topic.Name).AlterAsync(new AlterTopicRequest(2, null));
        _documents.WriteFailure = null;

        Assert.Equal(
            new StreamError(StreamErrorCode.KafkaStorageError, $"The topic '{topic.Name}' could not be stored: The store's own words.")
            {
                OutcomeUnknown = !isFull,
            },
            failed.Error);
        Assert.Equal((1, 1L), await DescribeAsync(topic.Name));
        Assert.Null((await _cluster.Topic(topic.Name).AlterAsync(new AlterTopicRequest(3, null))).Error);
        Assert.Equal((3, 2L), await DescribeAsync(topic.Name));
    }

    // The catalogue decides what topics there are, and is written first.
    [Fact]
    public async Task Create_WhenOnlyTheCatalogueCouldBeWritten_DoesNotSayThatTheTopicIsNotThere()
    {
        _documents.BeforeWrite = name => name.Contains("halfway", StringComparison.Ordinal)
            ? throw new StoreFullException("The store's own words.")
            : Task.CompletedTask;
        var failed = await _cluster.Topic("halfway").CreateAsync(ClusterFixture.Request(2));
        _documents.BeforeWrite = null;

        Assert.Equal((StreamErrorCode.KafkaStorageError, true), (failed.Error!.Code, failed.Error.OutcomeUnknown));
        var repeated = await _cluster.Topic("halfway").CreateAsync(ClusterFixture.Request(2));
        Assert.Equal((null, false, 2), (repeated.Error, repeated.Created, repeated.Topic!.PartitionCount));
    }

    // The activation that wrote knows an older version than is stored: only the next one can write again.
    [Fact]
    public async Task Alter_WhenTheReplyOfTheWriteBeforeWasLost_GoesOnFromWhatIsStored()
    {
        var topic = await _cluster.CreateAsync(1);
        _documents.RepliesToLose = 1;
        var failed = await _cluster.Topic(topic.Name).AlterAsync(new AlterTopicRequest(2, null));
        Assert.Equal((StreamErrorCode.KafkaStorageError, true), (failed.Error!.Code, failed.Error.OutcomeUnknown));

        Assert.Equal((2, 2L), await DescribeAsync(topic.Name));
        Assert.Null((await _cluster.Topic(topic.Name).AlterAsync(new AlterTopicRequest(3, null))).Error);
        Assert.Equal((3, 3L), await DescribeAsync(topic.Name));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Add_WhenTheRegisterOfProducersCannotBeStored_SaysWhatTheStoreSaidAndTheNextCallWorks(bool isFull)
    {
        var register = _cluster.Grains.GetGrain<IProducerRegisterGrain>(IProducerRegisterGrain.KeyOf(ProducerIdRanges.ClientMin));
        _documents.WriteFailure = Failure(isFull);
        var error = (await Assert.ThrowsAsync<StreamException>(() => register.AddAsync(ProducerIdRanges.ClientMin))).Error;
        _documents.WriteFailure = null;

        Assert.Equal("The register of producers could not be stored: The store's own words.", error.Detail);
        Assert.Equal((StreamErrorCode.CoordinatorNotAvailable, !isFull), (error.Code, error.OutcomeUnknown));
        Assert.Null(await register.AddAsync(ProducerIdRanges.ClientMin));
        Assert.Equal(1, (await register.RaiseEpochAsync(ProducerIdRanges.ClientMin, 0, key: null)).ProducerEpoch);
    }

    [Fact]
    public async Task RaiseEpoch_OfAnActivationThatAnotherHasReplaced_IsNotRefusedByWhatItKnows()
    {
        const long Producer = ProducerIdRanges.ClientMin + 1;
        var register = _cluster.Grains.GetGrain<IProducerRegisterGrain>(IProducerRegisterGrain.KeyOf(Producer));
        await register.AddAsync(Producer);
        Assert.Equal(1, (await register.RaiseEpochAsync(Producer, 0, key: null)).ProducerEpoch);
        // Another activation writes the register.
        var name = _documents.Written.FindLast(written => written.Contains("register", StringComparison.Ordinal))!;
        var document = (await _documents.ReadAsync(name, TestContext.Current.CancellationToken))!.Value;
        await _documents.WriteAsync(name, document.Bytes, document.ETag, TestContext.Current.CancellationToken);

        var error = (await Assert.ThrowsAsync<StreamException>(() => register.RaiseEpochAsync(Producer, 0, key: null))).Error;

        Assert.Equal(StreamErrorCode.CoordinatorNotAvailable, error.Code);
        Assert.Equal(StreamErrorCode.InvalidProducerEpoch, (await register.RaiseEpochAsync(Producer, 0, key: null)).Error?.Code);
        Assert.Equal(StreamErrorCode.UnknownProducerId, (await register.RaiseEpochAsync(Producer + 1, 0, key: null)).Error?.Code);
    }

    [Fact]
    public async Task Append_WhenItNamesANewerTopicThatCannotBeRead_IsRefusedAndMayBeRepeated()
    {
        var topic = await _cluster.CreateAsync(1);
        var request = new AppendRequest(Batches.Of((null, "a")), Acks.All, topic.Version);
        Assert.Equal(0, (await _cluster.Partition(topic, 0).AppendAsync(request)).BaseOffset);
        await _cluster.Cluster.DeactivateAsync(_cluster.Topic(topic.Name));
        request = request with { TopicVersion = topic.Version + 1 };

        _documents.ReadsToFail = int.MaxValue;
        var refused = await _cluster.Partition(topic, 0).AppendAsync(request);
        _documents.ReadsToFail = 0;

        Assert.Equal((StreamErrorCode.NotLeaderOrFollower, false), (refused.Error!.Code, refused.Error.OutcomeUnknown));
        Assert.Contains("nothing was stored", refused.Error.Detail, StringComparison.Ordinal);
        var stored = await _cluster.Partition(topic, 0).AppendAsync(request);
        Assert.Equal((null, 1L), (stored.Error, stored.BaseOffset));
    }

    private static Exception Failure(bool isFull) =>
        isFull ? new StoreFullException("The store's own words.") : new StoreUnavailableException("The store's own words.");

    private async Task<(int PartitionCount, long Version)> DescribeAsync(string name)
    {
        var topic = (await _cluster.Topic(name).GetAsync()).Topic!;
        return (topic.PartitionCount, topic.Version);
    }
}
