using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Producers;
using OrleansStream.Log.State;
using OrleansStream.Records;

namespace OrleansStream.Log.Writing;

/// <summary>
/// Decides which appends go to the store together, and what each is answered: its offsets, or why it gets none. Keeps the batches of an idempotent
/// producer in order. No other code assigns offsets.
/// </summary>
/// <remarks>
/// <see cref="TakeGroup"/> runs in the write loop and <see cref="AwaitRefused"/> on a caller's thread, both under the gate. <see cref="Withdraw"/>
/// runs in the loop and takes the gate.
/// </remarks>
internal sealed class OffsetAssigner(OpenLog log)
{
    // The states of producers as the batches of the current group change them. They become settled only when the group is durable.
    private readonly ProducerStates _open = new();

    /// <summary>Takes the next group from the queue; null when there is none. Under the gate.</summary>
    public AppendGroup? TakeGroup()
    {
        _open.Clear();
        if (log.HasEnded || log.Appends.Waiting.Count == 0)
            return null;

        var lengthMax = log.Place.AppendBytesMax;
        var group = new AppendGroup
        {
            BaseOffset = log.EndOffset, EndOffset = log.EndOffset, BeganAt = log.Place.Time.GetTimestamp(),
        };
        var length = 0;
        while (log.Appends.Waiting.TryPeek(out var append) && length + append.Batches.LengthBytes <= lengthMax)
        {
            log.Appends.Waiting.Dequeue();
            if (append.IsGivenUp || append.Task.IsCompleted)
            {
                log.Appends.ReturnRoom(append.Batches.LengthBytes); // its caller was answered before it got a place
                Await(append);
                continue;
            }

            append.IsPlaced = true;
            group.Appends.Add(append);
            length += Place(append, group);
        }

        if (group.Appends.Count == 0)
            return null;

        group.Bytes = length == 0 ? default : log.Tail.Reserve(length, group.BaseOffset);
        log.Appends.Group = group;
        return group;
    }

    /// <summary>
    /// Takes back the places of a group that is not stored. Queued batches of the same producers fail too, because without the group they would leave
    /// a gap.
    /// </summary>
    /// <returns>The queued appends that fail. They stay in the queue, and the next group skips them.</returns>
    public List<PendingAppend> Withdraw(AppendGroup group)
    {
        var behind = new List<PendingAppend>();
        lock (log.Gate)
        {
            var producers = ProducersOf(group);
            group.Appends.FindAll(append => append.BaseOffset >= 0).ForEach(Await);
            if (producers.Count > 0)
            {
                foreach (var append in log.Appends.Waiting)
                {
                    if (append.First.HasProducer && producers.Contains(append.First.ProducerId))
                        behind.Add(append);
                }
            }
        }

        return behind;
    }

    /// <summary>
    /// Keeps what an unknown producer sent after a refused append from overtaking it. Nothing needs to be remembered when other appends of the
    /// producer are under way: their sequence numbers already refuse a gap. The queue is searched at most once for each producer. Under the gate.
    /// </summary>
    public void AwaitRefused(in RecordBatchHeader first)
    {
        if (!first.HasProducer || log.Producers.Knows(first.ProducerId) || _open.Knows(first.ProducerId))
            return;

        foreach (var append in log.Appends.Waiting)
        {
            if (append.First.ProducerId == first.ProducerId)
                return;
        }

        log.Producers.Await(first, log.NowMs);
    }

    /// <summary>Gives an append its offsets, or the answer it gets instead, by what is settled and what stands before it in the group.</summary>
    /// <returns>The bytes that the append takes in the group.</returns>
    private int Place(PendingAppend append, AppendGroup group)
    {
        var first = append.First;
        var settled = log.Producers.Check(first);
        var verdict = settled.DuplicateOffset >= 0 ? settled : log.Producers.Check(first, _open);
        var isStored = verdict.DuplicateOffset >= 0 || verdict.Error == StreamErrorCode.DuplicateSequenceNumber;
        if (isStored && WasCutShort(append, out var rest, out var restOffset))
        {
            if (verdict.DuplicateOffset < 0 || restOffset != group.EndOffset)
                return Refuse(append, group, CutShortError(first));

            append.PlaceRest(rest);
            append.BaseOffset = verdict.DuplicateOffset;
        }
        else if (verdict.DuplicateOffset >= 0)
        {
            append.Result = new LogAppendResult(null, verdict.DuplicateOffset, -1, log.LogStartOffset, Duplicate: true);
            append.DependsOnGroup = !IsSettled(append);
            return 0;
        }
        else if (append.ExpectedNextOffset is { } expected && expected != group.EndOffset)
        {
            // Checked after the duplicates, because a duplicate has already been stored under its condition.
            return Refuse(append, group, new LogError(
                StreamErrorCode.OffsetConditionFailed,
                $"The next offset is {group.EndOffset}, not {expected}; nothing was stored.") { NextOffset = group.EndOffset });
        }
        else if (verdict.Error != StreamErrorCode.None)
        {
            return Refuse(append, group, SequenceError(verdict, first));
        }
        else
        {
            append.BaseOffset = group.EndOffset;
        }

        append.DependsOnGroup = true;
        for (var left = append.Placed; left.TryReadFirst(out var header); left = left.WithoutFirst(header.LengthBytes))
        {
            _open.Apply(header, group.EndOffset, log.NowMs, log.Producers);
            group.EndOffset += header.RecordCount;
        }

        return append.Placed.LengthBytes;
    }

    // The batches that it was judged by may not be durable yet, and a newer owner may have stored others: what follows in sequence there is a gap
    // here. Producers give up for good what is refused as out of order, so the answer waits for the group, which proves who owns the log.
    private int Refuse(PendingAppend append, AppendGroup group, LogError error)
    {
        append.Result = log.Refused(error);
        append.DependsOnGroup = group.HasRefused = true;
        return 0;
    }

    private void Await(PendingAppend append) => log.Producers.Await(append.First, log.NowMs);

    /// <summary>
    /// Tells whether only the first batches of a request are stored. A crash may tear an append between two batches, and recovery keeps the whole
    /// ones. If the retry were answered as a duplicate, the other batches would be lost.
    /// </summary>
    private bool WasCutShort(PendingAppend append, out AppendBatches rest, out long restOffset)
    {
        (rest, restOffset) = (append.Batches, -1);
        while (rest.TryReadFirst(out var header))
        {
            var settled = log.Producers.Check(header);
            var verdict = settled.DuplicateOffset >= 0 ? settled : log.Producers.Check(header, _open);
            if (verdict.DuplicateOffset < 0 && verdict.Error != StreamErrorCode.DuplicateSequenceNumber)
                return true;

            restOffset = verdict.DuplicateOffset < 0 ? -1 : verdict.DuplicateOffset + header.RecordCount;
            rest = rest.WithoutFirst(header.LengthBytes);
        }

        return false;
    }

    /// <summary>Tells whether all batches of a repeated request are durable, and none is only in the open group.</summary>
    private bool IsSettled(PendingAppend append)
    {
        for (var left = append.Batches; left.TryReadFirst(out var header); left = left.WithoutFirst(header.LengthBytes))
        {
            if (log.Producers.Check(header).DuplicateOffset < 0)
                return false;
        }

        return true;
    }

    private static HashSet<long> ProducersOf(AppendGroup group)
    {
        var ids = new HashSet<long>();
        foreach (var append in group.Appends)
        {
            if (append.BaseOffset >= 0 && append.First.HasProducer)
                ids.Add(append.First.ProducerId);
        }

        return ids;
    }

    private static LogError CutShortError(in RecordBatchHeader first) => new(
        StreamErrorCode.OutOfOrderSequenceNumber,
        $"A crash cut short an earlier try of this request of producer {first.ProducerId}: its first batches are stored, and other "
        + "records follow them. The rest of its batches are not stored; send them under a new producer epoch.",
        OutcomeUnknown: true);

    private static LogError SequenceError(ProducerVerdict verdict, in RecordBatchHeader batch) => new(
        verdict.Error,
        verdict.Error == StreamErrorCode.InvalidProducerEpoch
            ? $"Producer {batch.ProducerId} has epoch {verdict.Expected} now; this batch has the older epoch {batch.ProducerEpoch}."
            : $"Producer {batch.ProducerId} sent sequence {batch.BaseSequence}, but sequence {verdict.Expected} must be next.");
}
