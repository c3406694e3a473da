using OrleansStream.Storage;
using OrleansStream.Storage.Memory;

namespace OrleansStream.Tests.Storage;

public sealed class MemorySegmentStoreTests : SegmentStoreConformance
{
    protected override ValueTask<ISegmentStore> OpenAsync() => new(new MemorySegmentStore());
}

public sealed class MemorySegmentStoreWithSmallLimitsTests : SegmentStoreConformance
{
    protected override ValueTask<ISegmentStore> OpenAsync() =>
        new(new MemorySegmentStore(new SegmentStoreLimits(100_000, 60, 3)));
}

public sealed class MemoryDocumentStoreTests : DocumentStoreConformance
{
    protected override ValueTask<IDocumentStore> OpenAsync() => new(new MemoryDocumentStore());
}
