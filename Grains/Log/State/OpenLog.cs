using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Log.Caches;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Producers;
using OrleansStream.Log.Resources;

namespace OrleansStream.Log.State;

/// <summary>An open log: the state that its parts share, the one lock that guards it, and its end.</summary>
/// <remarks><c>Log/README.md</c> says which part changes what, and on which thread.</remarks>
internal sealed class OpenLog : IAsyncDisposable
{
    private readonly CancellationTokenSource _abandoned = new();
    private readonly TaskCompletionSource<LogEnd> _ended = new();
    private LogOptions _options;
    private Ending? _ending;

    /// <summary>Starts from the state that opening the log has read.</summary>
    /// <param name="place">The log's folder, the stores that hold it, and its clock.</param>
    /// <param name="options">The settings of its topic; <see cref="Options"/> may replace them.</param>
    /// <param name="resources">What the log shares with the other logs of the process.</param>
    /// <param name="manifest">Its manifest, claimed by this owner.</param>
    /// <param name="scan">The scan that has read the active segment to its end.</param>
    /// <param name="producers">The state of producers at that end.</param>
    /// <param name="appendCount">The count of appends in the active segment, with its fences. The store may bound it.</param>
    public OpenLog(
        LogPlace place, LogOptions options, LogResources resources, ManifestFile manifest, SegmentScan scan, ProducerStates producers,
        int appendCount)
    {
        (Place, _options, Resources, Manifest, Producers) = (place, options, resources, manifest, producers);
        (FlowIn, FlowOut) = (new LogFlow(place.Time), new LogFlow(place.Time));
        (Tail, ReadAhead) = (new TailCache(resources), new ReadAheadCache(resources));
        var current = manifest.Current;
        Sealed = current.Segments.RemoveAt(current.Segments.Count - 1);
        Active = new ActiveSegment(current.Active, scan.Index, scan.Position, appendCount, scan.MaxTimestampMs);
        LogStartOffset = current.LogStartOffset;
        EndOffset = scan.EndOffset;
        ProvenAt = UsedAt = OpenedAt = place.Time.GetTimestamp();
        Appends = new AppendQueue(this);
        Waiters = new FetchWaiters(this);
    }

    /// <summary>The lock of all state below. It is never held across an await, and no caller's continuation runs under it.</summary>
    public Lock Gate { get; } = new();

    public LogPlace Place { get; }

    public LogResources Resources { get; }

    /// <summary>The manifest. Updates of it wait for its own turn.</summary>
    public ManifestFile Manifest { get; }

    /// <summary>The settings; they may be replaced at any time.</summary>
    public LogOptions Options
    {
        get => Volatile.Read(ref _options);
        set => Volatile.Write(ref _options, value);
    }

    public int Epoch => Manifest.Current.Epoch;

    /// <summary>The time, in milliseconds since the Unix epoch.</summary>
    public long NowMs => Place.NowMs;

    /// <summary>When the log was opened, as a timestamp of <see cref="TimeProvider.GetTimestamp"/>.</summary>
    public long OpenedAt { get; }

    /// <summary>The closed segments, oldest first.</summary>
    public ImmutableList<ManifestSegment> Sealed { get; set; }

    public ActiveSegment Active { get; set; }

    /// <summary>The first readable offset. It only grows. The answer to an append reads it without the gate, and so may tell an older one.</summary>
    public long LogStartOffset { get; set; }

    /// <summary>The high watermark: the offset behind the last durable record.</summary>
    public long EndOffset { get; set; }

    /// <summary>When this owner last proved that it is the owner: it appended, or read the manifest.</summary>
    public long ProvenAt { get; set; }

    /// <summary>When something was last appended or read.</summary>
    public long UsedAt { get; set; }

    /// <summary>True once the log is being closed and takes no more appends.</summary>
    public bool IsClosing { get; set; }

    /// <summary>The state of producers by their durable batches.</summary>
    public ProducerStates Producers { get; }

    public AppendQueue Appends { get; }

    public FetchWaiters Waiters { get; }

    /// <summary>The newest batches, in memory.</summary>
    public TailCache Tail { get; }

    /// <summary>Older batches that were read last.</summary>
    public ReadAheadCache ReadAhead { get; }

    /// <summary>The indexes of closed segments that were used last.</summary>
    public SegmentIndexCache Indexes { get; } = new();

    public LogFlow FlowIn { get; }

    public LogFlow FlowOut { get; }

    /// <summary>Completes when the log has ended; it never faults.</summary>
    public Task<LogEnd> Ended => _ended.Task;

    /// <summary>Cancelled when the log has ended.</summary>
    public CancellationToken Abandoned => _abandoned.Token;

    /// <summary>Why the log has ended; null while it serves. It is set once, so it may be read without the gate.</summary>
    public LogEnd? End => _ending?.Reason;

    /// <summary>Whether the log has ended.</summary>
    public bool HasEnded => _ending is not null;

    /// <summary>Why the log has ended, in one sentence; empty while the log serves.</summary>
    public string EndDetail => _ending?.Detail ?? "";

    /// <summary>The error for calls to a log that has ended or is being closed.</summary>
    public LogError EndError() => _ending switch
    {
        null => new LogError(StreamErrorCode.NotLeaderOrFollower, "The partition is being closed here and is moving."),
        (LogEnd.Offline, var detail) => new LogError(StreamErrorCode.PartitionOffline, detail),
        (LogEnd.Deleted, var detail) => new LogError(StreamErrorCode.UnknownTopicId, detail),
        (_, var detail) => new LogError(StreamErrorCode.NotLeaderOrFollower, detail),
    };

    /// <summary>The answer to an append that was not done.</summary>
    public LogAppendResult Refused(LogError error) => new(error, -1, -1, LogStartOffset);

    /// <summary>Ends the log. The first reason wins. All who wait are answered, so that nobody hangs on a log that has ended.</summary>
    /// <param name="end">What ended it. It decides the error of all later calls (<see cref="EndError"/>).</param>
    /// <param name="detail">The same for people, in one sentence.</param>
    /// <param name="groupFailed">True when the group under way is certainly not stored; false when its outcome is unknown.</param>
    public void EndWith(LogEnd end, string detail, bool groupFailed = false)
    {
        List<PendingAppend> queued;
        AppendGroup? group;
        lock (Gate)
        {
            if (_ending is not null)
                return;

            _ending = new Ending(end, detail);
            (queued, group) = Appends.Close();
            Tail.Clear();
            ReadAhead.Clear();
        }

        foreach (var append in queued)
            append.TrySetResult(Refused(EndError()));

        foreach (var append in group?.Appends ?? [])
        {
            var isUnknown = append.Result.Error is null ? !groupFailed : append.MayTakeEffect;
            append.TrySetResult(append.DependsOnGroup ? Refused(EndError() with { OutcomeUnknown = isUnknown }) : append.Result);
        }

        Waiters.Wake();
        _abandoned.Cancel();
        _ended.TrySetResult(end);
    }

    /// <summary>Reads from the manifest whether this owner still owns the log, and ends the log if not.</summary>
    /// <returns>False when the log has ended.</returns>
    /// <exception cref="OrleansStream.Storage.StoreUnavailableException">The manifest could not be read.</exception>
    public async ValueTask<bool> ProveOwnershipAsync(CancellationToken cancellationToken)
    {
        var askedAt = Place.Time.GetTimestamp();
        var ownership = await Manifest.CheckAsync(cancellationToken).ConfigureAwait(false);
        if (ownership == Ownership.Ours)
        {
            lock (Gate)
            {
                ProvenAt = askedAt;
            }

            return true;
        }

        EndWith(
            ownership == Ownership.Deleted ? LogEnd.Deleted : LogEnd.Fenced,
            ownership == Ownership.Deleted
                ? "The topic was deleted."
                : $"Another owner has taken the partition over from epoch {Epoch}.");
        return false;
    }

    /// <summary>Changes the manifest; completes once the change is durable.</summary>
    /// <remarks>
    /// Only the end of the log gives up an update that has begun. Were a caller to give one up midway, it might still take effect, and the next
    /// update would take that version for another owner's.
    /// </remarks>
    /// <exception cref="LogFencedException">Another owner has claimed the manifest; the change was not made.</exception>
    public ValueTask UpdateManifestAsync(Func<PartitionManifest, PartitionManifest?> change, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Manifest.UpdateAsync(change, Abandoned);
    }

    /// <summary>The segment that holds an offset of the log. Under the gate, because retention may remove segments.</summary>
    public SegmentView FindSegment(long offset)
    {
        if (offset >= Active.BaseOffset)
            return new SegmentView(Active.Name, Active.BaseOffset, Active.Position);

        int low = 0, high = Sealed.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) >>> 1;
            (low, high) = Sealed[middle].BaseOffset <= offset ? (middle, high) : (low, middle - 1);
        }

        var segment = Sealed[low];
        return new SegmentView(segment.Name, segment.BaseOffset, segment.Length);
    }

    /// <summary>When a closed segment was closed. Under the gate.</summary>
    public long ClosedAtMs(int i) => (i + 1 < Sealed.Count ? Sealed[i + 1] : Active.Manifest).CreatedAtMs;

    /// <summary>Whether the active segment is old enough to be closed.</summary>
    public bool IsActiveAged(LogOptions options) => NowMs - Active.Manifest.CreatedAtMs >= (long)options.SegmentAge.TotalMilliseconds;

    /// <summary>Whether the active segment holds any record. Fences use no offset.</summary>
    public bool HasActiveRecords => Active.BaseOffset < EndOffset;

    /// <summary>Waits between two tries against a failing store; ends early when the log ends.</summary>
    public ValueTask PauseAsync(TimeSpan pause) => LogPause.WaitAsync(pause, Place.Time, Abandoned);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Appends.DisposeAsync();

    // One object, so that whoever reads it without the gate sees the reason with its sentence.
    private sealed record Ending(LogEnd Reason, string Detail);
}
