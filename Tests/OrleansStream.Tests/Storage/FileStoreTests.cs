using System.Reflection;
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

/// <summary>The same with appends on the callers' own threads.</summary>
public sealed class FileSegmentStoreOnCallersThreadsTests : SegmentStoreConformance
{
    private readonly ScratchFolder _folder = new();
    private DataFolder _data = null!;

    protected override ValueTask<ISegmentStore> OpenAsync()
    {
        _data = DataFolder.Open(_folder.Path);
        var store = DispatchProxy.Create<ISegmentStore, AppendsHere>();
        ((AppendsHere)store).Inner = _data.Segments;
        return new(store);
    }

    protected override ValueTask CloseAsync()
    {
        _data.Dispose();
        _folder.Dispose();
        return default;
    }

    /// <summary>Calls <see cref="ISegmentStore.AppendHereAsync"/> for each append.</summary>
    public class AppendsHere : DispatchProxy
    {
        private static readonly MethodInfo Here = typeof(ISegmentStore).GetMethod(nameof(ISegmentStore.AppendHereAsync))!;

        internal ISegmentStore Inner { get; set; } = null!;

        /// <inheritdoc/>
        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            (targetMethod!.Name == nameof(ISegmentStore.AppendAsync) ? Here : targetMethod)
                .Invoke(Inner, BindingFlags.DoNotWrapExceptions, null, args, null);
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
