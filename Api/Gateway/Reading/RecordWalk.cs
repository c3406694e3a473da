using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Partitions;
using OrleansStream.Records;

namespace OrleansStream.Gateway.Reading;

/// <summary>Writes the records of a read to the answer, directly from their batches.</summary>
public sealed class RecordWalk
{
    private readonly int _partition;
    private readonly BatchCursor _cursor;
    private readonly OpenBatch? _first;
    private int _left;

    /// <summary>Opens the first batch.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="response">The partition's answer, which has no error.</param>
    /// <param name="load">The memory of the answer.</param>
    /// <exception cref="StreamException">The node has no memory to decompress the batch.</exception>
    internal RecordWalk(int partition, in FetchResponse response, AnswerLoad load)
    {
        var budget = new UnfoldingBudget(load);
        _partition = partition;
        _cursor = new BatchCursor(response, budget);
        _first = _cursor.OpenNext();
        if (budget.IsRefused)
            throw new StreamException(load.Refusal);
    }

    /// <summary>The offset behind the last record that was written, at which the next read goes on.</summary>
    public long NextOffset => _cursor.NextOffset;

    /// <summary>Writes records until the answer is full. It ends early when the node has no memory for the next batch. Call it once.</summary>
    /// <param name="answer">The answer.</param>
    /// <param name="recordsMax">The most records. An entry for unreadable records counts as one.</param>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    public async ValueTask WriteToAsync(IAnswerSink answer, int recordsMax)
    {
        _left = recordsMax;
        for (var batch = _first; batch is not null; batch = IsFull(answer) ? null : _cursor.OpenNext())
        {
            try
            {
                while (WriteSome(batch, answer))
                    await answer.GoOnAsync();
            }
            finally
            {
                _cursor.Close(batch);
            }
        }
    }

    private bool IsFull(IAnswerSink answer) => _left <= 0 || answer.IsFull;

    /// <returns>True when the answer must go on before the next record; false when the batch or the answer is done.</returns>
    private bool WriteSome(OpenBatch batch, IAnswerSink answer)
    {
        var records = batch.Read();
        while (!answer.MustWait)
        {
            if (IsFull(answer))
                return false;
            if (!records.TryReadNext(out var record))
            {
                if (records.UnreadableFrom(_cursor.NextOffset) is { } unreadable)
                {
                    answer.WriteUnreadable(_partition, unreadable);
                    _left--;
                }

                _cursor.EndBatch(records.Header);
                return false;
            }

            if (record.Offset < _cursor.NextOffset)
                continue;
            answer.Write(batch, _partition, record);
            _cursor.EndRecord(record.Offset);
            _left--;
        }

        batch.Pause(records);
        return true;
    }
}
