using Microsoft.Win32.SafeHandles;
using OrleansStream.Storage.Files.Disk;

namespace OrleansStream.Storage.Files.Segments;

/// <summary>Bounds how many of a segment's written bytes stay in the page cache: only the newest.</summary>
/// <remarks>
/// A log that is only written would fill the machine's memory with pages that nobody reads, and each new page costs time: the kernel must clear it,
/// and a virtual machine must get it from its host. Together this takes several times as long as copying into the page. Pages that were just released
/// are available at once.
/// </remarks>
/// <param name="files">The file system.</param>
internal sealed class WrittenPages(IFileOperations files)
{
    private long _released;

    /// <summary>Releases the bytes that lie far enough below the durable end. Called after each sync.</summary>
    /// <param name="file">The data file.</param>
    /// <param name="durableLength">The count of synced bytes; bytes that are not synced would not be released.</param>
    public void Release(SafeFileHandle file, long durableLength)
    {
        var end = durableLength - FileStoreLimits.CachedBytesMax;
        if (end - _released < FileStoreLimits.CacheReleaseBytes)
            return;
        end -= end % FileStoreLimits.CacheReleaseBytes; // only whole pages, whatever their size
        files.ReleaseCached(file, _released, end - _released);
        _released = end;
    }
}
