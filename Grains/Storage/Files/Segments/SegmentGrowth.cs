using OrleansStream.Storage.Files.Disk;

namespace OrleansStream.Storage.Files.Segments;

/// <summary>
/// Decides how far a segment's file grows ahead of its appends. Syncing bytes that overwrite zeros needs no commit of the file's metadata, and that
/// commit makes appending to the end of a file slow.
/// </summary>
/// <param name="files">The file system.</param>
/// <param name="path">The segment's file.</param>
internal sealed class SegmentGrowth(IFileOperations files, string path)
{
    /// <summary>The zeros of the largest growth step.</summary>
    public static readonly byte[] Zeros = new byte[FileStoreLimits.GrowthBytesMax];

    private int _step = FileStoreLimits.GrowthBytesMin;

    /// <summary>Decides how many zeros to write behind an append that ends beyond the file.</summary>
    /// <param name="length">The append's bytes.</param>
    /// <param name="isFence">True for a fence, which may use the reserve: otherwise the logs of a full volume could not be opened.</param>
    /// <param name="zeros">The count of zeros.</param>
    /// <returns>False when the volume has no room for the append itself.</returns>
    public bool TryPlan(int length, bool isFence, out int zeros)
    {
        zeros = 0;
        if (isFence)
            return true;
        var room = FileTree.GetRoom(files, path) - length;
        if (room < 0)
            return false;
        if (length >= FileStoreLimits.GrowthAppendBytesMax || room < _step)
            return true;
        zeros = _step;
        _step = Math.Min(2 * _step, FileStoreLimits.GrowthBytesMax);
        return true;
    }
}
