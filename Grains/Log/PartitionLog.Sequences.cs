using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Producers;
using OrleansStream.Log.Writing;
using OrleansStream.Records;

namespace OrleansStream.Log;

// What the log answers to an idempotent producer whose batch is not simply the next one.
public sealed partial class PartitionLog
{
    /// <summary>
    /// Tells whether only the first batches of a request are stored. A crash may tear an append between two batches, and recovery keeps
    /// the whole ones: to answer the retry as a duplicate would lose the others.
    /// </summary>
    private bool WasCutShort(PendingAppend append, out AppendBatches rest, out long restOffset)
    {
        (rest, restOffset) = (append.Batches, -1);
        while (rest.TryReadFirst(out var header))
        {
            var settled = _producers.Check(header);
            var verdict = settled.DuplicateOffset >= 0 ? settled : _producers.Check(header, _open);
            if (verdict.DuplicateOffset < 0 && verdict.Error != StreamErrorCode.DuplicateSequenceNumber)
            {
                return true;
            }

            restOffset = verdict.DuplicateOffset < 0 ? -1 : verdict.DuplicateOffset + header.RecordCount;
            rest = rest.WithoutFirst(header.LengthBytes);
        }

        return false;
    }

    /// <summary>
    /// Sees to it that what an unknown producer sent behind a refused append does not pass it. What else of it is under way tells the
    /// sequence that follows, so that there is nothing to remember then. The search is made once a producer.
    /// </summary>
    private void AwaitRefused(in RecordBatchHeader first)
    {
        if (!first.HasProducer || _producers.Knows(first.ProducerId) || _open.Knows(first.ProducerId))
        {
            return;
        }

        foreach (var append in _queue)
        {
            if (append.First.ProducerId == first.ProducerId)
            {
                return;
            }
        }

        _producers.Await(first, NowMs);
    }

    /// <summary>Tells whether all batches of a repeated request are durable, and not some of them in the open group.</summary>
    private bool IsSettled(PendingAppend append)
    {
        for (var left = append.Batches; left.TryReadFirst(out var header); left = left.WithoutFirst(header.LengthBytes))
        {
            if (_producers.Check(header).DuplicateOffset < 0)
            {
                return false;
            }
        }

        return true;
    }

    private static LogError CutShortError(in RecordBatchHeader first) => new(
        StreamErrorCode.OutOfOrderSequenceNumber,
        $"A crash cut an earlier try of this request of producer {first.ProducerId} short, and other records follow what it left: "
        + "its first batches are stored, the others are not. Send those under a new producer epoch.",
        OutcomeUnknown: true);

    private static LogError SequenceError(ProducerVerdict verdict, in RecordBatchHeader batch) => new(
        verdict.Error,
        verdict.Error == StreamErrorCode.InvalidProducerEpoch
            ? $"Producer {batch.ProducerId} has epoch {verdict.Expected} by now; this batch is of epoch {batch.ProducerEpoch}."
            : $"Producer {batch.ProducerId} sent sequence {batch.BaseSequence} where {verdict.Expected} was to follow.");
}
