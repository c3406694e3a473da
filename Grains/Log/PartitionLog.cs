using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Producers;
using OrleansStream.Log.Reading;
using OrleansStream.Log.Resources;
using OrleansStream.Log.Writing;
using OrleansStream.Storage;

namespace OrleansStream.Log;

/// <summary>
/// One partition: an ordered, immutable sequence of record batches in segments, with one writer at a time.
/// </summary>
/// <remarks>
/// <para>
/// Safe to call from any thread. It makes no thread and no task of its own: the first append to arrive writes, and whatever arrives
/// while a write is under way goes with the next one (group commit). All state is guarded by one lock, never held across an await;
/// offsets are assigned only by the one write loop (<c>PartitionLog.Writer</c>).
/// </para>
/// <para>
/// Orleans may run two owners for a while. What makes the older one harmless is in the store, not here: the manifest's
/// compare-and-swap and the fence in the active segment. <c>FORMAT.md</c> beside this file has the protocol.
/// </para>
/// </remarks>
public sealed partial class PartitionLog : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly string _name;
    private readonly ISegmentStore _segments;
    private readonly IDocumentStore _documents;
    private readonly TimeProvider _time;
    private readonly ManifestFile _manifest;
    private readonly CancellationTokenSource _abandoned = new();
    private readonly TaskCompletionSource<LogEnd> _ended = new();
    private readonly LogResources _resources;
    private readonly TailCache _tail;
    private readonly LogFlow _flowIn, _flowOut;
    private LogOptions _options;

    // Guarded by the gate.
    private ImmutableList<ManifestSegment> _sealed;
    private ActiveSegment _active;
    private long _logStartOffset;
    private long _endOffset;
    private long _provenAt;
    private LogEnd? _end;
    private string _endDetail = "";

    private PartitionLog(
        string name, LogOptions options, ISegmentStore segments, IDocumentStore documents, TimeProvider time, LogResources resources,
        ManifestFile manifest, SegmentScan scan, ProducerStates producers, int appendCount)
    {
        (_name, _options, _segments, _documents, _time, _resources) = (name, options, segments, documents, time, resources);
        (_flowIn, _flowOut) = (new LogFlow(time), new LogFlow(time));
        (_tail, _blocks) = (new TailCache(resources), new ReadAheadCache(resources));
        (_manifest, _producers) = (manifest, producers);
        var current = manifest.Current;
        _sealed = current.Segments.RemoveAt(current.Segments.Count - 1);
        _active = new ActiveSegment(current.Active, scan.Index, scan.Position, appendCount, scan.MaxTimestampMs);
        _logStartOffset = current.LogStartOffset;
        _endOffset = scan.EndOffset;
        _provenAt = time.GetTimestamp();
        _usedAt = _provenAt;
        _openedAt = _provenAt;
        _deadlineTimer = time.CreateTimer(
            static log => ((PartitionLog)log!).ExpireWaiting(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Completes when the log has ended; it never faults.</summary>
    public Task<LogEnd> Ended => _ended.Task;

    /// <summary>Why the log has ended, in a sentence; empty while it serves.</summary>
    public string EndDetail
    {
        get
        {
            lock (_gate)
            {
                return _endDetail;
            }
        }
    }

    /// <summary>The state of the log now.</summary>
    public LogState State
    {
        get
        {
            lock (_gate)
            {
                return new LogState(
                    _logStartOffset, _endOffset, _active.Position + _sealed.Sum(segment => segment.Length), Epoch,
                    _sealed.Count + 1, _manifest.Current.Deleting.Sum(segment => segment.Length));
            }
        }
    }

    /// <summary>The traffic of the log.</summary>
    public LogRates Rates
    {
        get
        {
            lock (_gate)
            {
                return new LogRates(_flowIn.Read(), _flowOut.Read());
            }
        }
    }

    private int Epoch => _manifest.Current.Epoch;

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Takes new settings; they hold from the next append, roll or retention on.</summary>
    /// <param name="options">The settings.</param>
    public void Configure(LogOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Volatile.Write(ref _options, options);
    }

    /// <summary>
    /// Takes no more appends, waits for the one under way, and ends. What is not durable then is answered with its outcome unknown.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        Task drained;
        lock (_gate)
        {
            _isClosing = true;
            drained = _drained?.Task ?? Task.CompletedTask;
        }

        if (!drained.IsCompleted)
        {
            await LogPause.WaitAsync(drained, LogLimits.CloseWaitMax, _time).ConfigureAwait(false);
        }

        End(LogEnd.Closed, "The partition was closed here and is moving.");
        await _deadlineTimer.DisposeAsync().ConfigureAwait(false);
    }

    // The first reason wins. Whatever waits is answered, so that nobody hangs on a log that has ended; the group under way with its
    // outcome unknown, unless it is known to have failed.
    private void End(LogEnd end, string detail, bool groupFailed = false)
    {
        List<PendingAppend> queued;
        AppendGroup? group;
        lock (_gate)
        {
            if (_end is not null)
            {
                return;
            }

            (_end, _endDetail) = (end, detail);
            queued = [.. _queue];
            _queue.Clear();
            group = _group;
            _resources.ReturnPending(_pendingBytes);
            _tail.Clear();
            _blocks.Clear();
        }

        foreach (var append in queued)
        {
            append.TrySetResult(Refused(EndError()));
        }

        foreach (var append in group?.Appends ?? [])
        {
            append.TrySetResult(
                append.DependsOnGroup ? Refused(EndError() with { OutcomeUnknown = !groupFailed }) : append.Result);
        }

        WakeFetches();
        _abandoned.Cancel();
        _ended.TrySetResult(end);
    }

    private LogError EndError() => _end switch
    {
        LogEnd.Offline => new LogError(StreamErrorCode.PartitionOffline, _endDetail),
        LogEnd.Deleted => new LogError(StreamErrorCode.UnknownTopicId, _endDetail),
        null => new LogError(StreamErrorCode.NotLeaderOrFollower, "The partition is being closed here and is moving."),
        _ => new LogError(StreamErrorCode.NotLeaderOrFollower, _endDetail),
    };

    private LogAppendResult Refused(LogError error) => new(error, -1, -1, _logStartOffset);

    /// <summary>Looks whether the log is still ours, as often as it takes; ends it when it is not.</summary>
    /// <returns>False when it has ended.</returns>
    private async ValueTask<bool> ProveOwnershipAsync(CancellationToken cancellationToken)
    {
        var askedAt = _time.GetTimestamp();
        var ownership = await _manifest.CheckAsync(cancellationToken).ConfigureAwait(false);
        if (ownership == Ownership.Ours)
        {
            lock (_gate)
            {
                _provenAt = askedAt;
            }

            return true;
        }

        End(
            ownership == Ownership.Deleted ? LogEnd.Deleted : LogEnd.Fenced,
            ownership == Ownership.Deleted
                ? "The topic was deleted."
                : $"Another owner has taken the partition over from epoch {Epoch}.");
        return false;
    }

    /// <summary>The segment that is written to. Its fields are guarded by the log's gate.</summary>
    private sealed class ActiveSegment(
        ManifestSegment manifest, SegmentIndex index, long position, int appendCount, long maxTimestampMs)
    {
        public ManifestSegment Manifest { get; } = manifest;

        public SegmentIndex Index { get; } = index;

        /// <summary>Its durable length in bytes: where the next append goes.</summary>
        public long Position { get; set; } = position;

        public int AppendCount { get; set; } = appendCount;

        public long MaxTimestampMs { get; set; } = maxTimestampMs;

        public string Name => Manifest.Name;
    }
}
