using OrleansStream.Errors;
using OrleansStream.Records;

namespace OrleansStream.Log;

// Which appends go to the store together, what each of them is answered, and what a group that fails takes along.
public sealed partial class PartitionLog
{
    private readonly ProducerStates _producers;
    private readonly ProducerStates _open = new();

    private AppendGroup? TakeGroup()
    {
        if (_end is not null)
        {
            return null;
        }

        var lengthMax = Math.Min(LogLimits.GroupBytesMax, _segments.Limits.AppendBytesMax);
        var group = new AppendGroup { BaseOffset = _endOffset, EndOffset = _endOffset };
        var length = 0;
        _open.Clear();
        while (_queue.TryPeek(out var append) && length + append.Batches.Length <= lengthMax)
        {
            _queue.Dequeue();
            if (append.IsGivenUp || append.Task.IsCompleted)
            {
                _pendingBytes -= append.Batches.Length; // its caller has been answered before it had a place
                Await(append);
                continue;
            }

            append.IsPlaced = true;
            group.Appends.Add(append);
            length += Place(append, group);
        }

        if (group.Appends.Count == 0)
        {
            return null;
        }

        group.Bytes = length == 0 ? default : _tail.Reserve(length, group.BaseOffset);
        _group = group;
        return group;
    }

    /// <summary>Gives an append its offsets, or the answer it gets instead, judged with all that is before it in the group.</summary>
    /// <returns>The bytes it takes.</returns>
    private int Place(PendingAppend append, AppendGroup group)
    {
        if (append.ExpectedNextOffset is { } expected && expected != group.EndOffset)
        {
            return Refuse(append, group, new LogError(
                StreamErrorCode.OffsetConditionFailed,
                $"The next offset is {group.EndOffset}, not {expected}; nothing was stored."));
        }

        RecordBatchHeader.TryRead(append.Batches.Span, out var first);
        var settled = _producers.Check(first);
        var verdict = settled.DuplicateOffset >= 0 ? settled : _producers.Check(first, _open);
        if (verdict.DuplicateOffset >= 0 && !IsStoredWhole(append.Batches.Span))
        {
            return Refuse(append, group, new LogError(
                StreamErrorCode.InvalidRecord,
                "The first batch of this append is stored already, but not all of them: send the others by themselves."));
        }

        if (verdict.DuplicateOffset >= 0)
        {
            append.Result = new LogAppendResult(null, verdict.DuplicateOffset, -1, _logStartOffset, Duplicate: true);
            append.DependsOnGroup = settled.DuplicateOffset < 0;
            return 0;
        }

        if (verdict.Error != StreamErrorCode.None)
        {
            return Refuse(append, group, SequenceError(verdict, first));
        }

        append.BaseOffset = group.EndOffset;
        append.DependsOnGroup = true;
        for (var rest = append.Batches.Span; RecordBatchHeader.TryRead(rest, out var header); rest = rest[header.LengthBytes..])
        {
            _open.Apply(header, group.EndOffset, NowMs, _producers);
            group.EndOffset += header.RecordCount;
        }

        return append.Batches.Length;
    }

    /// <summary>True when every batch of an append is a duplicate, with what is stored and what is in the open group.</summary>
    private bool IsStoredWhole(ReadOnlySpan<byte> batches)
    {
        for (; RecordBatchHeader.TryRead(batches, out var header); batches = batches[header.LengthBytes..])
        {
            if (_producers.Check(header).DuplicateOffset < 0 && _producers.Check(header, _open).DuplicateOffset < 0)
            {
                return false;
            }
        }

        return true;
    }

    private int Refuse(PendingAppend append, AppendGroup group, LogError error)
    {
        append.Result = Refused(error);
        append.DependsOnGroup = group.EndOffset != group.BaseOffset; // then it waits until what it was judged by is durable
        return 0;
    }

    private static LogError SequenceError(ProducerVerdict verdict, in RecordBatchHeader batch) => new(
        verdict.Error,
        verdict.Error == StreamErrorCode.InvalidProducerEpoch
            ? $"Producer {batch.ProducerId} has epoch {verdict.Expected} by now; this batch is of epoch {batch.ProducerEpoch}."
            : $"Producer {batch.ProducerId} sent sequence {batch.BaseSequence} where {verdict.Expected} was to follow.");

    // Definitely not stored. Batches of the same producers that queued behind fail with it: they would leave a gap.
    private void Fail(AppendGroup group, LogError error)
    {
        var failed = new List<PendingAppend>();
        lock (_gate)
        {
            var producers = ProducersOf(group);
            group.Appends.FindAll(append => append.BaseOffset >= 0).ForEach(Await);
            if (producers.Count > 0)
            {
                foreach (var append in _queue)
                {
                    if (append.IsByAny(producers))
                    {
                        failed.Add(append); // stays in the queue, answered: the next group passes it over
                    }
                }
            }
        }

        Release(group);
        foreach (var append in group.Appends)
        {
            append.TrySetResult(append.DependsOnGroup ? Refused(error) : append.Result);
        }

        foreach (var append in failed)
        {
            append.TrySetResult(Refused(error));
        }
    }

    private void Await(PendingAppend append)
    {
        RecordBatchHeader.TryRead(append.Batches.Span, out var first);
        _producers.Await(first, NowMs);
    }

    private static HashSet<long> ProducersOf(AppendGroup group)
    {
        var ids = new HashSet<long>();
        foreach (var append in group.Appends)
        {
            if (append.BaseOffset >= 0 && RecordBatchHeader.TryRead(append.Batches.Span, out var header) && header.HasProducer)
            {
                ids.Add(header.ProducerId);
            }
        }

        return ids;
    }
}
