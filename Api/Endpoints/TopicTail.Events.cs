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
                    hasId = SendUnreadable(partition, unreadable.Value, cursor);
                break;
            }

            if (record.Offset < cursor.NextOffset)
                continue;
            cursor.EndRecord(record.Offset);
            _positions[partition] = cursor.NextOffset;
            _left--;
            bool isLast = record.OffsetDelta == records.Header.LastOffsetDelta || _left == 0;
            hasId = WriteId(isLast);
            WriteRecord(partition, record);
        }

        // What was passed over at the end of a batch must not leave events without a place to resume from.
        if (!hasId && WriteId(isForced: true))
            output.Write("\n"u8);
    }

    private bool SendUnreadable(int partition, in UnreadableRecords unreadable, BatchCursor cursor)
    {
        _positions[partition] = cursor.NextOffset;
        _left--;
        _record.ResetWrittenCount();
        using (var writer = new Utf8JsonWriter(_record, RecordJsonWriter.Options))
            RecordJsonWriter.WriteUnreadable(writer, partition, unreadable);
        bool hasId = WriteId(isForced: true);
        WriteData();
        return hasId;
    }

    private bool WriteId(bool isForced)
    {
        _token.ResetWrittenCount();
        TailToken.Write(_positions, _token);
        if (_token.WrittenCount > Limits.TailTokenPerEventBytes && !isForced)
            return false;
        output.Write("id: "u8);
        output.Write(_token.WrittenSpan);
        output.Write("\n"u8);
        return true;
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
        output.Write("\n\n"u8);
    }
}
