using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Opening;
using OrleansStream.Log.Reading;
using OrleansStream.Log.Resources;
using OrleansStream.Log.Retention;
using OrleansStream.Log.State;
using OrleansStream.Log.Writing;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Log;

/// <summary>
/// One partition: an ordered, immutable sequence of record batches in segments, with one writer at a time.
/// </summary>
/// <remarks>
/// <para>
/// Safe to call from any thread. <c>README.md</c> beside this file says which parts it has, what each of them changes, and under which
/// lock.
/// </para>
/// <para>
/// Orleans may run two owners of a partition for a while. Two mechanisms in the store make the older one harmless: the manifest's compare-and-swap,
/// and the fence in the active segment. <c>FORMAT.md</c> describes the protocol.
/// </para>
/// </remarks>
public sealed class PartitionLog : IAsyncDisposable
{
    private readonly OpenLog _log;
    private readonly LogWriter _writer;
    private readonly LogReader _reader;
    private readonly OffsetFinder _finder;
    private readonly EpochEnds _epochs;
    private readonly LogMaintenance _maintenance;

    private PartitionLog(OpenedLog opened)
    {
        _log = opened.Log;
        _writer = new LogWriter(_log, opened.Roller);
        var indexes = new SegmentIndexes(_log);
        var times = new SegmentTimes(_log, indexes);
        _reader = new LogReader(_log, new SegmentReads(_log, indexes));
        _finder = new OffsetFinder(_log, _reader, indexes, times);
        _epochs = new EpochEnds(_log, _reader);
        _maintenance = new LogMaintenance(_log, _writer, times);
    }

    /// <summary>Completes when the log has ended; it never faults.</summary>
    public Task<LogEnd> Ended => _log.Ended;

    /// <summary>Why the log has ended, in one sentence; empty while the log serves.</summary>
    public string EndDetail => _log.EndDetail;

    /// <summary>The epoch of this owner, which is greater than that of every owner before it; the first one is 1.</summary>
    public int Epoch => _log.Epoch;

    /// <summary>The state of the log now.</summary>
    public LogState State
    {
        get
        {
            lock (_log.Gate)
            {
                return new LogState(
                    _log.LogStartOffset, _log.EndOffset, _log.Active.Position + _log.Sealed.Sum(segment => segment.Length), _log.Epoch,
                    _log.Sealed.Count + 1, _log.Manifest.Current.Deleting.Sum(segment => segment.Length));
            }
        }
    }

    /// <summary>The log start offset and the high watermark.</summary>
    public (long LogStartOffset, long HighWatermark) Bounds
    {
        get
        {
            lock (_log.Gate)
                return (_log.LogStartOffset, _log.EndOffset);
        }
    }

    /// <summary>The traffic of the log.</summary>
    public LogRates Rates
    {
        get
        {
            lock (_log.Gate)
            {
                return new LogRates(_log.FlowIn.Read(), _log.FlowOut.Read());
            }
        }
    }

    /// <summary>Whether <see cref="MaintainAsync"/> would do anything now; false once the log has ended.</summary>
    /// <remarks>Looks at state in memory only, so it is cheap enough to ask thousands of idle logs often.</remarks>
    public bool IsMaintenanceDue => _maintenance.IsDue;

    /// <summary>Takes the log over: claims the next epoch, fences the active segment, and reads it to its end.</summary>
    /// <param name="name">The partition's folder, <c>{topicId}/{partition}</c>; a log that has none yet is begun.</param>
    /// <param name="owner">The new owner. Each activation needs a text of its own: two owners with the same text would not fence each other.</param>
    /// <param name="options">The settings of its topic; <see cref="Configure"/> replaces them.</param>
    /// <param name="segments">Where its segments are.</param>
    /// <param name="documents">Where its manifest is.</param>
    /// <param name="time">Dates segments, and times waits and retention.</param>
    /// <param name="resources">What the log shares with the other logs of the process.</param>
    /// <param name="cancellationToken">Gives up. The log is then unchanged, except that its epoch may be higher.</param>
    /// <exception cref="LogFencedException">Another owner took it over meanwhile.</exception>
    /// <exception cref="LogCorruptException">Durable bytes are damaged.</exception>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    /// <exception cref="StoreFullException">The store has no room for the fence.</exception>
    public static async ValueTask<PartitionLog> OpenAsync(
        string name, string owner, LogOptions options, ISegmentStore segments, IDocumentStore documents, TimeProvider time,
        LogResources resources, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentException.ThrowIfNullOrEmpty(owner);
        ArgumentNullException.ThrowIfNull(options);
        var place = new LogPlace(name, segments, documents, time);
        return new PartitionLog(
            await LogOpening.OpenAsync(place, owner, options, resources, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Takes over a log that is alone in its process.</summary>
    /// <inheritdoc cref="OpenAsync(string, string, LogOptions, ISegmentStore, IDocumentStore, TimeProvider, LogResources, CancellationToken)"/>
    internal static ValueTask<PartitionLog> OpenAsync(
        string name, string owner, LogOptions options, ISegmentStore segments, IDocumentStore documents, TimeProvider time,
        CancellationToken cancellationToken = default) =>
        OpenAsync(name, owner, options, segments, documents, time, new LogResources(time), cancellationToken);

    /// <summary>Frees all bytes of a log whose topic is gone; repeating it is harmless.</summary>
    /// <param name="name">The partition's folder.</param>
    /// <param name="segments">Where its segments are.</param>
    /// <param name="documents">Where its manifest is.</param>
    /// <param name="cancellationToken">Ends the try. Bytes that are not freed yet are freed when the call is repeated.</param>
    /// <exception cref="StoreUnavailableException">The store cannot be reached; try again.</exception>
    public static ValueTask DeleteAsync(
        string name, ISegmentStore segments, IDocumentStore documents, CancellationToken cancellationToken = default) =>
        new LogPlace(name, segments, documents, TimeProvider.System).DeleteAsync(cancellationToken);

    /// <summary>Takes new settings; they hold from the next append, roll or retention on.</summary>
    /// <param name="options">All settings, also those that stay as they are.</param>
    public void Configure(LogOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _log.Options = options;
    }

    /// <summary>Appends the batches of one request next to each other, all or none.</summary>
    /// <param name="batches">Whole batches of format 2. Nobody may change them until the result is there.</param>
    /// <param name="acks">What must have happened before the answer: <see cref="LogAcks"/>.</param>
    /// <param name="expectedNextOffset">Append only when this is the next offset; null for no condition.</param>
    /// <param name="mayBlock">
    /// True when the store may keep the caller's thread until the batches are durable. It is for a caller whose thread has nothing else to do until
    /// then, and which appends nothing else to this log meanwhile.
    /// </param>
    /// <param name="cancellationToken">
    /// Gives up waiting. If the batches have no place in the log yet, nothing is stored; later the outcome is unknown.
    /// </param>
    /// <returns>Where the batches are, or why they are not; it never throws for a failure of the store.</returns>
    public ValueTask<LogAppendResult> AppendAsync(
        AppendBatches batches, LogAcks acks, long? expectedNextOffset = null, bool mayBlock = false,
        CancellationToken cancellationToken = default) =>
        _writer.AppendAsync(batches, acks, expectedNextOffset, mayBlock, cancellationToken);

    /// <summary>Reads whole batches below the high watermark.</summary>
    /// <param name="offset">The first offset wanted; or <see cref="LogOffsets.Earliest"/> or <see cref="LogOffsets.Latest"/>.</param>
    /// <param name="bytesMax">The most bytes to return, up to <see cref="LogLimits.FetchBytesMax"/>; the first batch comes even when it is larger.</param>
    /// <param name="wait">How long to wait when there is nothing yet, at most <see cref="LogLimits.FetchWaitMax"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The batches, or why there are none; it never throws for a failure of the store.</returns>
    public ValueTask<LogFetchResult> FetchAsync(
        long offset, int bytesMax, TimeSpan wait, CancellationToken cancellationToken = default) =>
        _reader.FetchAsync(offset, bytesMax, wait, cancellationToken);

    /// <summary>Answers all waiting fetches, and lets no fetch wait from now on. A server that stops calls it.</summary>
    public void StopWaiting() => _log.Waiters.Stop();

    /// <summary>Finds the first offset dated at or after a time.</summary>
    /// <param name="timestampMs">Milliseconds since the Unix epoch; or <see cref="LogOffsets.MaxTimestamp"/> for the latest time that a record has.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>The offset and its time, or the high watermark when no record is that late.</returns>
    public ValueTask<LogFindResult> FindOffsetAsync(long timestampMs, CancellationToken cancellationToken = default) =>
        _finder.FindOffsetAsync(timestampMs, cancellationToken);

    /// <summary>Finds where the batches that the owner of an epoch stored end.</summary>
    /// <param name="epoch">The owner's epoch; one that no owner has had yet finds nothing.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <returns>
    /// The epoch, or the latest one before it that stored anything, and the offset behind its last record; the log start for an epoch of which
    /// nothing is left.
    /// </returns>
    public ValueTask<LogEpochEnd> FindEpochEndAsync(int epoch, CancellationToken cancellationToken = default) =>
        _epochs.FindAsync(epoch, cancellationToken);

    /// <summary>Moves the log start offset up, and removes the whole segments below it.</summary>
    /// <param name="beforeOffset">The new log start offset; or <see cref="LogOffsets.Latest"/>.</param>
    /// <param name="cancellationToken">Gives up; the outcome is then unknown, and repeating it is harmless.</param>
    /// <returns>Null when done, or when the log start was higher already; OFFSET_OUT_OF_RANGE when the offset is beyond the high watermark.</returns>
    public ValueTask<LogError?> DeleteRecordsAsync(long beforeOffset, CancellationToken cancellationToken = default) =>
        _maintenance.DeleteRecordsAsync(beforeOffset, cancellationToken);

    /// <summary>One round of maintenance: closes an aged segment, applies retention, frees deleted segments after their grace.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <remarks>When the store fails, the next round does what is left.</remarks>
    public ValueTask MaintainAsync(CancellationToken cancellationToken = default) => _maintenance.MaintainAsync(cancellationToken);

    /// <summary>
    /// Takes no more appends, waits for the append under way, and ends the log. Appends that are not durable by then are answered with an unknown
    /// outcome.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        await _writer.CloseAsync().ConfigureAwait(false);
        _log.EndWith(LogEnd.Closed, "The partition was closed here and is moving.");
        await _log.DisposeAsync().ConfigureAwait(false);
    }
}
