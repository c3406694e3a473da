namespace OrleansStream.Storage.Files.Disk;

/// <summary>The bounds of the file stores.</summary>
public static class FileStoreLimits
{
    /// <summary>The most bytes of one append: 4 MiB, as in Azure, so that a log behaves the same on both.</summary>
    public const int AppendBytesMax = 4 * 1024 * 1024;

    /// <summary>The most bytes of a segment: 1 TiB, below the bounds of all common file systems.</summary>
    public const long SegmentBytesMax = 1L << 40;

    /// <summary>A segment file's first growth step: small, so that idle partitions stay small on disk.</summary>
    public const int GrowthBytesMin = 64 * 1024;

    /// <summary>
    /// A segment file's largest growth step. The zeros are written and synced together with one append, so that append pays for the step: 1 MiB costs
    /// about a millisecond, once in 1 MiB of appends.
    /// </summary>
    public const int GrowthBytesMax = 1024 * 1024;

    /// <summary>
    /// For an append of at least this many bytes the file does not grow ahead, because writing the bytes costs more than the metadata commit that
    /// growing ahead saves. Measured: with 64 KiB an append 518 MB/s with growing ahead and 333 MB/s without; with 1 MiB no difference.
    /// </summary>
    public const int GrowthAppendBytesMax = 512 * 1024;

    /// <summary>
    /// The most bytes of a segment's newest data that stay in the page cache when nobody reads them. It is twice what the log itself keeps in memory.
    /// </summary>
    public const long CachedBytesMax = 16 * 1024 * 1024;

    /// <summary>
    /// Cached bytes are released in steps of this size, at its multiples. The kernel keeps a page that is released only in part, and the largest
    /// pages have 2 MiB.
    /// </summary>
    public const long CacheReleaseBytes = 4 * 1024 * 1024;

    /// <summary>
    /// The most bytes that are kept free on the volume. Appends, new segments and new documents are refused before the disk is full, so that fences
    /// and changed documents still find room.
    /// </summary>
    public const long ReserveBytesMax = 64L * 1024 * 1024;

    /// <summary>On a small volume the reserve is one in this many of its bytes.</summary>
    public const int ReserveDivisor = 100;

    /// <summary>The most segments held open at once, with two file handles each. They take half of the usual limit of 1,024 handles.</summary>
    public const int OpenSegmentsMax = 256;

    /// <summary>
    /// The most documents of which it is remembered that they may differ from what is on the disk. When there are more, no document is read until a
    /// restart: a disk that fails so often is to be trusted with none.
    /// </summary>
    public const int DoubtfulDocumentsMax = 1_000;

    /// <summary>The most operations that wait for a thread. Further operations wait for admission, without holding a thread.</summary>
    public const int QueuedOperationsMax = 4096;

    /// <summary>The threads that write and sync, and so the most syncs that the disk gets at once.</summary>
    public const int FlushThreadCount = 8;

    /// <summary>
    /// The most threads of callers that write and sync by themselves at once. One saves two changes of thread where one append is made at a time.
    /// More would leave the thread pool too few for other work; of a single processor's pool already one is too many.
    /// </summary>
    public static readonly int CallersOnDiskMax = Environment.ProcessorCount > 1 ? 1 : 0;

    /// <summary>The threads that read what is not in the page cache.</summary>
    public const int ReadThreadCount = 4;

    /// <summary>The lanes. Operations on one name run in order on the name's lane; with more lanes fewer unrelated names share one.</summary>
    public const int LaneCount = 2048;
}
