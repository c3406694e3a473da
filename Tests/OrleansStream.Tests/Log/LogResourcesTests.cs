using OrleansStream.Log;
using OrleansStream.Log.Resources;
using OrleansStream.Storage;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Log;

/// <summary>What the logs of a process share is bounded, whatever their number.</summary>
public sealed class LogResourcesTests
{
    private readonly LogRig _rig = new();

    [Fact]
    public async Task Cache_WhenManyLogsAreWritten_NeverExceedsItsBoundAndAllIsReadable()
    {
        const int Bound = 300_000;
        var resources = new LogResources(_rig.Time, cacheBytesMax: Bound);
        var logs = new List<PartitionLog>();
        for (var i = 0; i < 20; i++)
            logs.Add(await OpenAsync($"t/{i}", resources, _rig.StoredSegments));
        for (var round = 0; round < 10; round++)
        {
            foreach (var log in logs)
            {
                Assert.Null((await log.PutAsync(TestBatch.Sized(5_000))).Error);
                Assert.InRange(resources.CacheBytes, 0, Bound);
            }
        }

        foreach (var log in logs)
        {
            Assert.Equal(10, (await log.ReadAllAsync()).Count);
            Assert.InRange(resources.CacheBytes, 0, Bound);
        }

        foreach (var log in logs)
            await log.DisposeAsync();
        Assert.Equal(0, resources.CacheBytes);
    }

    [Fact]
    public async Task Pending_WhenALogEnds_IsGivenBack()
    {
        var resources = new LogResources(_rig.Time);
        var log = await OpenAsync("t/0", resources, _rig.Segments);
        var held = _rig.Segments.Hold();
        var first = log.PutAsync(TestBatch.Sized(1_000));
        var queued = log.PutAsync(TestBatch.Sized(1_000));
        Assert.True(resources.PendingBytes > 2_000);

        await _rig.CloseAsync(log);
        Assert.Equal(0, resources.PendingBytes);
        held.Release();

        Assert.NotNull((await first).Error);
        Assert.NotNull((await queued).Error);
        Assert.Equal(0, resources.PendingBytes);
    }

    [Fact]
    public async Task ColdReads_OfTheSameOffset_AreOne()
    {
        var (log, store) = await OpenColdAsync(new LogResources(_rig.Time));
        var readers = Enumerable.Range(0, 50).Select(_ => log.GetAsync(0)).ToList();

        store.Release();

        Assert.All(await Task.WhenAll(readers), result => Assert.Null(result.Error));
        Assert.Equal(1, store.ReadCount);
    }

    [Fact]
    public async Task ColdReads_OfOtherOffsets_AreBoundedAndAllAnswered()
    {
        var (log, store) = await OpenColdAsync(new LogResources(_rig.Time, coldReadsMax: 2));
        var readers = Enumerable.Range(0, 5).Select(offset => log.GetAsync(offset)).ToList();
        Assert.Equal(2, store.Waiting);

        store.Release();

        Assert.All(await Task.WhenAll(readers), result => Assert.Null(result.Error));
        Assert.InRange(store.WaitingPeak, 1, 2);
    }

    [Fact]
    public async Task ColdReads_WhenTooManyWait_AreToldToComeAgain()
    {
        var reads = new ColdReads(readsMax: 1, waitingMax: 1);
        await reads.EnterAsync();
        var second = reads.EnterAsync().AsTask();
        Assert.False(second.IsCompleted);

        Assert.Throws<ColdReadsBusyException>(() => { _ = reads.EnterAsync().AsTask(); });
        reads.Leave();
        Assert.True(second.IsCompleted);
        await second;
        reads.Leave();
        Assert.True(reads.EnterAsync().AsTask().IsCompleted);
    }

    private Task<PartitionLog> OpenAsync(string name, LogResources resources, ISegmentStore segments) => _rig.RunAsync(PartitionLog.OpenAsync(
        name, "owner", _rig.Options, segments, _rig.StoredDocuments, _rig.Time, resources).AsTask());

    // A log of one batch a segment, none of it in memory.
    private async Task<(PartitionLog Log, HeldReads Store)> OpenColdAsync(LogResources resources)
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        for (var i = 0; i < 6; i++)
            await log.PutAsync(TestBatch.Of($"{i}"));
        await _rig.CloseAsync(log);
        var store = new HeldReads(_rig.StoredSegments);
        store.Release();
        log = await OpenAsync(LogRig.Name, resources, store);
        store.Hold();
        return (log, store);
    }

    /// <summary>A store whose reads wait until they are let go.</summary>
    private sealed class HeldReads(MemorySegmentStore inner) : ForwardingSegmentStore(inner)
    {
        private TaskCompletionSource _gate = new();

        public int ReadCount { get; private set; }

        public int Waiting { get; private set; }

        public int WaitingPeak { get; private set; }

        public void Hold() => (_gate, ReadCount, WaitingPeak) = (new TaskCompletionSource(), 0, 0);

        public void Release() => _gate.TrySetResult();

        public override async ValueTask<int> ReadAsync(
            string name, long position, Memory<byte> destination, CancellationToken cancellationToken = default)
        {
            ReadCount++;
            WaitingPeak = Math.Max(WaitingPeak, ++Waiting);
            await _gate.Task;
            Waiting--;
            return await base.ReadAsync(name, position, destination, cancellationToken);
        }
    }
}
