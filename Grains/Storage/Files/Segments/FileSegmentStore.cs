using System.Collections.Concurrent;
using OrleansStream.Storage.Files.Disk;

namespace OrleansStream.Storage.Files.Segments;

/// <summary>
/// Segments as files of one folder. An append is one positional write and one sync, on a thread that is kept for this.
/// </summary>
/// <remarks>
/// Made by <see cref="DataFolder"/>, which keeps other processes out of the folder. After a process was killed, its open segments are unsettled
/// (<see cref="SegmentExtent.Settled"/>). Their reader finds the end and passes it to <see cref="SettleAsync"/>; until then every append is a
/// <see cref="AppendStatus.Conflict"/>. A name cannot also be a folder of another name: beside <c>a</c> there is no <c>a/b</c>.
/// </remarks>
public sealed partial class FileSegmentStore : ISegmentStore
{
    private readonly ConcurrentDictionary<string, SegmentFile> _segments = new(StringComparer.Ordinal);
    private readonly IFileOperations _files;
    private readonly FileTree _tree;
    private readonly FileLanes _flushes;
    private readonly SegmentReader _reader;
    private readonly SegmentHandleCache _handles;
    private volatile bool _closed;

    internal FileSegmentStore(FileTree tree, FileLanes flushes, FileLanes reads, int openSegmentsMax)
    {
        _tree = tree;
        _files = tree.Files;
        _flushes = flushes;
        _handles = new SegmentHandleCache(_files, openSegmentsMax);
        _reader = new SegmentReader(_files, _handles, reads);
    }

    /// <inheritdoc/>
    public SegmentStoreLimits Limits { get; } = new(FileStoreLimits.AppendBytesMax, int.MaxValue, ReplicationFactor: 1);

    /// <summary>The count of segments with open handles.</summary>
    internal int OpenSegmentCount => _handles.Count;

    /// <inheritdoc/>
    public ValueTask<bool> CreateAsync(string name, CancellationToken cancellationToken = default)
    {
        StoreNames.Check(name);
        return RunAsync(name, () => Create(name), cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask SealAsync(string name, CancellationToken cancellationToken = default)
    {
        StoreNames.Check(name);
        await RunAsync(name, () => Use(name, (segment, handles) => segment.Seal(handles)), cancellationToken)
            .ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<int> ReadAsync(
        string name, long position, Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        StoreNames.Check(name);
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        cancellationToken.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(_closed, typeof(FileSegmentStore));
        if (!_segments.TryGetValue(name, out var segment))
        {
            segment = await RunAsync(name, () => Find(name), cancellationToken).ConfigureAwait(false)
                ?? throw new SegmentNotFoundException(name);
        }

        try
        {
            return await _reader.ReadAsync(name, segment, position, destination, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (FileErrors.IsFileError(exception))
        {
            throw FileErrors.IsMissing(exception) ? new SegmentNotFoundException(name) : Unavailable(name, exception);
        }
    }

    /// <inheritdoc/>
    public ValueTask<SegmentExtent?> GetExtentAsync(string name, CancellationToken cancellationToken = default)
    {
        StoreNames.Check(name);
        return RunAsync(name, () => Find(name)?.Extent, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<SegmentExtent> SettleAsync(string name, long length, CancellationToken cancellationToken = default)
    {
        StoreNames.Check(name);
        return RunAsync(
            name,
            () =>
            {
                SegmentExtent? extent = null;
                Use(name, (segment, handles) => extent = segment.Settle(handles, length));
                return extent ?? throw new SegmentNotFoundException(name);
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<SegmentInfo> ListAsync(
        string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        StoreNames.CheckPrefix(prefix);
        var names = await RunAsync(prefix, () => _tree.List(prefix), cancellationToken).ConfigureAwait(false);
        foreach (var (name, file) in names)
        {
            var length = _segments.TryGetValue(name, out var segment) ? segment.ReadableLength : file.Length;
            yield return new SegmentInfo(name, length, new DateTimeOffset(file.LastWriteTimeUtc));
        }
    }

    /// <inheritdoc/>
    public async ValueTask DeleteAsync(string name, CancellationToken cancellationToken = default)
    {
        StoreNames.Check(name);
        await RunAsync(name, () => Delete(name), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Records the exact ends of all segments and closes all files. No operation may be under way.</summary>
    internal void Close()
    {
        _closed = true;
        foreach (var segment in _segments.Values)
        {
            try
            {
                if (segment.NeedsClose)
                    Use(segment, (s, handles) => s.Close(handles));
            }
            catch (Exception exception) when (FileErrors.IsFileError(exception))
            {
                // The next start settles this segment, as it does after a crash.
            }
        }

        _handles.CloseAll();
    }

    private static StoreUnavailableException Unavailable(string name, Exception exception) =>
        new($"The file of segment '{name}' failed: {exception.Message}", exception);

    private async ValueTask<T> RunAsync<T>(string name, Func<T> call, CancellationToken cancellationToken)
    {
        try
        {
            return await _flushes.RunAsync(name, call, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (FileErrors.IsFileError(exception))
        {
            throw Unavailable(name, exception);
        }
    }

    private bool Create(string name)
    {
        if (Find(name) is not null)
            return false;
        var path = _tree.PathOf(name);
        _tree.CheckRoom();
        try
        {
            _tree.PrepareFolderOf(path);
            var segment = SegmentFile.Create(_files, path);
            _segments[name] = segment;
            _tree.SyncFolderOf(path);
            return true;
        }
        catch (Exception exception) when (FileErrors.IsFileError(exception))
        {
            GiveUp(name, path);
            if (FileErrors.IsFull(exception))
                throw new StoreFullException($"There is no room for the segment '{name}'.", exception);
            throw;
        }
    }

    /// <summary>Removes a segment whose creation may not be durable. If the removal fails too, this process never writes to the segment.</summary>
    private void GiveUp(string name, string path)
    {
        try
        {
            _files.Delete(SegmentFile.MarkerPathOf(path));
            _files.Delete(path);
            _segments.TryRemove(name, out _);
        }
        catch (Exception exception) when (FileErrors.IsFileError(exception))
        {
            _segments[name] = SegmentFile.Abandoned(_files, path);
        }
    }

    private bool Delete(string name)
    {
        if (_segments.TryRemove(name, out var segment))
            _handles.Remove(segment);
        var path = _tree.PathOf(name);

        // The marker is deleted first, because a marker without its segment would never be found again.
        _files.Delete(SegmentFile.MarkerPathOf(path));
        _files.Delete(path);
        _tree.SyncFolderOf(path);
        return true;
    }

    private bool Use(string name, Action<SegmentFile, SegmentHandles> action) =>
        Find(name) is { } segment && Use(segment, action);

    private bool Use(SegmentFile segment, Action<SegmentFile, SegmentHandles> action)
    {
        var handles = _handles.Rent(segment);
        try
        {
            action(segment, handles);
            return true;
        }
        finally
        {
            _handles.Return(handles);
        }
    }

    private SegmentFile? Find(string name)
    {
        if (_segments.TryGetValue(name, out var known))
            return known;
        try
        {
            var path = _tree.PathOf(name);
            _tree.SettleFolderOf(path);
            return _segments[name] = SegmentFile.Load(_files, path);
        }
        catch (Exception exception) when (FileErrors.IsMissing(exception))
        {
            return null;
        }
    }
}
