using System.Buffers;
using System.Text.Json;
using OrleansStream.Api.Mapping;
using OrleansStream.Records;

namespace OrleansStream.Api.Endpoints;

/// <summary>The events of records: what cannot be read is one, too.</summary>
internal sealed partial class TopicTail
{
    private static readonly SearchValues<byte> LineEnds = SearchValues.Create("\r\n"u8);

    private void WriteBatch(int partition, ReadOnlySpan<byte> batch, BatchCursor cursor)
    {
        using StoredBatchReader records = cursor.Open(batch);
        bool hasId = true;
        while (_left > 0)
        {
            if (!records.TryReadNext(out RecordView record))
            {
                UnreadableRecords? unreadable = records.UnreadableFrom(cursor.NextOffset);
                cursor.EndBatch(records.Header);
                if (unreadable is not null)
                {
                    WriteUnreadable(partition, unreadable.Value, cursor);
                    hasId = true;
                }

                break;
            }

            if (record.Offset < cursor.NextOffset)
                continue;
            cursor.EndRecord(record.Offset);
            _positions[partition] = cursor.NextOffset;
            _left--;
            bool isLast = record.OffsetDelta == records.Header.LastOffsetDelta || _left == 0;
            WriteRecord(partition, record);
            hasId = EndEvent(isIdForced: isLast);
        }

        // What was passed over at the end of a batch must not leave events without a place to resume from.
        if (!hasId)
            EndEvent(isIdForced: true);
    }

    private void WriteUnreadable(int partition, in UnreadableRecords unreadable, BatchCursor cursor)
    {
        _positions[partition] = cursor.NextOffset;
        _left--;
        _record.ResetWrittenCount();
        using (var writer = new Utf8JsonWriter(_record, RecordJsonWriter.Options))
            RecordJsonWriter.WriteUnreadable(writer, partition, unreadable);
        WriteData();
        EndEvent(isIdForced: true);
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
        bool hasId = isIdForced || _token.WrittenCount <= Limits.TailTokenPerEventBytes;
        if (hasId)
        {
            output.Write("id: "u8);
            output.Write(_token.WrittenSpan);
            output.Write("\n"u8);
        }

        output.Write("\n"u8);
        return hasId;
    }

    private void WriteRecord(int partition, in RecordView record)
    {
        _record.ResetWrittenCount();
        using (var writer = new Utf8JsonWriter(_record, RecordJsonWriter.Options))
            RecordJsonWriter.Write(writer, partition, record, views);
        WriteData();
    }

    private void WriteData()
    {
        output.Write("data: "u8);
        // A line end inside a string is escaped, so each that is left is white space, and would end the event's line.
        Span<byte> room = output.GetSpan(_record.WrittenCount)[.._record.WrittenCount];
        _record.WrittenSpan.CopyTo(room);
        room.ReplaceAny(LineEnds, (byte)' ');
        output.Advance(room.Length);
        output.Write("\n"u8);
    }
}
