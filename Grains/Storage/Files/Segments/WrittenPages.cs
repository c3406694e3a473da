using Microsoft.Win32.SafeHandles;
using OrleansStream.Storage.Files.Disk;

namespace OrleansStream.Storage.Files.Segments;

/// <summary>How many of a segment's written bytes the page cache keeps: the newest ones.</summary>
/// <remarks>
/// A log that is only written would fill a machine's memory with pages that nobody asks for, and each of them has to be found first. Pages that
/// were just given back are at hand; fresh ones have to be cleared of others' bytes, and on a virtual machine be handed out by the host,
/// which takes several times what copying into them does.
/// </remarks>
/// <param name="files">The file system.</param>
internal sealed class WrittenPages(IFileOperations files)
{
    private long _released;

    /// <summary>Gives back what lies far enough below the durable end; called after each sync.</summary>
    /// <param name="file">The data file.</param>
    /// <param name="durableLength">Its bytes that are synced: others would not be given back.</param>
    public void Release(SafeFileHandle file, long durableLength)
    {
        var end = durableLength - FileStoreLimits.CachedBytesMax;
        if (end - _released < FileStoreLimits.CacheReleaseBytes)
            return;
        end -= end % FileStoreLimits.CacheReleaseBytes; // whole pages, of whatever size
        files.ReleaseCached(file, _released, end - _released);
        _released = end;
    }
}
