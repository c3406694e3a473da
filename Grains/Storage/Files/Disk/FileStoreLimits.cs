namespace OrleansStream.Storage.Files.Disk;

/// <summary>The bounds of the file stores.</summary>
public static class FileStoreLimits
{
    /// <summary>The most bytes of one append: 4 MiB, as in Azure, so that a log behaves alike on both.</summary>
    public const int AppendBytesMax = 4 * 1024 * 1024;

    /// <summary>The most bytes a segment may have: 1 TiB, below every common file system's own bound.</summary>
    public const long SegmentBytesMax = 1L << 40;

    /// <summary>A segment file's first growth step: small, so that idle partitions stay small on disk.</summary>
    public const int GrowthBytesMin = 64 * 1024;

    /// <summary>
    /// A segment file's largest growth step. The zeros are written and synced together with one append, so the step is
    /// what that append pays: 1 MiB costs about a millisecond, once in 1 MiB of appends.
    /// </summary>
    public const int GrowthBytesMax = 1024 * 1024;

    /// <summary>
    /// Appends from this size on are not grown ahead of: their own bytes outweigh the metadata commit saved. Measured with 64 KiB an append:
    /// 518 MB/s grown ahead, 333 MB/s not; with 1 MiB no difference.
    /// </summary>
    public const int GrowthAppendBytesMax = 512 * 1024;

    /// <summary>
    /// The newest bytes of a segment that the page cache keeps when nobody reads them: twice what the log itself keeps of its newest ones.
    /// </summary>
    public const long CachedBytesMax = 16 * 1024 * 1024;

    /// <summary>
    /// Cached bytes are given back in steps of this size, and at its multiples: a page that is only partly let go of stays, and the largest
    /// ones have 2 MiB.
    /// </summary>
    public const long CacheReleaseBytes = 4 * 1024 * 1024;

    /// <summary>
    /// The most free bytes kept in reserve on the volume: appends, new segments and new documents are refused before the disk is
    /// full, so that fences and changed documents still find room.
    /// </summary>
    public const long ReserveBytesMax = 64L * 1024 * 1024;

    /// <summary>On a small volume the reserve is this part of it: one in a hundred.</summary>
    public const int ReserveDivisor = 100;

    /// <summary>The most segments held open at once, two file handles each: half of the usual limit of 1,024.</summary>
    public const int OpenSegmentsMax = 256;

    /// <summary>The most operations waiting for a thread; more wait for admission without holding one.</summary>
    public const int QueuedOperationsMax = 4096;

    /// <summary>The threads that write and sync: how many syncs the disk is given at once.</summary>
    public const int FlushThreadCount = 8;

    /// <summary>The threads that read what the page cache does not hold.</summary>
    public const int ReadThreadCount = 4;

    /// <summary>Operations on one name run in order on its lane; more lanes mean fewer strangers on one.</summary>
    public const int LaneCount = 2048;
}
