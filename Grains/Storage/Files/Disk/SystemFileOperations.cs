using Microsoft.Win32.SafeHandles;

namespace OrleansStream.Storage.Files.Disk;

/// <summary>The real file system.</summary>
internal sealed class SystemFileOperations : IFileOperations
{
    /// <inheritdoc/>
    public SafeFileHandle Open(string path) =>
        File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);

    /// <inheritdoc/>
    public SafeFileHandle Create(string path) =>
        File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);

    /// <inheritdoc/>
    public void CreateFolder(string path) => Directory.CreateDirectory(path);

    /// <inheritdoc/>
    public int Read(SafeFileHandle file, Span<byte> destination, long position)
    {
        var total = 0;
        while (total < destination.Length)
        {
            var count = RandomAccess.Read(file, destination[total..], position + total);
            if (count == 0)
                break;
            total += count;
        }

        return total;
    }

    /// <inheritdoc/>
    public int ReadCached(SafeFileHandle file, Span<byte> destination, long position) =>
        CachedRead.TryRead(file, destination, position);

    /// <inheritdoc/>
    public void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long position) =>
        RandomAccess.Write(file, bytes, position);

    /// <inheritdoc/>
    public long GetLength(SafeFileHandle file) => RandomAccess.GetLength(file);

    /// <inheritdoc/>
    public void SetLength(SafeFileHandle file, long length) => RandomAccess.SetLength(file, length);

    /// <inheritdoc/>
    public void SyncData(SafeFileHandle file) => FileSync.SyncData(file);

    /// <inheritdoc/>
    public void ReleaseCached(SafeFileHandle file, long position, long length) => PageCache.Release(file, position, length);

    /// <inheritdoc/>
    public void Rename(string from, string to) => File.Move(from, to, overwrite: true);

    /// <inheritdoc/>
    public void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (DirectoryNotFoundException)
        {
            // The folder is missing, so the file is too.
        }
    }

    /// <inheritdoc/>
    public void SyncFolder(string path) => FileSync.SyncFolder(path);

    /// <inheritdoc/>
    public (long Free, long Total) GetVolume(string path)
    {
        var volume = new DriveInfo(path);
        return (volume.AvailableFreeSpace, volume.TotalSize);
    }
}
