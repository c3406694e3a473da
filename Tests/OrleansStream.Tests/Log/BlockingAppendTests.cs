using CsCheck;
using OrleansStream.Errors;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Storage.Files;
using OrleansStream.Storage.Files.Disk;
using OrleansStream.Tests.Storage;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>Appends that are written on the thread of their caller: whom they keep waiting, and that order and durability are as ever.</summary>
public sealed class BlockingAppendTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();
    private FaultyFileOperations _files = new();
    private DataFolder _folder;

    public BlockingAppendTests() => _folder = DataFolder.Open(_scratch.Path, _files);

    public void Dispose()
    {
        _folder.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public async Task Append_WhenItsCallerMayBlockAndNoOtherIsUnderWay_IsWrittenOnTheCallersThread()
    {
        await using var log = await OpenAsync();
        var writers = new List<int>();
        _files.OnCall = call => Note(writers, call);

        var append = log.AppendAsync(TestBatch.Of("a"), LogAcks.Durable, mayBlock: true);

        Assert.True(append.IsCompletedSuccessfully);
        Assert.Equal([Environment.CurrentManagedThreadId], writers);
        Assert.Null((await append).Error);
        Assert.Equal(["a"], await log.ReadValuesAsync());
    }

    [Theory]
    [InlineData(LogAcks.Durable, false)]
    [InlineData(LogAcks.Ordered, true)]
    [InlineData(LogAcks.Admitted, true)]
    public async Task Append_WhenItsCallerMayNotBlockOrDoesNotWaitForTheDisk_IsWrittenOnAnotherThread(LogAcks acks, bool mayBlock)
    {
        await using var log = await OpenAsync();
        using var disk = new HeldDisk(_files);

        var append = log.AppendAsync(TestBatch.Of("a"), acks, mayBlock: mayBlock);

        // Were it written on this thread, this would come after the sync.
        Assert.Equal(acks != LogAcks.Durable, append.IsCompleted);
        disk.Release(1);
        Assert.Null((await append).Error);
    }

    [Fact]
    public async Task Append_WhileAnotherCallersThreadWritesToItsLog_KeepsNeitherCallerForTheOther()
    {
        await using var log = await OpenAsync();
        using var disk = new HeldDisk(_files);
        var first = Task.Run(() => log.AppendAsync(TestBatch.Of("a"), LogAcks.Durable, mayBlock: true).AsTask());
        await disk.ArrivedAsync(1);

        var second = log.AppendAsync(TestBatch.Of("b"), LogAcks.Durable, mayBlock: true).AsTask();
        Assert.False(second.IsCompleted);
        disk.Release(1);
        Assert.Equal(0, (await first).BaseOffset);

        // The second one's sync has begun; the first caller has its answer without it.
        await disk.ArrivedAsync(2);
        Assert.False(second.IsCompleted);
        disk.Release(1);
        Assert.Equal(1, (await second).BaseOffset);
        Assert.Equal(["a", "b"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhileAnotherCallersThreadIsOnTheDisk_IsWrittenOnAnotherThread()
    {
        await using var log = await OpenAsync();
        await using var other = await OpenAsync("topic/other");
        using var disk = new HeldDisk(_files);
        var first = Task.Run(() => log.AppendAsync(TestBatch.Of("a"), LogAcks.Durable, mayBlock: true).AsTask());
        await disk.ArrivedAsync(1);

        var second = other.AppendAsync(TestBatch.Of("b"), LogAcks.Durable, mayBlock: true).AsTask();

        Assert.False(second.IsCompleted);
        disk.Release(2);
        Assert.Null((await first).Error);
        Assert.Null((await second).Error);
    }

    // What a caller does when it is answered runs on the thread of the log's write loop, which has others to serve.
    [Fact]
    public async Task Append_FromTheAnswerToAnother_IsWrittenOnAnotherThread()
    {
        await using var log = await OpenAsync();
        await using var other = await OpenAsync("topic/other");
        var (answeredOn, writers) = (0, new List<int>());
        using var disk = new HeldDisk(_files);
        var first = log.AppendAsync(TestBatch.Of("a"), LogAcks.Durable).AsTask();
        var second = first.ContinueWith(
            _ =>
            {
                answeredOn = Environment.CurrentManagedThreadId;
                _files.OnCall = call => Note(writers, call);
                return other.AppendAsync(TestBatch.Of("b"), LogAcks.Durable, mayBlock: true).AsTask();
            },
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).Unwrap();
        disk.Release(1);

        Assert.Null((await second).Error);

        Assert.DoesNotContain(answeredOn, writers);
        Assert.Single(writers);
    }

    [Fact]
    public async Task Append_WhenTheSyncFailsOnTheCallersThread_IsNotStored()
    {
        await using var log = await OpenAsync();
        Assert.Null((await log.AppendAsync(TestBatch.Of("a"), LogAcks.Durable, mayBlock: true)).Error);
        var isFirst = true;
        _files.OnCall = call => call is { Kind: FileCallKind.Sync, IsMarker: false } && Interlocked.Exchange(ref isFirst, false)
            ? new Fault(Fault.InputOutput) : null;

        var failed = await log.AppendAsync(TestBatch.Of("lost"), LogAcks.Durable, mayBlock: true);

        Assert.Equal(StreamErrorCode.KafkaStorageError, failed.Error?.Code);
        Assert.Equal(1, (await log.AppendAsync(TestBatch.Of("b"), LogAcks.Durable, mayBlock: true)).BaseOffset);
        Assert.Equal(["a", "b"], await log.ReadValuesAsync());
    }

    // Any callers at once, some of which lend their threads: each one's appends are stored in its order, once, where they were said to be; and what
    // was said to be durable is there after a kill.
    [Fact]
    public async Task Appends_OfAnyCallersAtOnce_KeepTheirOrderAndSurviveAKill()
    {
        var append = Gen.Select(Gen.Bool, Gen.Enum<LogAcks>(), (mayBlock, acks) => (mayBlock, acks));
        var round = 0;
        await append.List[1, 12].List[1, 6].SampleAsync(
            async callers =>
            {
                var name = $"topic/{round++}";
                var answers = new List<(string Value, long Offset)>[callers.Count];
                var log = await OpenAsync(name);
                await Task.WhenAll(callers.Select((appends, caller) => Task.Run(async () => answers[caller] =
                    await AppendAllAsync(log, caller, appends))));

                _files.Crash();
                Reopen();
                log = await OpenAsync(name);
                var stored = await log.ReadAllAsync();
                foreach (var answer in answers.SelectMany(all => all))
                    Assert.Equal(answer.Value, stored[(int)answer.Offset].Value);
                Assert.Equal(stored.Select(record => record.Value).Distinct().Count(), stored.Count);
                foreach (var ofOne in stored.Select(record => record.Value.Split('-')).GroupBy(parts => parts[0]))
                    Assert.Equal(ofOne.Select(parts => int.Parse(parts[1])).Order(), ofOne.Select(parts => int.Parse(parts[1])));
            },
            iter: 25, threads: 1);
    }

    private static async Task<List<(string Value, long Offset)>> AppendAllAsync(
        PartitionLog log, int caller, List<(bool MayBlock, LogAcks Acks)> appends)
    {
        var durable = new List<(string, long)>();
        for (var i = 0; i < appends.Count; i++)
        {
            var value = $"{caller}-{i}";
            var result = await log.AppendAsync(TestBatch.Of(value), appends[i].Acks, mayBlock: appends[i].MayBlock);
            Assert.Null(result.Error);
            if (appends[i].Acks == LogAcks.Durable)
                durable.Add((value, result.BaseOffset));
        }

        return durable;
    }

    private static Fault? Note(List<int> writers, FileCall call)
    {
        if (call is { Kind: FileCallKind.Write, IsMarker: false } and not { Length: FileStoreLimits.GrowthBytesMin })
        {
            lock (writers)
                writers.Add(Environment.CurrentManagedThreadId);
        }

        return null;
    }

    private void Reopen()
    {
        _folder.Dispose();
        _folder = DataFolder.Open(_scratch.Path, _files = new FaultyFileOperations());
    }

    private async Task<PartitionLog> OpenAsync(string name = LogRig.Name) => await PartitionLog.OpenAsync(
        name, Guid.NewGuid().ToString("N"), new LogOptions(), _folder.Segments, _folder.Documents, TimeProvider.System);

    /// <summary>Holds each sync of data until it is released.</summary>
    private sealed class HeldDisk : IDisposable
    {
        private readonly SemaphoreSlim _released = new(0);
        private readonly FaultyFileOperations _files;
        private int _arrived;

        public HeldDisk(FaultyFileOperations files)
        {
            _files = files;
            files.OnCall = call =>
            {
                if (call is { Kind: FileCallKind.Sync, IsMarker: false })
                {
                    Interlocked.Increment(ref _arrived);
                    Assert.True(_released.Wait(Wait.Patience), "Nobody released the disk: its thread is that of a caller which must not wait for it.");
                }

                return null;
            };
        }

        public Task ArrivedAsync(int count) => Wait.UntilAsync($"{count} syncs have begun", () => Volatile.Read(ref _arrived) >= count);

        public void Release(int count) => _released.Release(count);

        public void Dispose()
        {
            _files.OnCall = null;
            _released.Release(100);
        }
    }
}
