using OrleansStream.Storage;
using OrleansStream.Storage.Files;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Storage;

public sealed class FileSegmentStoreTests : SegmentStoreConformance
{
    private readonly ScratchFolder _folder = new();
    private DataFolder _data = null!;

    protected override ValueTask<ISegmentStore> OpenAsync()
    {
        _data = DataFolder.Open(_folder.Path);
        return new(_data.Segments);
    }

    protected override ValueTask CloseAsync()
    {
        _data.Dispose();
        _folder.Dispose();
        return default;
    }
}

public sealed class FileDocumentStoreTests : DocumentStoreConformance
{
    private readonly ScratchFolder _folder = new();
    private DataFolder _data = null!;

    protected override ValueTask<IDocumentStore> OpenAsync()
    {
        _data = DataFolder.Open(_folder.Path);
        return new(_data.Documents);
    }

    protected override ValueTask CloseAsync()
    {
        _data.Dispose();
        _folder.Dispose();
        return default;
    }
}
