using OrleansStream.Gateway.Reading;
using OrleansStream.Records;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Fetch;

/// <summary>The events of records: what cannot be read is one, too.</summary>
internal sealed partial class TopicTail
{
    private bool _hasId;
    private bool _isEventOpen;
    private bool _isIdForced;

    private async ValueTask WriteBatchAsync(int partition, OpenBatch batch, BatchCursor cursor)
    {
        _hasId = true;
        while (WriteSome(partition, batch, cursor))
            await answer.GoOnAsync();
        // What was passed over at the end of a batch must not leave events without a place to resume from.
        if (!_hasId)
            EndEvent(isIdForced: true);
    }

    /// <returns>True when the answer has to go on before the next record; false when the batch, or the tail, is done.</returns>
    private bool WriteSome(int partition, OpenBatch batch, BatchCursor cursor)
    {
        StoredBatchReader records = batch.Read();
        while (!answer.MustWait)
        {
            if (_isEventOpen)
                CloseEvent();
            if (_left == 0)
                return false;
            if (!records.TryReadNext(out RecordView record))
            {
                UnreadableRecords? unreadable = records.UnreadableFrom(cursor.NextOffset);
                cursor.EndBatch(records.Header);
                if (unreadable is not null)
                    WriteUnreadable(partition, unreadable.Value, cursor);
                return false;
            }

            if (record.Offset < cursor.NextOffset)
                continue;
            cursor.EndRecord(record.Offset);
            _positions[partition] = cursor.NextOffset;
            _left--;
            bool isLast = record.OffsetDelta == records.Header.LastOffsetDelta || _left == 0;
            BeginEvent(isLast);
            answer.Write(batch, partition, record, views);
        }

        batch.Pause(records);
        return true;
    }

    private void WriteUnreadable(int partition, in UnreadableRecords unreadable, BatchCursor cursor)
    {
        _positions[partition] = cursor.NextOffset;
        _left--;
        BeginEvent(isIdForced: true);
        RecordJsonWriter.WriteUnreadable(answer.Json, partition, unreadable);
        CloseEvent();
    }

    private void BeginEvent(bool isIdForced)
    {
        answer.WriteText("data: "u8);
        (_isEventOpen, _isIdForced) = (true, isIdForced);
    }

    private void CloseEvent()
    {
        _isEventOpen = false;
        answer.EndDocument();
        answer.WriteText("\n"u8);
        _hasId = EndEvent(_isIdForced);
    }

    /// <summary>
    /// Ends an event, with its id as the last line: some readers take an id over at its line, also of an event that is cut off behind it.
    /// </summary>
    /// <param name="isIdForced">False to leave out an id that is long.</param>
    /// <returns>True when the event has an id.</returns>
    private bool EndEvent(bool isIdForced)
    {
        _token.ResetWrittenCount();
        TailToken.Write(_topicId, _positions, _token);
        bool hasId = isIdForced || _token.WrittenCount <= FetchLimits.TailTokenPerEventBytes;
        if (hasId)
        {
            answer.WriteText("id: "u8);
            answer.WriteText(_token.WrittenSpan);
            answer.WriteText("\n"u8);
        }

        answer.WriteText("\n"u8);
        return hasId;
    }
}
