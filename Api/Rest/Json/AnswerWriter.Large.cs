using System.Text.Json;
using OrleansStream.Groups;
using OrleansStream.Records;

namespace OrleansStream.Rest.Json;

/// <summary>Writes a large record in pieces, with the answer sent in between. The JSON is the same as for any other record.</summary>
internal sealed partial class AnswerWriter
{
    private const int Utf8CharacterBytesMax = 4;

    private async ValueTask WriteAsync(LargeRecord record)
    {
        RecordJsonWriter.WriteHead(Json, record.Partition, record.Offset, record.TimestampMs, record.Topic);
        await WritePayloadAsync(RecordJsonWriter.Key, RecordJsonWriter.KeyTypeName, record.Key, RecordJsonWriter.KeyView(record.Views.KeyAs));
        await WritePayloadAsync(RecordJsonWriter.Value, RecordJsonWriter.ValueTypeName, record.Value, record.Views.ValueAs);
        Json.WriteStartArray(RecordJsonWriter.Headers);
        await WriteHeadersAsync(record.EncodedHeaders);
        Json.WriteEndArray();
        RecordJsonWriter.WriteEnd(Json, record.Story, record.Attempt);
    }

    private async ValueTask WritePayloadAsync(JsonEncodedText name, JsonEncodedText typeName, ReadOnlyMemory<byte>? bytes, PayloadType asked)
    {
        if (bytes is not { } payload)
        {
            Json.WriteNull(name);
            return;
        }

        var form = RecordJsonWriter.FormOf(payload.Span, asked);
        await WritePiecesAsync(name, payload, form);
        Json.WriteString(typeName, RecordJsonWriter.NameOf(form));
    }

    private async ValueTask WriteHeadersAsync(ReadOnlyMemory<byte> encoded)
    {
        var place = new RecordHeaderEnumerator(encoded.Span).Place;
        while (place.Left > 0)
        {
            if (WriteHeaders(encoded, ref place) is { } header)
                await WriteLargeHeaderAsync(header.Key, header.Value);
            if (IsFlushDue)
                await FlushAsync();
        }
    }

    /// <summary>Writes headers until the answer must be sent, or until a large header.</summary>
    /// <returns>The large header, which is not written yet; null when there is none.</returns>
    private (ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte>? Value)? WriteHeaders(ReadOnlyMemory<byte> encoded, ref RecordHeaderPlace place)
    {
        var headers = new RecordHeaderEnumerator(encoded.Span, place);
        while (!IsFlushDue && headers.MoveNext())
        {
            place = headers.Place;
            var header = headers.Current;
            if (header.Key.Length + (long)header.Value.Length > JsonLimits.ResponsePieceBytes)
            {
                return (LargeRecord.MemoryOf(encoded, header.Key), header.HasValue ? LargeRecord.MemoryOf(encoded, header.Value)
                    : LargeRecord.NoBytes);
            }

            RecordJsonWriter.WriteHeader(Json, header);
        }

        return null;
    }

    private async ValueTask WriteLargeHeaderAsync(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte>? value)
    {
        Json.WriteStartObject();
        var keyForm = RecordJsonWriter.FormOf(key.Span, PayloadType.String);
        await WritePiecesAsync(RecordJsonWriter.Key, key, keyForm);
        if (keyForm == PayloadType.Binary)
            Json.WriteString(RecordJsonWriter.KeyTypeName, RecordJsonWriter.NameOf(keyForm));
        if (value is { } bytes)
        {
            var form = RecordJsonWriter.FormOf(bytes.Span, PayloadType.String);
            await WritePiecesAsync(RecordJsonWriter.Value, bytes, form);
            if (form == PayloadType.Binary)
                Json.WriteString(RecordJsonWriter.ValueTypeName, RecordJsonWriter.NameOf(form));
        }
        else
        {
            Json.WriteNull(RecordJsonWriter.Value);
        }

        Json.WriteEndObject();
    }

    private async ValueTask WritePiecesAsync(JsonEncodedText name, ReadOnlyMemory<byte> bytes, PayloadType form)
    {
        Json.WritePropertyName(name);
        var at = 0;
        do
        {
            var length = PieceLength(bytes.Span[at..]);
            WritePiece(bytes.Span.Slice(at, length), form, isFirst: at == 0, isLast: at + length == bytes.Length);
            at += length;
            if (IsFlushDue)
                await FlushAsync();
        }
        while (at < bytes.Length);
    }

    private void WritePiece(ReadOnlySpan<byte> piece, PayloadType form, bool isFirst, bool isLast)
    {
        if (form == PayloadType.String)
            Json.WriteStringValueSegment(piece, isLast);
        else if (form == PayloadType.Binary)
            Json.WriteBase64StringSegment(piece, isLast);
        else if (isFirst)
            RecordJsonWriter.WriteJson(Json, piece, isOneLine);
        else
            WriteJsonOn(piece);
    }

    // Text is cut between characters, because the handling of a character must not depend on where a piece ends. Other bytes may be cut anywhere.
    private static int PieceLength(ReadOnlySpan<byte> rest)
    {
        if (rest.Length <= JsonLimits.ResponsePieceBytes)
            return rest.Length;
        var length = JsonLimits.ResponsePieceBytes;
        while (length > JsonLimits.ResponsePieceBytes - Utf8CharacterBytesMax && (rest[length] & 0xC0) == 0x80)
            length--;
        return length;
    }

    // The JSON writer takes the first piece for the whole value. The other pieces are written to the output directly.
    private void WriteJsonOn(ReadOnlySpan<byte> piece)
    {
        Json.Flush();
        var length = piece.Length;
        if (RecordJsonWriter.IsCopiedAsItIs(piece, isOneLine))
            piece.CopyTo(output.GetSpan(length));
        else
            length = RecordJsonWriter.CopyJson(piece, output.GetSpan(UnicodeLineEnds.EscapedBytesMax(length)), isOneLine);
        output.Advance(length);
        _lengthBefore += length;
    }
}

/// <summary>A record that is too large to be written at once. It is valid as long as its batch is open.</summary>
internal sealed record LargeRecord(
    int Partition, long Offset, long TimestampMs, ReadOnlyMemory<byte>? Key, ReadOnlyMemory<byte>? Value, ReadOnlyMemory<byte> EncodedHeaders,
    PayloadViews Views, string? Topic, RetryStory? Story, int Attempt)
{
    /// <summary>A payload that is null. The literal null would convert to an empty payload, through a null array.</summary>
    public static ReadOnlyMemory<byte>? NoBytes => null;

    /// <summary>Remembers a record to be written later.</summary>
    public static LargeRecord Of(
        OpenBatch batch, int partition, in RecordView record, PayloadViews views, string? topic, RetryStory? story, int attempt) => new(
        partition, record.Offset, record.TimestampMs, record.HasKey ? batch.MemoryOf(record.Key) : NoBytes,
        record.HasValue ? batch.MemoryOf(record.Value) : NoBytes, batch.MemoryOf(record.EncodedHeaders), views, topic, story, attempt);

    /// <summary>The part of a memory that a span covers.</summary>
    /// <param name="all">The memory.</param>
    /// <param name="part">A span over a part of it.</param>
    public static ReadOnlyMemory<byte> MemoryOf(ReadOnlyMemory<byte> all, ReadOnlySpan<byte> part) =>
        all.Span.Overlaps(part, out var at) ? all.Slice(at, part.Length) : default;
}
