using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Log.State;
using OrleansStream.Records;

namespace OrleansStream.Log.Writing;

/// <summary>
/// What the write loop does with a group before and after its one append to the store (group commit): it stamps the batches, shows them to readers
/// once they are durable, and answers the callers.
/// </summary>
/// <remarks>Used by the write loop only.</remarks>
internal sealed class GroupCommit(OpenLog log, OffsetAssigner offsets)
{
    [ThreadStatic]
    private static bool _isAnswering;

    /// <summary>True while this thread answers callers of some log. What they do next runs inside, and must not keep the loop of that log.</summary>
    public static bool IsAnswering => _isAnswering;

    /// <summary>
    /// Stamps the batches of a group with their offsets, into its bytes. Answers the appends that wait for no more than their order.
    /// </summary>
    /// <param name="group">The group, whose appends have their offsets or their refusals.</param>
    /// <remarks>The stamped fields lie outside the CRC. Only the log's own append time needs a new CRC.</remarks>
    public void Stamp(AppendGroup group)
    {
        using var answering = new Answering();
        var bytes = group.Bytes.Span;
        var offset = group.BaseOffset;
        var appendTimeMs = log.Options.StampsAppendTime ? log.NowMs : -1;
        foreach (var append in group.Appends)
        {
            if (append.BaseOffset < 0)
                continue;

            append.Result = new LogAppendResult(null, append.BaseOffset, appendTimeMs, log.LogStartOffset);
            append.Placed.CopyTo(bytes);
            for (var end = append.Placed.LengthBytes; end > 0;)
            {
                RecordBatchHeader.TryRead(bytes, out var header);
                RecordBatchHeader.StampBaseOffset(bytes, offset);
                RecordBatchHeader.StampPartitionLeaderEpoch(bytes, log.Epoch);
                if (appendTimeMs >= 0)
                    RecordBatchHeader.StampLogAppendTime(bytes[..header.LengthBytes], appendTimeMs);

                offset += header.RecordCount;
                end -= header.LengthBytes;
                bytes = bytes[header.LengthBytes..];
            }

            if (append.Acks == LogAcks.Ordered)
                append.TrySetResult(append.Result);
        }
    }

    /// <summary>
    /// Shows a durable group to readers, and adds its batches to the states of their producers. Its callers are still to be answered.
    /// </summary>
    /// <param name="group">The group, stamped and stored.</param>
    /// <param name="position">The position of its first byte in the active segment.</param>
    /// <param name="beganAt">When its storing began, as a timestamp of <see cref="TimeProvider.GetTimestamp"/>.</param>
    /// <param name="taken">The time until it was certainly stored, with the roll before it and all tries.</param>
    public void Publish(AppendGroup group, long position, long beganAt, TimeSpan taken)
    {
        LogInstruments.Stored(group.Appends.Count, group.LengthBytes, taken);
        lock (log.Gate)
        {
            var nowMs = log.NowMs;
            var active = log.Active;
            var scanner = new RecordBatchScanner(group.Bytes.Span, checkCrc: false);
            while (scanner.MoveNext())
            {
                var header = scanner.Header;
                active.Index.Add(header.BaseOffset, (int)(position + scanner.Position), header.MaxTimestamp);
                active.MaxTimestampMs = Math.Max(active.MaxTimestampMs, header.MaxTimestamp);
                log.Producers.Apply(header, header.BaseOffset, nowMs);
            }

            log.Producers.ExpireSurplus(nowMs);
            active.Position = position + group.LengthBytes;
            active.AppendCount++;
            if (!log.HasEnded)
                log.Tail.Publish(group.LengthBytes, group.EndOffset);

            log.FlowIn.Add(group.EndOffset - group.BaseOffset, group.LengthBytes);
            log.EndOffset = group.EndOffset;
            (log.ProvenAt, log.UsedAt) = (beganAt, log.Place.Time.GetTimestamp());
            log.Appends.CountStored(group.LengthBytes, taken);
            Release(group);
        }
    }

    /// <summary>Answers the callers of a group that is durable, or that has nothing to store.</summary>
    /// <param name="group">The group, published or without bytes.</param>
    public void Answer(AppendGroup group)
    {
        using var answering = new Answering();
        foreach (var append in group.Appends)
            append.TrySetResult(append.Result);

        log.Waiters.Wake();
    }

    /// <summary>Ends a group that has nothing to store.</summary>
    /// <param name="group">The group; all its appends are refused or duplicates.</param>
    public void EndEmpty(AppendGroup group)
    {
        lock (log.Gate)
        {
            Release(group);
        }

        Answer(group);
    }

    /// <summary>Lets go of the group of a log that has ended. The end has answered its callers, and for many the outcome is unknown.</summary>
    public void Abandon()
    {
        lock (log.Gate)
        {
            log.Appends.Group = null;
        }
    }

    /// <summary>Ends a group that is certainly not stored.</summary>
    /// <param name="group">The group, whose places are taken back.</param>
    /// <param name="error">
    /// Why it is not stored: the error of all callers whose answer depends on the group, and of queued appends behind it of the same producers.
    /// </param>
    public void Fail(AppendGroup group, LogError error)
    {
        using var answering = new Answering();
        var behind = offsets.Withdraw(group);
        lock (log.Gate)
        {
            Release(group);
        }

        foreach (var append in group.Appends)
        {
            // Of one that a crash has cut short the first batches are stored, though nothing of this group is.
            var isCutShort = append.Result.Error is { OutcomeUnknown: true };
            append.TrySetResult(append.DependsOnGroup ? log.Refused(isCutShort ? error with { OutcomeUnknown = true } : error) : append.Result);
        }

        foreach (var append in behind)
            append.TrySetResult(log.Refused(error));
    }

    // Under the gate.
    private void Release(AppendGroup group)
    {
        foreach (var append in group.Appends)
            log.Appends.ReturnRoom(append.Batches.LengthBytes);

        log.Appends.Group = null;
    }

    /// <summary>Callers are answered until it is disposed of. What one of them does next may answer others on the same thread.</summary>
    private readonly ref struct Answering
    {
        private readonly bool _wasAnswering;

        public Answering() => (_wasAnswering, _isAnswering) = (_isAnswering, true);

        public void Dispose() => _isAnswering = _wasAnswering;
    }
}
