using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Producers;
using OrleansStream.Log.Writing;

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
        var group = new AppendGroup { BaseOffset = _endOffset, EndOffset = _endOffset, BeganAt = _time.GetTimestamp() };
        var length = 0;
        _open.Clear();
        while (_queue.TryPeek(out var append) && length + append.Batches.LengthBytes <= lengthMax)
        {
            _queue.Dequeue();
            if (append.IsGivenUp || append.Task.IsCompleted)
            {
                ReturnRoom(append.Batches.LengthBytes); // its caller has been answered before it had a place
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
        var first = append.First;
        var settled = _producers.Check(first);
        var verdict = settled.DuplicateOffset >= 0 ? settled : _producers.Check(first, _open);
        var isStored = verdict.DuplicateOffset >= 0 || verdict.Error == StreamErrorCode.DuplicateSequenceNumber;
        if (isStored && WasCutShort(append, out var rest, out var restOffset))
        {
            if (verdict.DuplicateOffset < 0 || restOffset != group.EndOffset)
            {
                return Refuse(append, group, CutShortError(first));
            }

            (append.Placed, append.BaseOffset) = (rest, verdict.DuplicateOffset);
        }
        else if (verdict.DuplicateOffset >= 0)
        {
            append.Result = new LogAppendResult(null, verdict.DuplicateOffset, -1, _logStartOffset, Duplicate: true);
            append.DependsOnGroup = !IsSettled(append);
            return 0;
        }
        else if (append.ExpectedNextOffset is { } expected && expected != group.EndOffset)
        {
            // Asked only now: what is stored already was stored under its condition.
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
            _open.Apply(header, group.EndOffset, NowMs, _producers);
            group.EndOffset += header.RecordCount;
        }

        return append.Placed.LengthBytes;
    }

    private int Refuse(PendingAppend append, AppendGroup group, LogError error)
    {
        append.Result = Refused(error);
        append.DependsOnGroup = group.EndOffset != group.BaseOffset; // then it waits until what it was judged by is durable
        return 0;
    }

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
                    if (append.First.HasProducer && producers.Contains(append.First.ProducerId))
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

    private void Await(PendingAppend append) => _producers.Await(append.First, NowMs);

    private static HashSet<long> ProducersOf(AppendGroup group)
    {
        var ids = new HashSet<long>();
        foreach (var append in group.Appends)
        {
            if (append.BaseOffset >= 0 && append.First.HasProducer)
            {
                ids.Add(append.First.ProducerId);
            }
        }

        return ids;
    }
}
