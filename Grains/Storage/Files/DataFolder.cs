using Microsoft.Win32.SafeHandles;
using OrleansStream.Randomness;
using OrleansStream.Storage.Files.Disk;
using OrleansStream.Storage.Files.Documents;
using OrleansStream.Storage.Files.Segments;

namespace OrleansStream.Storage.Files;

/// <summary>
/// A folder that this process owns while the object is open. It holds two stores: <c>segments/</c> and <c>documents/</c>.
/// </summary>
/// <remarks>
/// The owner holds an exclusive lock on <c>.lock</c>. Disposing finishes what is under way, records that no segment's end is in doubt, and releases
/// the folder. After that the stores throw <see cref="ObjectDisposedException"/>.
/// </remarks>
public sealed class DataFolder : IDisposable
{
    private readonly SafeFileHandle _lock;
    private readonly FileLanes _flushes;
    private readonly FileLanes _reads;
    private readonly FileSegmentStore _segments;
    private int _disposed;

    private DataFolder(string path, SafeFileHandle @lock, IFileOperations files, int openSegmentsMax)
    {
        Path = path;
        _lock = @lock;
        var documents = new FileTree(files, System.IO.Path.Join(path, "documents"));
        FileDocumentStore.DeleteTemporaryFiles(documents);
        _flushes = new FileLanes("Flush", FileStoreLimits.FlushThreadCount);
        _reads = new FileLanes("Read", FileStoreLimits.ReadThreadCount);
        _segments = new FileSegmentStore(
            new FileTree(files, System.IO.Path.Join(path, "segments")), _flushes, _reads, openSegmentsMax);
        Documents = new FileDocumentStore(documents, _flushes, RandomSource.System);
    }

    /// <summary>The folder's full path.</summary>
    public string Path { get; }

    /// <summary>The segments in the folder.</summary>
    public ISegmentStore Segments => _segments;

    /// <summary>The documents in the folder.</summary>
    public IDocumentStore Documents { get; }

    /// <summary>Takes possession of a folder; creates it when it is missing.</summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="DataFolderException">Another process owns it, it cannot be created or written, or its file system has no locks.</exception>
    public static DataFolder Open(string path) => Open(path, new SystemFileOperations());

    /// <summary>As <see cref="Open(string)"/>, on another file system or with fewer open files.</summary>
    internal static DataFolder Open(
        string path, IFileOperations files, int openSegmentsMax = FileStoreLimits.OpenSegmentsMax)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        path = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        SafeFileHandle? @lock = null;
        try
        {
            FileSync.SelfTest();
            Directory.CreateDirectory(path);
            @lock = DataFolderLock.Take(path);
            foreach (var part in (ReadOnlySpan<string>)["segments", "documents"])
                Directory.CreateDirectory(System.IO.Path.Join(path, part));
            files.SyncFolder(path);
            return new DataFolder(path, @lock, files, openSegmentsMax);
        }
        catch (Exception exception) when (FileErrors.IsFileError(exception))
        {
            @lock?.Dispose();
            throw new DataFolderException(
                $"The data folder '{path}' cannot be used: {exception.Message} "
                + "Make it writable for this user, or choose another folder.", exception);
        }
        catch
        {
            @lock?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _reads.Dispose();
        _flushes.Dispose();
        _segments.Close();
        _lock.Dispose();
    }
}
