using System.Diagnostics;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Log.State;
using OrleansStream.Records;

namespace OrleansStream.Log.Writing;

/// <summary>
/// The one writer of a log: lets appends in, and stores them group by group. While one group is being stored, the next one gathers.
/// </summary>
/// <remarks>
/// The writer has no thread. The first append to arrive runs the write loop; appends that arrive meanwhile go with the loop's next round. At most one
/// loop runs, so what only the loop touches needs no lock.
/// </remarks>
internal sealed class LogWriter
{
    private readonly OpenLog _log;
    private readonly OffsetAssigner _offsets;
    private readonly GroupCommit _commit;
    private readonly SegmentAppender _segments;
    private readonly SegmentRoller _roller;

    // Guarded by the gate. Whether a loop runs; and who waits for its end, if anybody does.
    private bool _isDraining;
    private TaskCompletionSource? _drained;
    private bool _rollWanted;

    // When a group was last stored, as a timestamp of the clock; 0 before the first. Only the loop uses it.
    private long _storedAt;

    // A durable group whose callers are answered while the next group is being stored. Only the loop uses it, so it must be null when the loop ends.
    private AppendGroup? _unanswered;

    public LogWriter(OpenLog log, SegmentRoller roller)
    {
        (_log, _roller) = (log, roller);
        _offsets = new OffsetAssigner(log);
        _commit = new GroupCommit(log, _offsets);
        _segments = new SegmentAppender(log, roller);
    }

    /// <summary>Appends the batches of one request next to each other, all or none.</summary>
    /// <inheritdoc cref="PartitionLog.AppendAsync"/>
    public ValueTask<LogAppendResult> AppendAsync(
        AppendBatches batches, LogAcks acks, long? expectedNextOffset, bool mayBlock, CancellationToken cancellationToken)
    {
        var invalid = SentAppend.Judge(ref batches, _log.Options, _log.Place.AppendBytesMax, _log.NowMs);
        batches.TryReadFirst(out var first);
        if (acks == LogAcks.Admitted)
            batches = batches.ToArray(); // the caller gets its answer, and its memory back, before the batches are written

        PendingAppend append;
        var starts = false;
        long logStartOffset;
        lock (_log.Gate)
        {
            if ((_log.HasEnded || _log.IsClosing ? _log.EndError() : invalid) is { } error)
                return ValueTask.FromResult(_log.Refused(error));

            if (_log.Appends.TakeRoom(batches.LengthBytes, out var bound) is { } full)
            {
                LogInstruments.AppendRefused(bound);
                _offsets.AwaitRefused(first);
                return ValueTask.FromResult(_log.Refused(full));
            }

            append = new PendingAppend(batches, first, acks, expectedNextOffset, _log.Place.Time.GetTimestamp());
            _log.Appends.Add(append);
            starts = StartsDraining();
            logStartOffset = _log.LogStartOffset;
        }

        // An append that is answered before it is durable must not wait for the store.
        if (starts)
            _ = DrainAsync(mayBlock && acks == LogAcks.Durable && !GroupCommit.IsAnswering);

        return acks == LogAcks.Admitted
            ? ValueTask.FromResult(new LogAppendResult(null, -1, -1, logStartOffset))
            : cancellationToken.CanBeCanceled && !append.Task.IsCompleted
                ? new ValueTask<LogAppendResult>(_log.Appends.WaitAsync(append, cancellationToken))
                : new ValueTask<LogAppendResult>(append.Task);
    }

    /// <summary>Lets the write loop close the active segment if a condition holds.</summary>
    /// <param name="isWanted">True when the segment is to be closed. It is asked once, under the gate.</param>
    public void RollWhen(Func<bool> isWanted)
    {
        lock (_log.Gate)
        {
            if (!isWanted())
                return;

            _rollWanted = true;
            if (!StartsDraining())
                return;
        }

        _ = DrainAsync(mayBlock: false);
    }

    /// <summary>Takes no more appends, and waits for those under way, at most <see cref="LogLimits.CloseWaitMax"/>.</summary>
    public async ValueTask CloseAsync()
    {
        Task drained;
        lock (_log.Gate)
        {
            _log.IsClosing = true;
            drained = _isDraining ? (_drained ??= new TaskCompletionSource()).Task : Task.CompletedTask;
        }

        if (!drained.IsCompleted)
            await LogPause.WaitAsync(drained, LogLimits.CloseWaitMax, _log.Place.Time).ConfigureAwait(false);
    }

    /// <summary>True when no loop runs; the caller must then run it. Under the gate.</summary>
    private bool StartsDraining()
    {
        if (_isDraining)
            return false;

        return _isDraining = true;
    }

    /// <param name="mayBlock">
    /// True when the first round may keep this thread until its group is durable. It has the append of the caller that starts the loop. The rounds
    /// behind it have those of others, which this caller is not to wait for.
    /// </param>
    private async Task DrainAsync(bool mayBlock)
    {
        // The loop serves many requests, and would else run on in the span of the one that happened to start it.
        if (Activity.Current is not null)
            Activity.Current = null;
        try
        {
            while (await DrainNextAsync(mayBlock).ConfigureAwait(false))
                mayBlock = false;
        }
        catch (Exception e)
        {
            // Nobody awaits this loop. The log ends, and the next owner recovers from what is stored.
            _log.EndWith(LogEnd.Failed, $"The partition's writer failed: {e.Message}");
            AnswerDurable();
            FinishDraining();
        }
    }

    /// <returns>False when there was nothing to do. The loop is then over, and the next append starts it again.</returns>
    private async ValueTask<bool> DrainNextAsync(bool mayBlock)
    {
        var pause = PaceAsync();
        if (!pause.IsCompleted)
        {
            AnswerDurable();
            mayBlock = false; // the thread will be another one, and not the caller's
        }

        await pause.ConfigureAwait(false);
        AppendGroup? group;
        bool roll, isOver;
        TaskCompletionSource? drained = null;
        lock (_log.Gate)
        {
            roll = _rollWanted && !_log.HasEnded;
            _rollWanted = false;
            group = roll ? null : _offsets.TakeGroup();
            isOver = !roll && group is null && _unanswered is null;
            if (isOver)
                drained = StopDraining();
        }

        if (isOver)
        {
            // From here on another loop may run.
            drained?.TrySetResult();
            return false;
        }

        if (group is not { LengthBytes: > 0 })
            AnswerDurable();
        if (roll)
            await _roller.RollAsync(isOptional: true).ConfigureAwait(false);
        else if (group is { LengthBytes: 0 })
            await EndEmptyAsync(group).ConfigureAwait(false);
        else if (group is not null)
            await StoreAsync(group, mayBlock).ConfigureAwait(false);
        return true;
    }

    // A group that is stored shows that no newer owner had taken the log over when its appends were judged. One without bytes has the manifest show
    // it.
    private async ValueTask EndEmptyAsync(AppendGroup group)
    {
        var isOwner = group.HasRefused ? await _roller.Resolver.TryOwnsLogAsync().ConfigureAwait(false) : true;
        if (isOwner is true)
            _commit.EndEmpty(group);
        else if (_log.HasEnded)
            _commit.Abandon();
        else
            _commit.Fail(group, AppendResolver.NotProven);
    }

    private async ValueTask StoreAsync(AppendGroup group, bool mayBlock)
    {
        _commit.Stamp(group);
        var beganAt = _log.Place.Time.GetTimestamp();
        var storing = AppendAsync(group, mayBlock);
        AnswerDurable();
        var stored = await storing.ConfigureAwait(false);
        if (stored.Position < 0)
        {
            if (stored.Error is { } error)
                _commit.Fail(group, error);
            else
                _commit.Abandon();
            return;
        }

        _commit.Publish(group, stored.Position, beganAt, _log.Place.Time.GetElapsedTime(beganAt, _storedAt));
        _unanswered = group;
        if (!HasWaiting(LogLimits.StoredBeforeAnswersBytesMin))
            AnswerDurable();
    }

    private async ValueTask<StoreResult> AppendAsync(AppendGroup group, bool mayBlock)
    {
        var span = CommitSpan.Start(_log.Place.Name, group);
        StoreResult? stored = null;
        try
        {
            var rolling = _roller.RollIfDueAsync(group);
            mayBlock &= rolling.IsCompleted;
            stored = await rolling.ConfigureAwait(false)
                ? await _segments.AppendAsync(group.Bytes, mayBlock).ConfigureAwait(false)
                : StoreResult.Ended;
            // Here, because the loop may still be answering the callers of the group before.
            _storedAt = _log.Place.Time.GetTimestamp();
            return stored.Value;
        }
        finally
        {
            CommitSpan.End(span, stored);
        }
    }

    private void AnswerDurable()
    {
        if (_unanswered is not { } group)
            return;
        _unanswered = null;
        _commit.Answer(group);
    }

    private void FinishDraining()
    {
        TaskCompletionSource? drained;
        lock (_log.Gate)
        {
            drained = StopDraining();
        }

        drained?.TrySetResult();
    }

    /// <returns>Who waits for the end of the loop, to be told after the gate; null for nobody. Under the gate.</returns>
    private TaskCompletionSource? StopDraining()
    {
        var drained = _drained;
        (_isDraining, _drained) = (false, null);
        return drained;
    }

    // flush.interval.ms trades latency for fewer writes. Its default makes no append wait here.
    private async ValueTask PaceAsync()
    {
        var interval = _log.Options.FlushInterval;
        if (interval > TimeSpan.Zero && _storedAt != 0 && !_log.HasEnded && !_log.IsClosing)
        {
            var left = interval - _log.Place.Time.GetElapsedTime(_storedAt);
            if (left > TimeSpan.Zero)
                await _log.PauseAsync(left).ConfigureAwait(false);
        }

        if (_log.Resources.Appends is { } budget && HasWaiting(bytesMin: 0))
            await TakeTurnAsync(budget).ConfigureAwait(false);
    }

    // Appends that arrive during the wait go with the turn. The end of the log ends the wait.
    private async ValueTask TakeTurnAsync(AppendBudget budget)
    {
        try
        {
            await budget.TakeTurnAsync(_log.Abandoned).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The log has ended, and the loop checks for it next.
        }
    }

    private bool HasWaiting(long bytesMin)
    {
        lock (_log.Gate)
        {
            return !_rollWanted && _log.Appends.Waiting.Count > 0 && _log.Appends.PendingBytes >= bytesMin;
        }
    }
}
