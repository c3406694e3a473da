using System.Runtime.InteropServices;
using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Records;

namespace OrleansStream.Log.Producers;

/// <summary>One producer: its epoch and the newest runs of its batches, oldest first.</summary>
internal sealed class ProducerState
{
    // Most producers have one run: those that are alone on the partition, and those that begin a new epoch with each request.
    private readonly List<ProducerRun> _runs = new(1);
    private readonly int _awaitedSequence;

    public ProducerState()
    {
    }

    /// <summary>A producer that has no batch stored yet, and must begin with the awaited sequence.</summary>
    public ProducerState(short epoch, int awaitedSequence, long lastAtMs) =>
        (Epoch, _awaitedSequence, LastAtMs) = (epoch, awaitedSequence, lastAtMs);

    public ProducerState(short epoch, long lastAtMs, IEnumerable<ProducerRun> runs)
    {
        (Epoch, LastAtMs) = (epoch, lastAtMs);
        _runs.AddRange(runs);
    }

    public short Epoch { get; private set; } = -1;

    public long LastAtMs { get; private set; }

    public IReadOnlyList<ProducerRun> Runs => _runs;

    /// <summary>A copy to apply a batch to. It is empty when the batch begins a new epoch, because runs of the old epoch do not count then.</summary>
    public ProducerState CopyFor(short epoch) =>
        epoch != Epoch ? new() : _runs.Count == 0 ? new(Epoch, _awaitedSequence, LastAtMs) : new(Epoch, LastAtMs, _runs);

    public ProducerVerdict Check(in RecordBatchHeader batch)
    {
        if (batch.ProducerEpoch < Epoch)
            return ProducerVerdict.Refused(StreamErrorCode.InvalidProducerEpoch, Epoch);

        if (batch.ProducerEpoch > Epoch || _runs.Count == 0)
        {
            var first = batch.ProducerEpoch > Epoch ? 0 : _awaitedSequence;
            return batch.BaseSequence == first
                ? ProducerVerdict.Next
                : ProducerVerdict.Refused(StreamErrorCode.OutOfOrderSequenceNumber, first);
        }

        foreach (var run in _runs)
        {
            if (run.TryFind(batch, out var offset))
                return ProducerVerdict.Duplicate(offset);
        }

        var expected = _runs[^1].NextSequence;
        if (batch.BaseSequence == expected)
            return ProducerVerdict.Next;

        // Sequence numbers wrap around after 2^31-1. A number counts as past when it lies in the half of the circle behind the expected one.
        var back = unchecked(expected - batch.BaseSequence) & int.MaxValue;
        return ProducerVerdict.Refused(
            back <= int.MaxValue / 2 && batch.RecordCount <= back
                ? StreamErrorCode.DuplicateSequenceNumber
                : StreamErrorCode.OutOfOrderSequenceNumber,
            expected);
    }

    public void Apply(in RecordBatchHeader batch, long baseOffset, long nowMs)
    {
        LastAtMs = nowMs;
        if (batch.ProducerEpoch != Epoch)
        {
            _runs.Clear();
            Epoch = batch.ProducerEpoch;
        }
        else if (_runs.Count > 0 && CollectionsMarshal.AsSpan(_runs)[^1].TryExtend(batch, baseOffset))
        {
            return;
        }

        if (_runs.Count == LogLimits.ProducerRunsMax)
            _runs.RemoveAt(0);

        _runs.Add(new ProducerRun(batch.BaseSequence, batch.LastSequence, baseOffset));
    }
}

/// <summary>Batches of a producer that follow each other without a gap, both in sequence numbers and in offsets.</summary>
/// <param name="FirstSequence">The first record's sequence number.</param>
/// <param name="LastSequence">The last record's sequence number; 0 follows <see cref="int.MaxValue"/>.</param>
/// <param name="BaseOffset">The first record's offset.</param>
internal record struct ProducerRun(int FirstSequence, int LastSequence, long BaseOffset)
{
    // Far less than one round of the sequence numbers, so that a number within a run stands for one record only.
    private const int CountMax = 1 << 30;

    public readonly int NextSequence => unchecked(LastSequence + 1) & int.MaxValue;

    private readonly int Count => (unchecked(LastSequence - FirstSequence) & int.MaxValue) + 1;

    /// <summary>Finds a batch all of whose records are in the run.</summary>
    public readonly bool TryFind(in RecordBatchHeader batch, out long offset)
    {
        var before = unchecked(batch.BaseSequence - FirstSequence) & int.MaxValue;
        offset = BaseOffset + before;
        return (long)before + batch.LastOffsetDelta < Count;
    }

    /// <summary>Adds the batch that follows to the run.</summary>
    /// <returns>False when the batch does not follow, or when the run has reached its greatest length.</returns>
    public bool TryExtend(in RecordBatchHeader batch, long baseOffset)
    {
        if (batch.BaseSequence != NextSequence || baseOffset != BaseOffset + Count || Count > CountMax - batch.RecordCount)
            return false;

        LastSequence = batch.LastSequence;
        return true;
    }
}
