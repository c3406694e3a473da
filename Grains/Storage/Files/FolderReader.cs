using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;
using OrleansStream.Storage.Files.Disk;
using OrleansStream.Storage.Files.Documents;
using OrleansStream.Storage.Files.Segments;

namespace OrleansStream.Storage.Files;

/// <summary>Reads a data folder without changing a byte of it.</summary>
/// <remarks>
/// No process can take possession of the folder while it is open; several readers may open it at once. It shows what the next owner will find. For an
/// open segment this is all that its file holds, of which <see cref="SegmentExtent.DurableLength"/> bytes are certain.
/// </remarks>
public sealed class FolderReader : IDisposable
{
    private readonly SafeFileHandle? _lock;

    private FolderReader(string path, SafeFileHandle? @lock)
    {
        _lock = @lock;
        var files = new SystemFileOperations();
        Segments = new SegmentView(new FileTree(files, Path.Join(path, "segments")));
        Documents = new DocumentView(new FileTree(files, Path.Join(path, "documents")));
    }

    /// <summary>The segments in the folder.</summary>
    public ISegmentReader Segments { get; }

    /// <summary>The documents in the folder.</summary>
    public IDocumentReader Documents { get; }

    /// <summary>Opens a folder.</summary>
    /// <param name="path">The folder. A copy of a data folder needs no lock file.</param>
    /// <exception cref="DataFolderException">The folder does not exist, cannot be read, or a process owns it.</exception>
    public static FolderReader Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        path = Path.GetFullPath(path);
        if (!Directory.Exists(Path.Join(path, "segments")))
            throw new DataFolderException($"'{path}' is no data folder: it has no folder 'segments'.");
        try
        {
            return new FolderReader(path, DataFolderLock.Share(path));
        }
        catch (Exception exception) when (FileErrors.IsFileError(exception))
        {
            throw new DataFolderException($"The data folder '{path}' cannot be read: {exception.Message}", exception);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lock?.Dispose();

    private static StoreUnavailableException Unavailable(string what, string name, Exception exception) =>
        new($"The file of {what} '{name}' failed: {exception.Message}", exception);

    private static SafeFileHandle Open(FileTree tree, string name) =>
        File.OpenHandle(tree.PathOf(name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

    private sealed class SegmentView(FileTree tree) : ISegmentReader
    {
        public async ValueTask<int> ReadAsync(
            string name, long position, Memory<byte> destination, CancellationToken cancellationToken = default)
        {
            StoreNames.Check(name);
            ArgumentOutOfRangeException.ThrowIfNegative(position);
            if (await GetExtentAsync(name, cancellationToken).ConfigureAwait(false) is not { } extent)
                throw new SegmentNotFoundException(name);
            // Bytes behind the end of a broken segment, left by a failed sync, are not part of it. An owner sees it the same way.
            destination = destination[..(int)Math.Clamp(extent.Length - position, 0, destination.Length)];
            try
            {
                using var file = Open(tree, name);
                var total = 0;
                for (var count = -1; total < destination.Length && count != 0; total += count)
                    count = await RandomAccess.ReadAsync(file, destination[total..], position + total, cancellationToken).ConfigureAwait(false);
                return total;
            }
            catch (Exception exception) when (FileErrors.IsFileError(exception))
            {
                throw FileErrors.IsMissing(exception) ? new SegmentNotFoundException(name) : Unavailable("segment", name, exception);
            }
        }

        public async ValueTask<SegmentExtent?> GetExtentAsync(string name, CancellationToken cancellationToken = default)
        {
            StoreNames.Check(name);
            var path = tree.PathOf(name);
            try
            {
                if (!File.Exists(path))
                    return null;
                var marker = SegmentFile.MarkerPathOf(path);
                var bytes = File.Exists(marker)
                    ? await File.ReadAllBytesAsync(marker, cancellationToken).ConfigureAwait(false)
                    : [];
                return DurableMarker.ExtentOf(DurableMarker.OfFile(bytes), new FileInfo(path).Length);
            }
            catch (Exception exception) when (FileErrors.IsFileError(exception))
            {
                throw Unavailable("segment", name, exception);
            }
        }

        public async IAsyncEnumerable<SegmentInfo> ListAsync(
            string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            StoreNames.CheckPrefix(prefix);
            foreach (var (name, file) in tree.List(prefix))
            {
                if (await GetExtentAsync(name, cancellationToken).ConfigureAwait(false) is { } extent)
                    yield return new SegmentInfo(name, extent.Length, new DateTimeOffset(file.LastWriteTimeUtc));
            }
        }
    }

    private sealed class DocumentView(FileTree tree) : IDocumentReader
    {
        public async ValueTask<Document?> ReadAsync(string name, CancellationToken cancellationToken = default)
        {
            StoreNames.Check(name);
            try
            {
                return DocumentFile.Decode(
                    name, await File.ReadAllBytesAsync(tree.PathOf(name), cancellationToken).ConfigureAwait(false));
            }
            catch (Exception exception) when (FileErrors.IsMissing(exception))
            {
                return null;
            }
            catch (Exception exception) when (FileErrors.IsFileError(exception))
            {
                throw Unavailable("document", name, exception);
            }
        }

        public IAsyncEnumerable<string> ListAsync(string prefix, CancellationToken cancellationToken = default)
        {
            StoreNames.CheckPrefix(prefix);
            return tree.List(prefix).Select(entry => entry.Name).ToAsyncEnumerable();
        }
    }
}
