using OrleansStream.Storage;
using OrleansStream.Storage.Memory;

namespace OrleansStream.Tests.Storage;

public sealed class MemorySegmentStoreTests : SegmentStoreConformance
{
    protected override ValueTask<ISegmentStore> OpenAsync() => new(new MemorySegmentStore());
}

public sealed class MemorySegmentStoreWithSmallLimitsTests : SegmentStoreConformance
{
    [Fact]
    public async Task Append_BeyondTheCount_IsSegmentFull()
    {
        var name = await NewAsync();
        for (var i = 0; i < Store.Limits.AppendCountMax; i++)
            Assert.Equal(AppendStatus.Appended, (await AppendAsync(name, i, "x")).Status);

        Assert.Equal(AppendStatus.SegmentFull, (await AppendAsync(name, Store.Limits.AppendCountMax, "x")).Status);

        Assert.Equal(Store.Limits.AppendCountMax, (await ExtentAsync(name)).Length);
    }

    protected override ValueTask<ISegmentStore> OpenAsync() =>
        new(new MemorySegmentStore(new SegmentStoreLimits(100_000, 60, 3)));
}

public sealed class MemoryDocumentStoreTests : DocumentStoreConformance
{
    protected override ValueTask<IDocumentStore> OpenAsync() => new(new MemoryDocumentStore());
}
