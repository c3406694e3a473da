using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Fetch;

/// <summary>Writes the answer to a fetch as JSON: the records straight from their batches, then where to read on.</summary>
/// <param name="answer">Where to.</param>
/// <param name="partition">The partition.</param>
/// <param name="limit">The most records.</param>
/// <param name="views">How keys and values are to appear.</param>
/// <param name="load">The memory of the answer.</param>
internal sealed class FetchAnswerWriter(AnswerWriter answer, int partition, int limit, PayloadViews views, AnswerLoad load)
{
    private int _left = limit;

    private bool IsFull => _left <= 0 || answer.Length > HttpLimits.ResponseBytesTarget;

    /// <summary>Writes the answer. It ends early where the node has no memory for the next batch.</summary>
    /// <param name="response">What was read, without an error.</param>
    /// <exception cref="RequestException">The node has no memory for the first batch; nothing is written.</exception>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    public async ValueTask WriteAsync(FetchResponse response)
    {
        var budget = new UnfoldingBudget(load);
        var cursor = new BatchCursor(response, budget);
        OpenBatch? batch = cursor.OpenNext();
        if (budget.IsRefused)
            throw new RequestException(load.Refusal);
        answer.Json.WriteStartObject();
        answer.Json.WriteStartArray("records"u8);
        for (; batch is not null; batch = IsFull ? null : cursor.OpenNext())
        {
            try
            {
                while (WriteSome(batch, cursor))
                    await answer.GoOnAsync();
            }
            finally
            {
                cursor.Close(batch);
            }
        }

        answer.Json.WriteEndArray();
        answer.Json.WriteNumber("next_offset"u8, cursor.NextOffset);
        answer.Json.WriteNumber("log_start_offset"u8, response.LogStartOffset);
        answer.Json.WriteNumber("high_watermark"u8, response.HighWatermark);
        answer.Json.WriteEndObject();
        await answer.EndAsync();
    }

    /// <summary>Writes records of a batch.</summary>
    /// <returns>True when the answer has to go on before the next one; false when the batch, or the answer, is done.</returns>
    private bool WriteSome(OpenBatch batch, BatchCursor cursor)
    {
        StoredBatchReader records = batch.Read();
        while (!answer.MustWait)
        {
            if (IsFull)
                return false;
            if (!records.TryReadNext(out RecordView record))
            {
                if (records.UnreadableFrom(cursor.NextOffset) is { } unreadable)
                {
                    RecordJsonWriter.WriteUnreadable(answer.Json, partition, unreadable);
                    _left--;
                }

                cursor.EndBatch(records.Header);
                return false;
            }

            if (record.Offset < cursor.NextOffset)
                continue;
            answer.Write(batch, partition, record, views);
            cursor.EndRecord(record.Offset);
            _left--;
        }

        batch.Pause(records);
        return true;
    }
}
