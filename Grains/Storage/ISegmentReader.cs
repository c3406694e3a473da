namespace OrleansStream.Storage;

/// <summary>The reading part of <see cref="ISegmentStore"/>.</summary>
public interface ISegmentReader
{
    /// <summary>Reads bytes from a position.</summary>
    /// <param name="name">The segment's name.</param>
    /// <param name="position">The first byte to read.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    /// <returns>
    /// The count of bytes read: less than the destination's length only when the segment ends there, 0 at or past its end.
    /// </returns>
    /// <exception cref="SegmentNotFoundException">There is no such segment.</exception>
    ValueTask<int> ReadAsync(
        string name, long position, Memory<byte> destination, CancellationToken cancellationToken = default);

    /// <summary>Tells where a segment ends, and whether a crash has left its end in doubt.</summary>
    /// <param name="name">The segment's name.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    /// <returns>The extent, or null when there is no such segment.</returns>
    ValueTask<SegmentExtent?> GetExtentAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Lists segments whose name starts with a prefix, in ordinal order of their names.</summary>
    /// <param name="prefix">Whole name parts, each ended by <c>/</c>; empty for all.</param>
    /// <param name="cancellationToken">Cancels the listing.</param>
    IAsyncEnumerable<SegmentInfo> ListAsync(string prefix, CancellationToken cancellationToken = default);
}
