using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using OrleansStream.Randomness;
using OrleansStream.Storage.Files.Disk;

namespace OrleansStream.Storage.Files.Documents;

/// <summary>
/// Documents as files of one folder. A write goes to a temporary file, which is synced and renamed into place; then the folder is synced.
/// </summary>
/// <remarks>Made by <see cref="DataFolder"/>. Operations on one name run in order, so a compare-and-swap is one step.</remarks>
public sealed class FileDocumentStore : IDocumentStore
{
    private const char TemporaryMark = '~';

    private readonly FileTree _tree;
    private readonly IFileOperations _files;
    private readonly FileLanes _flushes;
    private readonly RandomSource _random;

    // Documents that may differ from what is on the disk, each with the reason; and the reason once there are too many to remember.
    private readonly ConcurrentDictionary<string, string> _doubtful = new(StringComparer.Ordinal);
    private volatile string? _allDoubtful;

    internal FileDocumentStore(FileTree tree, FileLanes flushes, RandomSource random)
    {
        _random = random;
        _tree = tree;
        _files = tree.Files;
        _flushes = flushes;
    }

    /// <inheritdoc/>
    public ValueTask<Document?> ReadAsync(string name, CancellationToken cancellationToken = default)
    {
        StoreNames.Check(name);
        return RunAsync(name, () => Read(name), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<string?> WriteAsync(
        string name, ReadOnlyMemory<byte> bytes, string? expectedETag, CancellationToken cancellationToken = default)
    {
        StoreNames.CheckDocument(name, bytes.Length);
        return RunAsync(name, () => Write(name, bytes.Span, expectedETag), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<bool> DeleteAsync(string name, string? expectedETag, CancellationToken cancellationToken = default)
    {
        StoreNames.Check(name);
        return RunAsync(name, () => Delete(name, expectedETag), cancellationToken);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<string> ListAsync(
        string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        StoreNames.CheckPrefix(prefix);
        foreach (var (name, _) in await RunAsync(prefix, () => _tree.List(prefix), cancellationToken).ConfigureAwait(false))
            yield return name;
    }

    /// <summary>Removes the files that a crash left half written. No other process may use the folder.</summary>
    internal static void DeleteTemporaryFiles(FileTree tree)
    {
        foreach (var path in Directory.EnumerateFiles(tree.Root, $"*{TemporaryMark}*", SearchOption.AllDirectories).ToList())
            tree.Files.Delete(path);
    }

    private async ValueTask<T> RunAsync<T>(string name, Func<T> call, CancellationToken cancellationToken)
    {
        try
        {
            return await _flushes.RunAsync(name, call, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (FileErrors.IsFileError(exception))
        {
            throw new StoreUnavailableException($"The file of document '{name}' failed: {exception.Message}", exception);
        }
    }

    private Document? Read(string name)
    {
        if (_doubtful.TryGetValue(name, out var reason) || (reason = _allDoubtful) is not null)
        {
            throw new StoreUnavailableException(
                $"The document '{name}' may differ from what is on the disk: {reason} A restart reads it from the disk.");
        }

        var path = _tree.PathOf(name);
        _tree.SettleFolderOf(path);
        try
        {
            using var file = _files.Open(path);
            var length = _files.GetLength(file);
            if (length > DocumentStoreLimits.DocumentBytesMax + DocumentFile.HeaderBytesMax)
                throw new CorruptDocumentException(name, $"its file has {length} bytes, more than any document.");
            var bytes = new byte[length];
            return DocumentFile.Decode(name, bytes.AsMemory(0, _files.Read(file, bytes, 0)));
        }
        catch (Exception exception) when (FileErrors.IsMissing(exception))
        {
            return null;
        }
    }

    private string? Write(string name, ReadOnlySpan<byte> bytes, string? expectedETag)
    {
        if (Read(name)?.ETag != expectedETag)
            return null;

        var path = _tree.PathOf(name);
        var etag = _random.NewId().ToString("N");
        var temporary = $"{path}{TemporaryMark}{etag}";
        try
        {
            // Replacing a document may use the reserve, because taking over and shortening a full volume's logs replaces their manifests.
            if (expectedETag is null)
                _tree.CheckRoom();
            _tree.PrepareFolderOf(path);
            using (var file = _files.Create(temporary))
            {
                _files.Write(file, DocumentFile.Encode(etag, bytes), 0);
                _files.SyncData(file);
            }
        }
        catch (Exception exception) when (FileErrors.IsFileError(exception))
        {
            Discard(temporary);
            if (FileErrors.IsFull(exception))
                throw new StoreFullException($"There is no room for the document '{name}'.", exception);
            throw;
        }

        Change(name, path, () => _files.Rename(temporary, path));
        return etag;
    }

    private bool Delete(string name, string? expectedETag)
    {
        if (expectedETag is not null && Read(name)?.ETag != expectedETag)
            return false;
        var path = _tree.PathOf(name);
        Change(name, path, () => _files.Delete(path));
        return true;
    }

    /// <summary>
    /// Changes a name's file and makes the change durable. If that fails, the file that is seen may not be on the disk, so the document cannot be
    /// read until a restart.
    /// </summary>
    private void Change(string name, string path, Action change)
    {
        try
        {
            change();
            _tree.SyncFolderOf(path);
        }
        catch (Exception exception) when (FileErrors.IsFileError(exception))
        {
            if (_doubtful.Count < FileStoreLimits.DoubtfulDocumentsMax)
                _doubtful[name] = exception.Message;
            else
                _allDoubtful = exception.Message;
            throw;
        }
    }

    private void Discard(string temporary)
    {
        try
        {
            _files.Delete(temporary);
        }
        catch (Exception exception) when (FileErrors.IsFileError(exception))
        {
            // The next start removes the file.
        }
    }
}
