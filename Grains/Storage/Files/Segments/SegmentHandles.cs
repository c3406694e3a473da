using Microsoft.Win32.SafeHandles;

namespace OrleansStream.Storage.Files.Segments;

/// <summary>The two open files of a segment.</summary>
/// <param name="data">The data file.</param>
/// <param name="marker">The marker's file.</param>
internal sealed class SegmentHandles(SafeFileHandle data, SafeFileHandle marker) : IDisposable
{
    /// <summary>The data file.</summary>
    public SafeFileHandle Data => data;

    /// <summary>The marker's file.</summary>
    public SafeFileHandle Marker => marker;

    /// <summary>The count of current uses; guarded by the cache.</summary>
    public int Users { get; set; }

    /// <summary>The place in the cache's order of use; guarded by the cache.</summary>
    public LinkedListNode<SegmentFile>? Node { get; set; }

    /// <summary>Closes both files.</summary>
    public void Dispose()
    {
        data.Dispose();
        marker.Dispose();
    }
}
