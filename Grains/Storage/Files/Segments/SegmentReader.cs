using OrleansStream.Storage.Files.Disk;

namespace OrleansStream.Storage.Files.Segments;

/// <summary>
/// Reads segments. What the page cache holds is read on the caller's thread. The rest is read on the few threads that wait for the disk, so that cold
/// reads, however many, never occupy the thread pool.
/// </summary>
/// <param name="files">The file system.</param>
/// <param name="handles">The open files.</param>
/// <param name="reads">The threads that wait for the disk.</param>
internal sealed class SegmentReader(IFileOperations files, SegmentHandleCache handles, FileLanes reads)
{
    /// <summary>Reads from a position up to the segment's readable end.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public ValueTask<int> ReadAsync(
        string name, SegmentFile segment, long position, Memory<byte> destination, CancellationToken cancellationToken)
    {
        var length = (int)Math.Clamp(segment.ReadableLength - position, 0, destination.Length);
        if (length == 0)
            return new(0);
        destination = destination[..length];
        var count = ReadCached(segment, position, destination.Span);
        return count == length
            ? new(count)
            : ReadUncachedAsync(name, segment, position, destination, count, cancellationToken);
    }

    private int ReadCached(SegmentFile segment, long position, Span<byte> destination)
    {
        var open = handles.Rent(segment);
        try
        {
            var total = 0;
            while (total < destination.Length)
            {
                var count = files.ReadCached(open.Data, destination[total..], position + total);
                if (count <= 0)
                    break;
                total += count;
            }

            return total;
        }
        finally
        {
            handles.Return(open);
        }
    }

    private async ValueTask<int> ReadUncachedAsync(
        string name, SegmentFile segment, long position, Memory<byte> destination, int done, CancellationToken cancellationToken)
    {
        return done + await reads.RunAsync(
            name,
            () =>
            {
                var open = handles.Rent(segment);
                try
                {
                    return files.Read(open.Data, destination.Span[done..], position + done);
                }
                finally
                {
                    handles.Return(open);
                }
            },
            cancellationToken).ConfigureAwait(false);
    }
}
