using System.Runtime.CompilerServices;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Storage;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>What an append costs in memory, and that memory which is used again was nobody's.</summary>
public sealed class AppendMemoryTests
{
    private const int BatchBytes = 64 * 1024;

    // Twice what a log keeps of its newest bytes.
    private const int AppendsToFillTwice = 2 * LogLimits.TailCacheBytesMax / BatchBytes;

    [Fact]
    public async Task Append_WhenNobodyReads_AllocatesNothingForTheBytes()
    {
        await using var log = await OpenAsync();
        var batch = TestBatch.Sized(BatchBytes);
        await AppendAsync(log, batch, AppendsToFillTwice);

        // The store answers at once, so all of it runs on this thread.
        var allocated = Allocations.Of(
            () => Assert.True(AppendAsync(log, batch, AppendsToFillTwice).IsCompletedSuccessfully), AppendsToFillTwice * 4096L);

        Assert.InRange(allocated / AppendsToFillTwice, 1, 4096);
    }

    [Fact]
    public async Task Fetch_WhenItsBatchesAreKept_NeverSeesThemChange()
    {
        await using var log = await OpenAsync();
        await AppendAsync(log, TestBatch.Sized(BatchBytes), 40);
        var kept = new List<(ReadOnlyMemory<byte> Batches, byte[] AsRead)>();
        for (long offset = 0; offset < 40; offset++)
        {
            var fetched = await log.FetchAsync(offset, 1, TimeSpan.Zero);
            kept.Add((fetched.Batches, fetched.Batches.ToArray()));
        }

        await AppendAsync(log, TestBatch.Sized(BatchBytes, fill: 'y'), 2 * AppendsToFillTwice);

        Assert.All(kept, slice => Assert.Equal(slice.AsRead, slice.Batches.ToArray()));
    }

    private static async Task<PartitionLog> OpenAsync() => await PartitionLog.OpenAsync(
        LogRig.Name, "owner", new LogOptions(), new ForgetfulSegmentStore(), new MemoryDocumentStore(), TimeProvider.System);

    private static async Task AppendAsync(PartitionLog log, byte[] batch, int count)
    {
        for (var i = 0; i < count; i++)
            Assert.Null((await log.AppendAsync(batch, LogAcks.Durable)).Error);
    }

    /// <summary>Takes appends and keeps nothing of them but their length, and the fence.</summary>
    private sealed class ForgetfulSegmentStore : ISegmentStore
    {
        private readonly MemorySegmentStore _fences = new();
        private long _length;

        public SegmentStoreLimits Limits => _fences.Limits;

        public ValueTask<bool> CreateAsync(string name, CancellationToken cancellationToken = default) =>
            _fences.CreateAsync(name, cancellationToken);

        public ValueTask<AppendOutcome> AppendAsync(
            string name, long expectedPosition, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
        {
            _length = expectedPosition + bytes.Length;
            return ValueTask.FromResult(new AppendOutcome(AppendStatus.Appended, _length));
        }

        public ValueTask<AppendOutcome> AppendAnywhereAsync(
            string name, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default) =>
            _fences.AppendAnywhereAsync(name, bytes, cancellationToken);

        public ValueTask SealAsync(string name, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

        public ValueTask<int> ReadAsync(
            string name, long position, Memory<byte> destination, CancellationToken cancellationToken = default) =>
            _fences.ReadAsync(name, position, destination, cancellationToken);

        public ValueTask<SegmentExtent?> GetExtentAsync(string name, CancellationToken cancellationToken = default) =>
            _fences.GetExtentAsync(name, cancellationToken);

        public ValueTask<SegmentExtent> SettleAsync(string name, long length, CancellationToken cancellationToken = default) =>
            _fences.SettleAsync(name, length, cancellationToken);

        public async IAsyncEnumerable<SegmentInfo> ListAsync(
            string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            await foreach (var segment in _fences.ListAsync(prefix, cancellationToken))
                yield return segment;
        }

        public ValueTask DeleteAsync(string name, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;
    }
}
