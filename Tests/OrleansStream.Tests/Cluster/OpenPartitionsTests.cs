using System.Collections.Immutable;
using System.Reflection;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansStream.Errors;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Partitions;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Cluster;

/// <summary>The partitions that a process leads: found while their log is open, and kept open while somebody uses them.</summary>
public sealed class OpenPartitionsTests : IAsyncLifetime
{
    private static readonly PartitionKey Key = new(Guid.NewGuid(), 0);

    private readonly OpenPartitionIndex _led = new();
    private readonly OpenPartitions _open;
    private OpenPartition _partition = null!;
    private int _stays;

    public OpenPartitionsTests() => _open = new OpenPartitions(
        TimeProvider.System, DispatchProxy.Create<ILocalSiloDetails, NoSilos>(), DispatchProxy.Create<ISiloStatusOracle, NoSilos>(), _led,
        new RepeatedFailures(TimeProvider.System), NullLogger<OpenPartitions>.Instance);

    public async ValueTask InitializeAsync()
    {
        _partition = await OpenAsync();
        _open.Add(_partition, move: _ => { }, stay: () => _stays++);
    }

    public ValueTask DisposeAsync() => _partition.Log.DisposeAsync();

    [Fact]
    public async Task Round_StaysOnlyWhereSomebodyAppendedOrReadSinceTheLastOne()
    {
        await _open.SeeToAllAsync();
        Assert.Equal(0, _stays);

        await _partition.AppendAsync(new AppendRequest(Batches.Request(Batches.Of((null, "a"))).Batches, Acks.All, TopicVersion: 1), CancellationToken.None);
        await _open.SeeToAllAsync();
        await _open.SeeToAllAsync();
        Assert.Equal(1, _stays);

        await _partition.FetchAsync(Batches.From(0), CancellationToken.None);
        await _open.SeeToAllAsync();
        Assert.Equal(2, _stays);
    }

    [Fact]
    public async Task Remove_WhenAnotherActivationHasOpenedThePartition_LeavesThatOneFound()
    {
        Assert.Same(_partition, _led.Find(Key));
        var next = await OpenAsync();
        _open.Add(next, move: _ => { }, stay: () => { });

        _open.Remove(_partition.Log);
        Assert.Same(next, _led.Find(Key));

        _open.Remove(next.Log);
        Assert.Null(_led.Find(Key));
        await next.Log.DisposeAsync();
    }

    private static async Task<OpenPartition> OpenAsync()
    {
        var log = await PartitionLog.OpenAsync(
            Key.ToString(), "owner", new LogOptions(), new MemorySegmentStore(), new MemoryDocumentStore(), TimeProvider.System);
        var topic = new TopicMetadata("t", Key.TopicId, 1, ImmutableSortedDictionary<string, string>.Empty, 1, default);
        return new OpenPartition(Key, topic, log, NullLogger.Instance);
    }

    /// <summary>A cluster of which nothing is known.</summary>
    public class NoSilos : DispatchProxy
    {
        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            targetMethod!.Name == nameof(ISiloStatusOracle.GetApproximateSiloStatuses) ? new Dictionary<SiloAddress, SiloStatus>() : null;
    }
}
