using Microsoft.Extensions.Time.Testing;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Storage;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Support;

/// <summary>One partition over stores in memory and a clock that moves when told. Each owner has scripted stores of its own.</summary>
internal sealed class LogRig
{
    public const string Name = "topic/0";

    public LogRig(SegmentStoreLimits? limits = null)
    {
        Time = new FakeTimeProvider(DateTimeOffset.FromUnixTimeMilliseconds(TestBatch.TimestampMs));
        StoredSegments = new MemorySegmentStore(limits, Time);
        Connect();
    }

    public FakeTimeProvider Time { get; }

    /// <summary>What is stored, whatever happens to a request or a process.</summary>
    public MemorySegmentStore StoredSegments { get; }

    public MemoryDocumentStore StoredDocuments { get; } = new();

    /// <summary>The stores as the owner sees them that is opened next, or was opened last.</summary>
    public ScriptedSegmentStore Segments { get; private set; } = null!;

    public ScriptedDocumentStore Documents { get; private set; } = null!;

    public LogOptions Options { get; set; } = new() { RetentionAge = null, RetentionBytes = null, SegmentAge = TimeSpan.FromDays(1000) };

    public long NowMs => Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>New scripted stores, as those of another process.</summary>
    public void Connect()
    {
        Segments = new ScriptedSegmentStore(StoredSegments);
        Documents = new ScriptedDocumentStore(StoredDocuments);
    }

    public Task<PartitionLog> OpenAsync(string? owner = null) =>
        RunAsync(PartitionLog.OpenAsync(
            Name, owner ?? Guid.NewGuid().ToString("N"), Options, Segments, Documents, Time).AsTask());

    /// <summary>Opens the log for another owner, over stores of its own, while the old one may still be there.</summary>
    public Task<PartitionLog> TakeOverAsync()
    {
        Connect();
        return OpenAsync();
    }

    /// <summary>Lets time pass until a task has ended.</summary>
    public async Task<T> RunAsync<T>(Task<T> task)
    {
        await PassUntilAsync(() => task.IsCompleted);
        return await task;
    }

    public async Task RunAsync(Task task)
    {
        await PassUntilAsync(() => task.IsCompleted);
        await task;
    }

    /// <summary>Lets time pass, a hundred milliseconds at a time, until a condition holds; five minutes at the most.</summary>
    public async Task PassUntilAsync(Func<bool> condition)
    {
        for (var i = 0; i < 3000 && !condition(); i++)
        {
            await Task.Yield();
            if (!condition())
                Time.Advance(TimeSpan.FromMilliseconds(100));
        }

        // The log's clock runs in no time, while a thread that has been given its work may not have begun it.
        await Wait.UntilAsync("what must happen within five minutes of the log's time has happened", condition);
    }

    public async Task PassAsync(TimeSpan span)
    {
        var end = Time.GetUtcNow() + span;
        while (Time.GetUtcNow() < end)
        {
            await Task.Yield();
            var left = end - Time.GetUtcNow();
            Time.Advance(left < span / 50 ? left : span / 50);
        }
    }

    /// <summary>One round of maintenance; when nothing was due it must have done nothing.</summary>
    public async Task MaintainAsync(PartitionLog log)
    {
        var isDue = log.IsMaintenanceDue;
        var before = (log.State, Documents.ReadCount, Segments.ReadCount);
        await RunAsync(log.MaintainAsync().AsTask());
        if (!isDue)
            Assert.Equal(before, (log.State, Documents.ReadCount, Segments.ReadCount));
    }

    public async Task<LogError?> DeleteRecordsAsync(PartitionLog log, long before) =>
        await RunAsync(log.DeleteRecordsAsync(before).AsTask());

    /// <summary>Opens a log that has one record a segment, its value the offset.</summary>
    public async Task<PartitionLog> GrowAsync(int count)
    {
        Options = Options with { SegmentBytes = 1 };
        var log = await OpenAsync();
        for (var i = 0; i < count; i++)
            await log.PutAsync(TestBatch.Of($"{i}"));

        return log;
    }

    public Task CloseAsync(PartitionLog log) => RunAsync(log.DisposeAsync().AsTask());

    public async Task<PartitionManifest> ReadManifestAsync()
    {
        var document = await StoredDocuments.ReadAsync(SegmentName.ManifestOf(Name));
        return PartitionManifest.Parse("manifest", document!.Value.Bytes.Span);
    }

    public async Task<byte[]> ReadSegmentAsync(string segment)
    {
        var extent = await StoredSegments.GetExtentAsync(segment);
        var bytes = new byte[extent!.Value.Length];
        await StoredSegments.ReadAsync(segment, 0, bytes);
        return bytes;
    }

    /// <summary>Puts other bytes in place of a segment's: what no store of ours does.</summary>
    public async Task ReplaceSegmentAsync(string segment, byte[] bytes)
    {
        var extent = await StoredSegments.GetExtentAsync(segment);
        await StoredSegments.DeleteAsync(segment);
        await StoredSegments.CreateAsync(segment);
        await StoredSegments.AppendAsync(segment, 0, bytes);
        if (extent!.Value.Sealed)
            await StoredSegments.SealAsync(segment);
    }

    public async Task ReplaceDocumentAsync(string name, byte[] bytes)
    {
        await StoredDocuments.DeleteAsync(name, null);
        await StoredDocuments.WriteAsync(name, bytes, null);
    }

    public async Task<List<string>> ListSegmentsAsync()
    {
        var names = new List<string>();
        await foreach (var segment in StoredSegments.ListAsync(Name + "/"))
            names.Add(segment.Name);

        return names;
    }
}

/// <summary>A log as the tests use it.</summary>
internal static class LogCalls
{
    public static Task<LogAppendResult> PutAsync(
        this PartitionLog log, byte[] batches, LogAcks acks = LogAcks.Durable, long? expectedNextOffset = null) =>
        log.AppendAsync(batches, acks, expectedNextOffset).AsTask();

    public static Task<LogFetchResult> GetAsync(
        this PartitionLog log, long offset, int bytesMax = LogLimits.FetchBytesMax, TimeSpan wait = default) =>
        log.FetchAsync(offset, bytesMax, wait).AsTask();

    public static Task<LogFindResult> FindAsync(this PartitionLog log, long timestampMs) =>
        log.FindOffsetAsync(timestampMs).AsTask();

    /// <summary>Everything in the log, read to the high watermark; offsets are dense, or it fails.</summary>
    public static async Task<List<StoredRecord>> ReadAllAsync(this PartitionLog log, int bytesMax = LogLimits.FetchBytesMax)
    {
        var state = log.State;
        var records = new List<StoredRecord>();
        for (var offset = state.LogStartOffset; offset < state.HighWatermark;)
        {
            var fetched = await log.GetAsync(offset, bytesMax);
            Assert.Null(fetched.Error);
            var found = StoredRecords.Of(fetched.Batches).FindAll(record => record.Offset >= offset);
            Assert.NotEmpty(found);
            foreach (var record in found)
                Assert.Equal(offset++, record.Offset);

            records.AddRange(found);
        }

        return records;
    }

    public static async Task<List<string>> ReadValuesAsync(this PartitionLog log) =>
        [.. (await log.ReadAllAsync()).Select(record => record.Value)];
}
