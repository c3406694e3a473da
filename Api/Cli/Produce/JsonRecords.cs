using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using OrleansStream.Client.Producing;
using OrleansStream.Client.Records;

namespace OrleansStream.Cli.Produce;

/// <summary>
/// Reads a record from a line of JSON as REST takes it, and as <c>consume --output json</c> writes it. The place that a record had is not where it
/// goes: that is the key's choice, or <c>--partition</c>.
/// </summary>
internal static class JsonRecords
{
    /// <summary>Makes a record of a line.</summary>
    /// <param name="line">The line's bytes, without its end.</param>
    /// <param name="number">Its number, for the error.</param>
    /// <exception cref="InvalidDataException">It is no such record; the message names the field.</exception>
    public static OutgoingRecord<ReadOnlyMemory<byte>> Parse(ReadOnlyMemory<byte> line, long number)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return Read(document.RootElement);
        }
        catch (Exception exception) when (exception is JsonException or FormatException or InvalidOperationException or ArgumentOutOfRangeException)
        {
            throw new InvalidDataException($"Line {number} is no record such as {{\"key\":\"k\",\"value\":{{…}}}}: {exception.Message}", exception);
        }
    }

    private static OutgoingRecord<ReadOnlyMemory<byte>> Read(JsonElement record)
    {
        if (record.ValueKind != JsonValueKind.Object)
            throw new FormatException("it is no object.");
        JsonElement key = default, value = default;
        string? keyType = null, valueType = null;
        List<StreamHeader>? headers = null;
        DateTimeOffset? timestamp = null;
        foreach (var field in record.EnumerateObject())
        {
            switch (field.Name)
            {
                case "key": key = field.Value; break;
                case "value": value = field.Value; break;
                case "key_type": keyType = field.Value.GetString(); break;
                case "value_type": valueType = field.Value.GetString(); break;
                case "headers": headers = [.. field.Value.EnumerateArray().Select(HeaderOf)]; break;
                case "timestamp": timestamp = TimestampOf(field.Value); break;
                case "topic" or "partition" or "offset": break;
                default: throw new FormatException($"it has a field '{field.Name}'.");
            }
        }

        if (value.ValueKind == JsonValueKind.Undefined)
            throw new FormatException("it has no value; null stores a tombstone.");
        return new OutgoingRecord<ReadOnlyMemory<byte>>(null, BytesOf(value, valueType ?? "json", "value"))
        {
            KeyBytes = key.ValueKind == JsonValueKind.Undefined ? null : Optional(BytesOf(key, keyType ?? "string", "key")),
            IsTombstone = value.ValueKind == JsonValueKind.Null,
            Headers = headers,
            Timestamp = timestamp,
        };
    }

    private static StreamHeader HeaderOf(JsonElement header) => new(
        header.TryGetProperty("key", out var key) && key.GetString() is { } name ? name : throw new FormatException("a header has no key."),
        header.TryGetProperty("value", out var value)
            ? Optional(BytesOf(value, header.TryGetProperty("value_type", out var type) ? type.GetString() : "string", "header"))
            : null);

    // A cast alone would turn null into an empty value.
    private static ReadOnlyMemory<byte>? Optional(byte[]? bytes) => bytes is null ? (ReadOnlyMemory<byte>?)null : bytes;

    private static byte[]? BytesOf(JsonElement value, string? type, string field) => (value.ValueKind, type) switch
    {
        (JsonValueKind.Null, _) => null,
        (_, "json") => JsonMarshal.GetRawUtf8Value(value).ToArray(),
        (JsonValueKind.String, "binary") => value.GetBytesFromBase64(),
        (JsonValueKind.String, "string") => Encoding.UTF8.GetBytes(value.GetString()!),
        (_, "string" or "binary") => throw new FormatException($"the {field} is no text, and its type is {type}."),
        _ => throw new FormatException($"the {field}'s type is '{type}'; the types are json, string and binary."),
    };

    private static DateTimeOffset? TimestampOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.Number => DateTimeOffset.FromUnixTimeMilliseconds(value.GetInt64()),
        _ => value.GetDateTimeOffset(),
    };
}
