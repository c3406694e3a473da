using System.Collections.Immutable;
using System.Net;
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

    [Fact]
    public async Task MovingCount_OfAPartitionThatBelongsElsewhere_TellsItBeforeItMovesAndUntilItIsGone()
    {
        var time = new SkippingTime();
        var silos = DispatchProxy.Create<ISiloStatusOracle, NoSilos>();
        ((NoSilos)(object)silos).Known[SiloAddress.New(IPAddress.Loopback, 11112, 2)] = SiloStatus.Active;
        var open = new OpenPartitions(
            time, DispatchProxy.Create<ILocalSiloDetails, NoSilos>(), silos, _led, new RepeatedFailures(time), NullLogger<OpenPartitions>.Instance);
        var moved = new TaskCompletionSource<SiloAddress>(TaskCreationOptions.RunContinuationsAsynchronously);
        open.Add(_partition, moved.SetResult, stay: () => { });
        Assert.Equal(0, open.MovingCount);

        await open.SeeToAllAsync();
        Assert.Equal((1, false), (open.MovingCount, moved.Task.IsCompleted));

        var round = open.SeeToAllAsync();
        Assert.Equal(11112, (await moved.Task.WaitAsync(Wait.Patience)).Endpoint.Port);
        Assert.Equal(1, open.MovingCount);
        open.Remove(_partition.Log);
        Assert.Equal(0, open.MovingCount);
        await Wait.UntilAsync("the round has ended", () =>
        {
            time.Advance(TimeSpan.FromSeconds(10));
            return Task.FromResult(round.IsCompleted);
        });
    }

    private static async Task<OpenPartition> OpenAsync()
    {
        var log = await PartitionLog.OpenAsync(
            Key.ToString(), "owner", new LogOptions(), new MemorySegmentStore(), new MemoryDocumentStore(), TimeProvider.System);
        var topic = new TopicMetadata("t", Key.TopicId, 1, ImmutableSortedDictionary<string, string>.Empty, 1, default);
        return new OpenPartition(Key, topic, log, NullLogger.Instance);
    }

    /// <summary>A cluster of which nothing is known but what a test says.</summary>
    public class NoSilos : DispatchProxy
    {
        public Dictionary<SiloAddress, SiloStatus> Known { get; } = [];

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            targetMethod!.Name == nameof(ISiloStatusOracle.GetApproximateSiloStatuses) ? Known : null;
    }
}
