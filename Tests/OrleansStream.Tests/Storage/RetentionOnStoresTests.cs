using Microsoft.Extensions.Time.Testing;
using OrleansStream.Errors;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Storage;
using OrleansStream.Storage.Files;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Storage;

/// <summary>Retention by age and by size, observed in the store itself down to the byte.</summary>
public abstract class RetentionOnStoresTests
{
    private const int SegmentCount = 10;
    private static readonly CancellationToken Cancellation = TestContext.Current.CancellationToken;
    private readonly string _name = $"{Guid.NewGuid():N}/0";
    private readonly FakeTimeProvider _time = new(DateTimeOffset.FromUnixTimeMilliseconds(TestBatch.TimestampMs));

    protected abstract ValueTask<(ISegmentStore Segments, IDocumentStore Documents)> OpenAsync();

    /// <summary>The bytes that the store holds of a log's segments.</summary>
    protected abstract ValueTask<long> MeasureAsync(ISegmentStore segments, string name);

    [Fact]
    public async Task Maintain_BySize_LeavesExactlyTheSegmentsThatAreToStay()
    {
        var (segments, documents) = await OpenAsync();
        await using var log = await GrowAsync(segments, documents);
        var before = log.State.SizeBytes;
        Assert.Equal(before, await MeasureAsync(segments, _name));
        var length = before / SegmentCount;

        log.Configure(Options with { RetentionBytes = (3 * length) + 1 });
        await log.MaintainAsync(Cancellation);
        Assert.Equal((4 * length, before - (4 * length)), (log.State.SizeBytes, log.State.DeletingBytes));
        Assert.Equal(before, await MeasureAsync(segments, _name));
        await FreeAsync(log);

        Assert.Equal((4 * length, 0), (log.State.SizeBytes, log.State.DeletingBytes));
        Assert.Equal(4 * length, await MeasureAsync(segments, _name));
        await AssertReadsFromAsync(log, 6);
    }

    [Fact]
    public async Task Maintain_ByAge_LeavesExactlyTheSegmentsThatAreToStay()
    {
        var (segments, documents) = await OpenAsync();
        await using var log = await GrowAsync(segments, documents);
        var length = log.State.SizeBytes / SegmentCount;

        // The records are a minute apart; seven of them are older than three minutes and a half before the last.
        log.Configure(Options with { RetentionAge = TimeSpan.FromSeconds(210) });
        await log.MaintainAsync(Cancellation);
        log.Configure(Options);
        await FreeAsync(log);

        Assert.Equal(4 * length, await MeasureAsync(segments, _name));
        await AssertReadsFromAsync(log, 6);
    }

    [Fact]
    public async Task Delete_OfALog_LeavesNothing()
    {
        var (segments, documents) = await OpenAsync();
        await using (await GrowAsync(segments, documents))
        {
        }

        await PartitionLog.DeleteAsync(_name, segments, documents, Cancellation);

        Assert.Equal(0, await MeasureAsync(segments, _name));
        Assert.False(await documents.ListAsync(_name + "/", Cancellation).AnyAsync(Cancellation));
    }

    private static LogOptions Options { get; } = new()
    {
        SegmentBytes = 1, RetentionAge = null, RetentionBytes = null, SegmentAge = TimeSpan.FromDays(1000),
    };

    private static async Task AssertReadsFromAsync(PartitionLog log, long start)
    {
        var gone = await log.GetAsync(start - 1);
        Assert.Equal(
            (StreamErrorCode.OffsetOutOfRange, start, (long)SegmentCount),
            (gone.Error!.Code, gone.LogStartOffset, gone.HighWatermark));
        Assert.Equal(Enumerable.Range((int)start, SegmentCount - (int)start).Select(i => $"{i}"), await log.ReadValuesAsync());
    }

    private async Task<PartitionLog> GrowAsync(ISegmentStore segments, IDocumentStore documents)
    {
        var log = await PartitionLog.OpenAsync(_name, "owner", Options, segments, documents, _time, Cancellation);
        for (var i = 0; i < SegmentCount; i++)
        {
            if (i > 0)
                _time.Advance(TimeSpan.FromMinutes(1));
            var nowMs = _time.GetUtcNow().ToUnixTimeMilliseconds();
            Assert.Null((await log.PutAsync(TestBatch.At(nowMs, $"{i}"))).Error);
        }

        return log;
    }

    private async Task FreeAsync(PartitionLog log)
    {
        _time.Advance(LogLimits.DeletionGrace + TimeSpan.FromSeconds(1));
        await log.MaintainAsync(Cancellation);
    }
}

public sealed class RetentionOnFilesTests : RetentionOnStoresTests, IDisposable
{
    private readonly ScratchFolder _temporary = new();
    private DataFolder? _folder;

    public void Dispose()
    {
        _folder?.Dispose();
        _temporary.Dispose();
    }

    protected override ValueTask<(ISegmentStore Segments, IDocumentStore Documents)> OpenAsync()
    {
        _folder = DataFolder.Open(_temporary.Path);
        return new((_folder.Segments, _folder.Documents));
    }

    // A closed segment's file is exact; the active one has zeros ahead of its appends, until it is closed or its owner stops.
    protected override async ValueTask<long> MeasureAsync(ISegmentStore segments, string name)
    {
        long bytes = 0;
        await foreach (var segment in segments.ListAsync(name + "/"))
        {
            var extent = await segments.GetExtentAsync(segment.Name);
            bytes += extent!.Value.Sealed
                ? new FileInfo(Path.Join(_folder!.Path, "segments", segment.Name)).Length
                : extent.Value.Length;
        }

        return bytes;
    }
}

[Collection(AzuriteCollection.Name)]
public sealed class RetentionOnBlobsTests(AzuriteFixture azurite) : RetentionOnStoresTests
{
    protected override async ValueTask<(ISegmentStore Segments, IDocumentStore Documents)> OpenAsync()
    {
        var container = await AzureTestContainer.OpenAsync(azurite);
        return (container.Segments, container.Documents);
    }

    protected override ValueTask<long> MeasureAsync(ISegmentStore segments, string name) =>
        segments.ListAsync(name + "/").Select(segment => segment.Length).SumAsync();
}
