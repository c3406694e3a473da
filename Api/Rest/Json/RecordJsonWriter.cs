using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Groups;
using OrleansStream.HttpErrors;
using OrleansStream.Records;

namespace OrleansStream.Rest.Json;

/// <summary>The form of keys and values.</summary>
internal readonly record struct PayloadViews(PayloadType KeyAs, PayloadType ValueAs);

/// <summary>
/// Writes stored records as JSON, directly from the bytes of their batch. It succeeds for every record: bytes that do not have the form asked for are
/// written in the form that they have, and the record names it.
/// </summary>
internal static class RecordJsonWriter
{
    internal static readonly JsonEncodedText Key = JsonEncodedText.Encode("key");
    internal static readonly JsonEncodedText KeyTypeName = JsonEncodedText.Encode("key_type");
    internal static readonly JsonEncodedText Value = JsonEncodedText.Encode("value");
    internal static readonly JsonEncodedText ValueTypeName = JsonEncodedText.Encode("value_type");
    internal static readonly JsonEncodedText Headers = JsonEncodedText.Encode("headers");
    internal static readonly SearchValues<byte> LineEnds = SearchValues.Create("\r\n"u8);
    private static readonly JsonEncodedText Topic = JsonEncodedText.Encode("topic");
    private static readonly JsonEncodedText Partition = JsonEncodedText.Encode("partition");
    private static readonly JsonEncodedText Offset = JsonEncodedText.Encode("offset");
    private static readonly JsonEncodedText Timestamp = JsonEncodedText.Encode("timestamp");
    private static readonly JsonEncodedText StringType = JsonEncodedText.Encode("string");
    private static readonly JsonEncodedText JsonType = JsonEncodedText.Encode("json");
    private static readonly JsonEncodedText BinaryType = JsonEncodedText.Encode("binary");

    /// <summary>The options of a writer for records. Text stays readable, and the output is well-formed without validation.</summary>
    public static readonly JsonWriterOptions Options = new()
    {
        SkipValidation = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes a record.</summary>
    /// <param name="writer">Takes the JSON.</param>
    /// <param name="partition">The partition of the record.</param>
    /// <param name="record">The record as it is stored.</param>
    /// <param name="views">The form of its key and value.</param>
    /// <param name="topic">The topic of the record, if the answer may have several topics; else null.</param>
    /// <param name="story">The history of a record from a retry topic; null when there is none to tell.</param>
    /// <param name="attempt">The number of this attempt, for a record that waited in place.</param>
    /// <param name="isOneLine">True when the JSON must have no line end.</param>
    public static void Write(
        Utf8JsonWriter writer, int partition, in RecordView record, PayloadViews views, string? topic = null, RetryStory? story = null,
        int attempt = 1, bool isOneLine = false)
    {
        WriteHead(writer, partition, record.Offset, record.TimestampMs, topic);
        WritePayload(writer, Key, KeyTypeName, record.HasKey, record.Key, KeyView(views.KeyAs), isOneLine);
        WritePayload(writer, Value, ValueTypeName, record.HasValue, record.Value, views.ValueAs, isOneLine);
        writer.WriteStartArray(Headers);
        if (record.HeaderCount > 0)
        {
            foreach (var header in record.Headers)
                WriteHeader(writer, header);
        }

        writer.WriteEndArray();
        WriteEnd(writer, story, attempt);
    }

    /// <summary>Writes the fields before a record's key.</summary>
    /// <param name="writer">Takes the JSON.</param>
    /// <param name="partition">The partition of the record.</param>
    /// <param name="offset">The offset of the record.</param>
    /// <param name="timestampMs">Its time, in milliseconds since the Unix epoch.</param>
    /// <param name="topic">The topic of the record, if the answer may have several topics; else null.</param>
    public static void WriteHead(Utf8JsonWriter writer, int partition, long offset, long timestampMs, string? topic)
    {
        writer.WriteStartObject();
        if (topic is not null)
            writer.WriteString(Topic, topic);
        writer.WriteNumber(Partition, partition);
        writer.WriteNumber(Offset, offset);
        Span<byte> time = stackalloc byte[TimestampText.LengthBytes];
        if (TimestampText.TryWrite(timestampMs, time))
            writer.WriteString(Timestamp, time);
        else
            writer.WriteNull(Timestamp);
    }

    /// <summary>Writes the fields after a record's headers.</summary>
    /// <param name="writer">Takes the JSON.</param>
    /// <param name="story">The history of a record from a retry topic; null when there is none to tell.</param>
    /// <param name="attempt">The number of this attempt, for a record that waited in place.</param>
    public static void WriteEnd(Utf8JsonWriter writer, RetryStory? story, int attempt)
    {
        if (story is not null)
            WriteStory(writer, story);
        else if (attempt > 1)
            writer.WriteNumber("attempt"u8, attempt);
        writer.WriteEndObject();
    }

    /// <summary>The form of a payload: the form asked for if its bytes have it, else the form that they have.</summary>
    public static PayloadType FormOf(ReadOnlySpan<byte> bytes, PayloadType asked)
    {
        if (asked is PayloadType.Auto or PayloadType.Json && JsonText.IsValid(bytes))
            return PayloadType.Json;
        return asked != PayloadType.Binary && Utf8.IsValid(bytes) ? PayloadType.String : PayloadType.Binary;
    }

    /// <summary>Writes one entry in place of records that cannot be read.</summary>
    /// <param name="writer">Takes the JSON.</param>
    /// <param name="partition">The partition of the records.</param>
    /// <param name="unreadable">Which records, and why they cannot be read.</param>
    /// <param name="topic">The topic of the records, if the answer may have several topics; else null.</param>
    public static void WriteUnreadable(Utf8JsonWriter writer, int partition, in UnreadableRecords unreadable, string? topic = null)
    {
        writer.WriteStartObject();
        if (topic is not null)
            writer.WriteString(Topic, topic);
        writer.WriteNumber(Partition, partition);
        writer.WriteNumber(Offset, unreadable.Offset);
        writer.WriteNumber("last_offset"u8, unreadable.LastOffset);
        writer.WriteStartObject("error"u8);
        writer.WriteString("error_code"u8, ErrorMap.NameOf(StreamErrorCode.CorruptMessage));
        writer.WriteString("detail"u8, unreadable.Detail);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteStory(Utf8JsonWriter writer, RetryStory story)
    {
        writer.WriteNumber("attempt"u8, story.Attempt);
        writer.WriteStartObject("origin"u8);
        writer.WriteString(Topic, story.Topic);
        writer.WriteNumber(Partition, story.Partition);
        writer.WriteNumber(Offset, story.Offset);
        writer.WriteEndObject();
    }

    /// <summary>The form of a key. A key is a name, so "007" must not become a number because it looks like one.</summary>
    public static PayloadType KeyView(PayloadType asked) => asked == PayloadType.Auto ? PayloadType.String : asked;

    public static void WriteHeader(Utf8JsonWriter writer, in RecordHeaderView header)
    {
        writer.WriteStartObject();
        if (Utf8.IsValid(header.Key))
        {
            writer.WriteString(Key, header.Key);
        }
        else
        {
            writer.WriteBase64String(Key, header.Key);
            writer.WriteString(KeyTypeName, BinaryType);
        }

        if (!header.HasValue)
        {
            writer.WriteNull(Value);
        }
        else if (Utf8.IsValid(header.Value))
        {
            writer.WriteString(Value, header.Value);
        }
        else
        {
            writer.WriteBase64String(Value, header.Value);
            writer.WriteString(ValueTypeName, BinaryType);
        }

        writer.WriteEndObject();
    }

    /// <summary>
    /// Writes a JSON value as its text was sent, except for line ends. Unicode's line ends, which JSON does not treat as such but many readers of
    /// lines do, are escaped. If the output must be one line, the other line ends, which can only be white space, become spaces.
    /// </summary>
    /// <param name="writer">Takes the JSON.</param>
    /// <param name="text">The text, or its beginning.</param>
    /// <param name="isOneLine">True when the JSON must have no line end.</param>
    public static void WriteJson(Utf8JsonWriter writer, ReadOnlySpan<byte> text, bool isOneLine)
    {
        if (IsCopiedAsItIs(text, isOneLine))
        {
            writer.WriteRawValue(text, skipInputValidation: true);
            return;
        }

        var copy = ArrayPool<byte>.Shared.Rent(UnicodeLineEnds.EscapedBytesMax(text.Length));
        writer.WriteRawValue(copy.AsSpan(0, CopyJson(text, copy, isOneLine)), skipInputValidation: true);
        ArrayPool<byte>.Shared.Return(copy);
    }

    /// <summary>Whether a JSON text, or whole characters of it, can be written without a change.</summary>
    /// <param name="text">Valid JSON in UTF-8, or whole characters of it.</param>
    /// <param name="isOneLine">As in <see cref="WriteJson"/>.</param>
    public static bool IsCopiedAsItIs(ReadOnlySpan<byte> text, bool isOneLine) =>
        UnicodeLineEnds.Find(text, 0) < 0 && !(isOneLine && text.ContainsAny(LineEnds));

    /// <summary>Copies a JSON text, or whole characters of it, as <see cref="WriteJson"/> writes it.</summary>
    /// <param name="text">Valid JSON in UTF-8, or whole characters of it.</param>
    /// <param name="destination">At least <see cref="UnicodeLineEnds.EscapedBytesMax"/> long.</param>
    /// <param name="isOneLine">As in <see cref="WriteJson"/>.</param>
    /// <returns>The length of the copy, in bytes.</returns>
    public static int CopyJson(ReadOnlySpan<byte> text, Span<byte> destination, bool isOneLine)
    {
        var length = UnicodeLineEnds.Escape(text, destination);
        if (isOneLine)
            destination[..length].ReplaceAny(LineEnds, (byte)' ');
        return length;
    }

    /// <summary>The name of a form in answers.</summary>
    /// <param name="form">The form.</param>
    public static JsonEncodedText NameOf(PayloadType form) => form switch
    {
        PayloadType.Json => JsonType,
        PayloadType.String => StringType,
        _ => BinaryType,
    };

    private static void WritePayload(
        Utf8JsonWriter writer, JsonEncodedText name, JsonEncodedText typeName, bool isPresent, ReadOnlySpan<byte> bytes,
        PayloadType asked, bool isOneLine)
    {
        if (!isPresent)
        {
            writer.WriteNull(name);
            return;
        }

        var form = FormOf(bytes, asked);
        switch (form)
        {
            case PayloadType.Json:
                writer.WritePropertyName(name);
                WriteJson(writer, bytes, isOneLine);
                break;
            case PayloadType.String:
                writer.WriteString(name, bytes);
                break;
            default:
                writer.WriteBase64String(name, bytes);
                break;
        }

        writer.WriteString(typeName, NameOf(form));
    }
}
