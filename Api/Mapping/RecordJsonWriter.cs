using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using OrleansStream.Api.Errors;
using OrleansStream.Errors;
using OrleansStream.Groups;
using OrleansStream.Records;

namespace OrleansStream.Api.Mapping;

/// <summary>How keys and values are to appear.</summary>
/// <param name="KeyAs">The key's type.</param>
/// <param name="ValueAs">The value's type.</param>
internal readonly record struct PayloadViews(PayloadType KeyAs, PayloadType ValueAs);

/// <summary>
/// Writes stored records as JSON, straight from their batch's bytes. No record breaks it: bytes that are not what was asked for
/// appear as what they are, and the record says so.
/// </summary>
internal static class RecordJsonWriter
{
    private static readonly JsonEncodedText Topic = JsonEncodedText.Encode("topic");
    private static readonly JsonEncodedText Partition = JsonEncodedText.Encode("partition");
    private static readonly JsonEncodedText Offset = JsonEncodedText.Encode("offset");
    private static readonly JsonEncodedText Timestamp = JsonEncodedText.Encode("timestamp");
    private static readonly JsonEncodedText Key = JsonEncodedText.Encode("key");
    private static readonly JsonEncodedText KeyTypeName = JsonEncodedText.Encode("key_type");
    private static readonly JsonEncodedText Value = JsonEncodedText.Encode("value");
    private static readonly JsonEncodedText ValueTypeName = JsonEncodedText.Encode("value_type");
    private static readonly JsonEncodedText Headers = JsonEncodedText.Encode("headers");
    private static readonly JsonEncodedText StringType = JsonEncodedText.Encode("string");
    private static readonly JsonEncodedText JsonType = JsonEncodedText.Encode("json");
    private static readonly JsonEncodedText BinaryType = JsonEncodedText.Encode("binary");

    /// <summary>The options of a writer for records: text stays readable, and what is written is well-formed by construction.</summary>
    public static readonly JsonWriterOptions Options = new()
    {
        SkipValidation = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes a record.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="partition">The partition it is in.</param>
    /// <param name="record">The record.</param>
    /// <param name="views">How its key and value are to appear.</param>
    /// <param name="topic">The topic it is in, where the answer may hold several; else null.</param>
    /// <param name="story">What befell it before it came to wait where it is; null for nothing that is to be told.</param>
    /// <param name="attempt">Which attempt this is of one that waited in its own place.</param>
    public static void Write(
        Utf8JsonWriter writer, int partition, in RecordView record, PayloadViews views, string? topic = null, RetryStory? story = null,
        int attempt = 1)
    {
        writer.WriteStartObject();
        if (topic is not null)
            writer.WriteString(Topic, topic);
        writer.WriteNumber(Partition, partition);
        writer.WriteNumber(Offset, record.Offset);
        Span<byte> time = stackalloc byte[TimestampText.LengthBytes];
        if (TimestampText.TryWrite(record.TimestampMs, time))
            writer.WriteString(Timestamp, time);
        else
            writer.WriteNull(Timestamp);
        WritePayload(writer, Key, KeyTypeName, record.HasKey, record.Key, KeyView(views.KeyAs));
        WritePayload(writer, Value, ValueTypeName, record.HasValue, record.Value, views.ValueAs);
        writer.WriteStartArray(Headers);
        if (record.HeaderCount > 0)
            WriteHeaders(writer, record);
        writer.WriteEndArray();
        if (story is not null)
            WriteStory(writer, story);
        else if (attempt > 1)
            writer.WriteNumber("attempt"u8, attempt);
        writer.WriteEndObject();
    }

    /// <summary>Writes the one entry that stands for records that cannot be read.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="partition">The partition they are in.</param>
    /// <param name="unreadable">Which, and why.</param>
    /// <param name="topic">The topic they are in, where the answer may hold several; else null.</param>
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

    // A key is a name: "007" must not come back as a number because it happens to look like one.
    private static PayloadType KeyView(PayloadType asked) => asked == PayloadType.Auto ? PayloadType.String : asked;

    private static void WriteHeaders(Utf8JsonWriter writer, in RecordView record)
    {
        foreach (RecordHeaderView header in record.Headers)
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
    }

    private static void WritePayload(
        Utf8JsonWriter writer, JsonEncodedText name, JsonEncodedText typeName, bool isPresent, ReadOnlySpan<byte> bytes,
        PayloadType asked)
    {
        if (!isPresent)
        {
            writer.WriteNull(name);
            return;
        }

        if (asked is PayloadType.Auto or PayloadType.Json && JsonText.IsValid(bytes))
        {
            writer.WritePropertyName(name);
            WriteJson(writer, bytes);
            writer.WriteString(typeName, JsonType);
        }
        else if (asked != PayloadType.Binary && Utf8.IsValid(bytes))
        {
            writer.WriteString(name, bytes);
            writer.WriteString(typeName, StringType);
        }
        else
        {
            writer.WriteBase64String(name, bytes);
            writer.WriteString(typeName, BinaryType);
        }
    }

    // As it was sent, but for line ends that JSON knows nothing of, and many readers of lines do: they are escaped, as in all other text.
    private static void WriteJson(Utf8JsonWriter writer, ReadOnlySpan<byte> json)
    {
        if (UnicodeLineEnds.Find(json, 0) < 0)
        {
            writer.WriteRawValue(json, skipInputValidation: true);
            return;
        }

        byte[] escaped = ArrayPool<byte>.Shared.Rent(UnicodeLineEnds.EscapedBytesMax(json.Length));
        writer.WriteRawValue(escaped.AsSpan(0, UnicodeLineEnds.Escape(json, escaped)), skipInputValidation: true);
        ArrayPool<byte>.Shared.Return(escaped);
    }
}
