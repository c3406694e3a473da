using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using OrleansStream.Client.Records;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Consuming;

/// <summary>Reads records in JSON.</summary>
internal sealed partial class PollAnswerReader
{
    private PolledRecord ReadRecord(ref Utf8JsonReader reader)
    {
        (var topic, var partition, var offset, var attempt, var lastOffset) = ("", 0, 0L, 1, 0L);
        long? timestampMs = null;
        (ReadOnlyMemory<byte>? key, ReadOnlyMemory<byte>? value) = (null, null);
        IReadOnlyList<StreamHeader>? headers = null;
        RecordPlace? origin = null;
        string? unreadable = null;
        while (NextField(ref reader, out var name))
        {
            if (name.SequenceEqual("value"u8))
                value = Bytes(ref reader);
            else if (name.SequenceEqual("key"u8))
                key = Bytes(ref reader) is { } bytes ? _keys.Keep(bytes.Span) : (ReadOnlyMemory<byte>?)null;
            else if (name.SequenceEqual("offset"u8))
                offset = reader.GetInt64();
            else if (name.SequenceEqual("partition"u8))
                partition = reader.GetInt32();
            else if (name.SequenceEqual("topic"u8))
                topic = Topic(ref reader);
            else if (name.SequenceEqual("timestamp"u8))
                timestampMs = reader.TokenType == JsonTokenType.String && TimestampText.TryRead(reader.ValueSpan, out var ms) ? ms : null;
            else if (name.SequenceEqual("headers"u8))
                headers = ReadHeaders(ref reader);
            else if (name.SequenceEqual("attempt"u8))
                attempt = reader.GetInt32();
            else if (name.SequenceEqual("last_offset"u8))
                lastOffset = reader.GetInt64();
            else if (name.SequenceEqual("origin"u8))
                origin = ReadOrigin(ref reader);
            else if (name.SequenceEqual("error"u8))
                unreadable = ReadDetail(ref reader);
            else
                reader.Skip();
        }

        return new PolledRecord
        {
            Place = new RecordPlace(topic, partition, offset),
            TimestampMs = timestampMs,
            Key = key,
            Value = value,
            Headers = headers,
            Attempt = attempt,
            Origin = origin,
            Unreadable = unreadable,
            LastOffset = lastOffset,
        };
    }

    private static List<StreamHeader> ReadHeaders(ref Utf8JsonReader reader)
    {
        var headers = new List<StreamHeader>();
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            (string? key, string? value, var isKeyBinary, var isValueBinary) = (null, null, false, false);
            while (NextField(ref reader, out var name))
            {
                if (name.SequenceEqual("key"u8))
                    key = reader.GetString();
                else if (name.SequenceEqual("value"u8))
                    value = reader.GetString();
                else if (name.SequenceEqual("key_type"u8))
                    isKeyBinary = reader.ValueTextEquals("binary"u8);
                else if (name.SequenceEqual("value_type"u8))
                    isValueBinary = reader.ValueTextEquals("binary"u8);
                else
                    reader.Skip();
            }

            ReadOnlyMemory<byte>? bytes = null;
            if (value is not null)
                bytes = isValueBinary ? Convert.FromBase64String(value) : Encoding.UTF8.GetBytes(value);
            headers.Add(new StreamHeader(isKeyBinary ? Encoding.UTF8.GetString(Convert.FromBase64String(key!)) : key!, bytes));
        }

        return headers;
    }

    private static RecordPlace ReadOrigin(ref Utf8JsonReader reader)
    {
        (var topic, var partition, var offset) = ("", 0, 0L);
        while (NextField(ref reader, out var name))
        {
            if (name.SequenceEqual("topic"u8))
                topic = reader.GetString()!;
            else if (name.SequenceEqual("partition"u8))
                partition = reader.GetInt32();
            else if (name.SequenceEqual("offset"u8))
                offset = reader.GetInt64();
            else
                reader.Skip();
        }

        return new RecordPlace(topic, partition, offset);
    }

    private static string ReadDetail(ref Utf8JsonReader reader)
    {
        var detail = "";
        while (NextField(ref reader, out var name))
        {
            if (name.SequenceEqual("detail"u8))
                detail = reader.GetString()!;
            else
                reader.Skip();
        }

        return detail;
    }

    private Memory<byte>? Bytes(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return null;
        if (reader.TokenType != JsonTokenType.String)
            throw new FormatException("A key or a value is not base64.");
        if (reader.ValueIsEscaped)
            return reader.GetBytesFromBase64();
        // The reader has passed these bytes, and does not look back.
        var text = _bytes.Slice((int)reader.TokenStartIndex + 1, reader.ValueSpan.Length);
        return Base64.DecodeFromUtf8InPlace(text.Span, out var lengthBytes) == OperationStatus.Done
            ? text[..lengthBytes]
            : throw new FormatException("A key or a value is not base64.");
    }
}
