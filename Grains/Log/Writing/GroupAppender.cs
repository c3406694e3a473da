using OrleansStream.Log.Contract;
using OrleansStream.Log.State;
using OrleansStream.Records;

namespace OrleansStream.Log.Writing;

/// <summary>Appends a group to the log: stamps its batches, stores them, shows them to readers, and answers the callers.</summary>
/// <remarks>Used by the write loop only.</remarks>
internal sealed class GroupAppender(OpenLog log, AppendPlacement placement, SegmentRoller roller)
{
    private readonly SegmentAppender _segments = new(log, roller);

    /// <summary>When a group was last appended, as a timestamp of <see cref="TimeProvider.GetTimestamp"/>; 0 before the first.</summary>
    public long LastAt { get; private set; }

    /// <summary>Appends a group, and answers its callers.</summary>
    public async ValueTask AppendAsync(AppendGroup group)
    {
        if (group.LengthBytes == 0)
        {
            Complete(group);
            return;
        }

        Stamp(group);
        var beganAt = log.Place.Time.GetTimestamp();
        var stored = await roller.RollIfDueAsync(group).ConfigureAwait(false)
            ? await _segments.AppendAsync(group.Bytes).ConfigureAwait(false)
            : StoreResult.Ended;
        LastAt = log.Place.Time.GetTimestamp();
        if (stored.Position >= 0)
        {
            Publish(group, stored.Position, beganAt);
            Complete(group);
        }
        else if (stored.Error is { } error)
        {
            Fail(group, error);
        }
        else
        {
            lock (log.Gate)
            {
                log.Appends.Group = null; // the log has ended, and its end has answered all callers
            }
        }
    }

    // The stamped fields lie outside the CRC. Only the log's own append time needs a new CRC.
    private void Stamp(AppendGroup group)
    {
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

    /// <summary>Shows a durable group to readers, and adds its batches to the states of their producers.</summary>
    private void Publish(AppendGroup group, long position, long beganAt)
    {
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
            log.Appends.CountStored(group.LengthBytes, log.Place.Time.GetElapsedTime(beganAt));
        }
    }

    private void Complete(AppendGroup group)
    {
        Release(group);
        foreach (var append in group.Appends)
            append.TrySetResult(append.Result);

        log.Waiters.Wake();
    }

    // The group is certainly not stored.
    private void Fail(AppendGroup group, LogError error)
    {
        var behind = placement.Withdraw(group);
        Release(group);
        foreach (var append in group.Appends)
            append.TrySetResult(append.DependsOnGroup ? log.Refused(error) : append.Result);

        foreach (var append in behind)
            append.TrySetResult(log.Refused(error));
    }

    private void Release(AppendGroup group)
    {
        lock (log.Gate)
        {
            foreach (var append in group.Appends)
                log.Appends.ReturnRoom(append.Batches.LengthBytes);

            log.Appends.Group = null;
        }
    }
}
