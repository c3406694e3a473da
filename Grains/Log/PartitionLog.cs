using OrleansStream.Storage;

namespace OrleansStream.Log;

/// <summary>
/// One partition: an ordered, immutable sequence of record batches in segments, with one writer at a time.
/// </summary>
public sealed partial class PartitionLog : IAsyncDisposable
{
    private PartitionLog() { }

    /// <summary>Takes the log over: claims the next epoch, fences the active segment, and reads it to its end.</summary>
    /// <param name="name">The partition's folder, <c>{topicId}/{partition}</c>; a log that has none yet is begun.</param>
    /// <param name="owner">Who takes it over, for people who read the manifest.</param>
    /// <param name="options">The log's settings.</param>
    /// <param name="segments">Where its segments are.</param>
    /// <param name="documents">Where its manifest is.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Gives up; the log is then as it was, but for a higher epoch.</param>
    /// <exception cref="LogFencedException">Another owner took it over meanwhile.</exception>
    /// <exception cref="LogCorruptException">Durable bytes are damaged.</exception>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    public static ValueTask<PartitionLog> OpenAsync(
        string name, string owner, LogOptions options, ISegmentStore segments, IDocumentStore documents,
        TimeProvider time, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Completes when the log has ended; it never faults.</summary>
    public Task<LogEnd> Ended => throw new NotSupportedException();

    /// <summary>The state of the log now.</summary>
    public LogState State => throw new NotSupportedException();

    /// <summary>Appends the batches of one request next to each other, all or none.</summary>
    /// <param name="batches">Whole batches v2; not changed by anybody until the result is there.</param>
    /// <param name="acks">When to answer.</param>
    /// <param name="expectedNextOffset">Append only when this is the next offset; null for no condition.</param>
    /// <param name="cancellationToken">Gives up waiting; before the batches have a place nothing is stored, later the outcome is unknown.</param>
    public ValueTask<LogAppendResult> AppendAsync(
        ReadOnlyMemory<byte> batches, LogAcks acks, long? expectedNextOffset = null,
        CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Reads whole batches below the high watermark.</summary>
    /// <param name="offset">The first offset wanted; -2 for the log start, -1 for the high watermark.</param>
    /// <param name="bytesMax">The most bytes to return; the first batch comes even when it is larger.</param>
    /// <param name="wait">How long to wait when there is nothing yet.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<LogFetchResult> FetchAsync(
        long offset, int bytesMax, TimeSpan wait, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    /// <summary>Finds the first offset dated at or after a time.</summary>
    /// <param name="timestampMs">Milliseconds since the Unix epoch.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public ValueTask<LogFindResult> FindOffsetAsync(long timestampMs, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    /// <summary>Takes new settings; they hold from the next append, roll or retention on.</summary>
    /// <param name="options">The settings.</param>
    public void Configure(LogOptions options) => throw new NotSupportedException();

    /// <summary>Moves the log start offset up and lets whole segments below it go.</summary>
    /// <param name="beforeOffset">The new log start offset; -1 for the high watermark.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null when done; OFFSET_OUT_OF_RANGE beyond the high watermark.</returns>
    public ValueTask<LogError?> DeleteRecordsAsync(long beforeOffset, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    /// <summary>One round of upkeep: closes an aged segment, applies retention, frees deleted segments after their grace.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    public ValueTask MaintainAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    /// <summary>Frees all bytes of a log whose topic is gone; repeating it is harmless.</summary>
    /// <param name="name">The partition's folder.</param>
    /// <param name="segments">Where its segments are.</param>
    /// <param name="documents">Where its manifest is.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static ValueTask DeleteAsync(
        string name, ISegmentStore segments, IDocumentStore documents, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    /// <summary>Takes no more appends, waits for the one under way, and ends.</summary>
    public ValueTask DisposeAsync() => throw new NotSupportedException();
}
