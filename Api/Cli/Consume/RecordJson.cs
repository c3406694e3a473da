using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using OrleansStream.Client.Consuming;
using OrleansStream.Contracts;

namespace OrleansStream.Cli.Consume;

/// <summary>
/// Writes records as REST does, an object a line: a value is JSON where its bytes are, else text where they are UTF-8, else base64.
/// <c>produce --input ndjson</c> takes these lines.
/// </summary>
internal sealed class RecordJson : IDisposable
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };
    private static readonly SearchValues<byte> LineEnds = SearchValues.Create("\r\n"u8);

    private Utf8JsonWriter? _json;

    /// <summary>Writes a record and a line's end.</summary>
    public void Write(ConsumedRecord<byte[]> record, IBufferWriter<byte> output)
    {
        var json = _json ??= new Utf8JsonWriter(output, Readable);
        json.Reset(output);
        json.WriteStartObject();
        json.WriteString("topic"u8, record.Topic);
        json.WriteNumber("partition"u8, record.Partition);
        json.WriteNumber("offset"u8, record.Offset);
        WriteTimestamp(json, record.Timestamp);
        WriteKey(json, record.KeyBytes);
        WriteValue(json, record);
        WriteHeaders(json, record);
        json.WriteEndObject();
        json.Flush();
        output.Write("\n"u8);
    }

    /// <inheritdoc/>
    public void Dispose() => _json?.Dispose();

    private static void WriteTimestamp(Utf8JsonWriter json, DateTimeOffset? timestamp)
    {
        Span<byte> text = stackalloc byte[TimestampText.LengthBytes];
        if (timestamp is { } time && TimestampText.TryWrite(time.ToUnixTimeMilliseconds(), text))
            json.WriteString("timestamp"u8, text);
        else
            json.WriteNull("timestamp"u8);
    }

    private static void WriteKey(Utf8JsonWriter json, ReadOnlyMemory<byte>? key)
    {
        if (key is not { } bytes)
            json.WriteNull("key"u8);
        else
            WriteText(json, "key", bytes.Span);
    }

    private static void WriteValue(Utf8JsonWriter json, ConsumedRecord<byte[]> record)
    {
        if (record.IsTombstone)
        {
            json.WriteNull("value"u8);
            return;
        }

        if (!IsJson(record.Value))
        {
            WriteText(json, "value", record.Value);
            return;
        }

        json.WritePropertyName("value"u8);
        if (record.Value.AsSpan().ContainsAny(LineEnds))
        {
            using var document = JsonDocument.Parse(record.Value);
            document.RootElement.WriteTo(json);
        }
        else
        {
            json.WriteRawValue(record.Value, skipInputValidation: true);
        }

        json.WriteString("value_type"u8, "json"u8);
    }

    private static void WriteHeaders(Utf8JsonWriter json, ConsumedRecord<byte[]> record)
    {
        if (record.Headers.Count == 0)
            return;
        json.WriteStartArray("headers"u8);
        foreach (var header in record.Headers)
        {
            json.WriteStartObject();
            json.WriteString("key"u8, header.Key);
            if (header.Value is not { } value)
            {
                json.WriteNull("value"u8);
            }
            else if (Utf8.IsValid(value.Span))
            {
                json.WriteString("value"u8, value.Span);
            }
            else
            {
                json.WriteBase64String("value"u8, value.Span);
                json.WriteString("value_type"u8, "binary"u8);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteText(Utf8JsonWriter json, string name, ReadOnlySpan<byte> bytes)
    {
        var isText = Utf8.IsValid(bytes);
        if (isText)
            json.WriteString(name, bytes);
        else
            json.WriteBase64String(name, bytes);
        json.WriteString($"{name}_type", isText ? "string"u8 : "binary"u8);
    }

    private static bool IsJson(ReadOnlySpan<byte> bytes)
    {
        var reader = new Utf8JsonReader(bytes);
        try
        {
            var any = false;
            while (reader.Read())
            {
                any = true;
                // Half of a surrogate pair can be escaped, and is no text.
                if (reader is { TokenType: JsonTokenType.String or JsonTokenType.PropertyName, ValueIsEscaped: true })
                    reader.GetString();
            }

            return any && Utf8.IsValid(bytes);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return false;
        }
    }
}
