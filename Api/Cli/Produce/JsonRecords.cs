using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using OrleansStream.Client.Producing;
using OrleansStream.Client.Records;
using OrleansStream.Contracts;

namespace OrleansStream.Cli.Produce;

/// <summary>
/// Reads a record from a line of JSON by REST's rules and in REST's words, and as <c>consume --output json</c> writes it. The place that a record
/// had is not where it goes: that is the key's choice, or <c>--partition</c>.
/// </summary>
internal static class JsonRecords
{
    private const string Fields = "key, value, headers, timestamp, partition, key_type, value_type";
    private const string HeaderFields = "key, value, key_type, value_type";
    private const string TimestampForms =
        "an RFC 3339 time with its offset such as \"2026-06-11T19:20:00Z\", or milliseconds since 1970 as an integer from 0";

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
        catch (Exception exception) when (exception is JsonException or FormatException or InvalidOperationException)
        {
            throw new InvalidDataException($"Line {number} is no record such as {{\"key\":\"k\",\"value\":{{…}}}}: {exception.Message}", exception);
        }
    }

    private static OutgoingRecord<ReadOnlyMemory<byte>> Read(JsonElement record)
    {
        if (record.ValueKind != JsonValueKind.Object)
            throw new FormatException($"It is {KindOf(record)}; expected an object with the fields {Fields}.");
        JsonElement key = default, value = default;
        string keyType = "string", valueType = "json";
        List<StreamHeader>? headers = null;
        DateTimeOffset? timestamp = null;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var field in record.EnumerateObject())
        {
            SeeOnce(seen, field.Name, field.Name);
            switch (field.Name)
            {
                case "key": key = field.Value; break;
                case "value": value = field.Value; break;
                case "key_type": keyType = TypeOf(field.Value, "key_type") ?? keyType; break;
                case "value_type": valueType = TypeOf(field.Value, "value_type") ?? valueType; break;
                case "headers": headers = HeadersOf(field.Value); break;
                case "timestamp": timestamp = TimestampOf(field.Value); break;
                // The place that it had.
                case "topic" or "partition" or "offset": break;
                default: throw Unknown(field.Name, Fields);
            }
        }

        if (value.ValueKind == JsonValueKind.Undefined)
            throw new FormatException("'value' is missing. For a tombstone send null.");
        return new OutgoingRecord<ReadOnlyMemory<byte>>(null, BytesOf(value, valueType, "value", "value_type"))
        {
            KeyBytes = key.ValueKind == JsonValueKind.Undefined ? null : Optional(BytesOf(key, keyType, "key", "key_type")),
            IsTombstone = value.ValueKind == JsonValueKind.Null,
            Headers = headers,
            Timestamp = timestamp,
        };
    }

    private static List<StreamHeader>? HeadersOf(JsonElement headers)
    {
        if (headers.ValueKind == JsonValueKind.Null)
            return null;
        if (headers.ValueKind != JsonValueKind.Array)
            throw WrongKind("headers", headers, $"an array of objects with the fields {HeaderFields}");
        if (headers.GetArrayLength() > ProducerLimits.HeadersMax)
            throw new FormatException($"A record has at most {ProducerLimits.HeadersMax} headers.");
        return [.. headers.EnumerateArray().Select(HeaderOf)];
    }

    private static StreamHeader HeaderOf(JsonElement header, int index)
    {
        var path = $"headers[{index}]";
        if (header.ValueKind != JsonValueKind.Object)
            throw WrongKind(path, header, $"an object with the fields {HeaderFields}");
        JsonElement key = default, value = default;
        string keyType = "string", valueType = "string";
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var field in header.EnumerateObject())
        {
            var name = $"{path}.{field.Name}";
            SeeOnce(seen, field.Name, name);
            switch (field.Name)
            {
                case "key" when field.Value.ValueKind == JsonValueKind.String: key = field.Value; break;
                case "key": throw WrongKind(name, field.Value, "a string");
                case "value" when field.Value.ValueKind is JsonValueKind.String or JsonValueKind.Null: value = field.Value; break;
                case "value": throw WrongKind(name, field.Value, "a string or null");
                case "key_type": keyType = HeaderTypeOf(field.Value, name); break;
                case "value_type": valueType = HeaderTypeOf(field.Value, name); break;
                default: throw Unknown(name, HeaderFields);
            }
        }

        if (key.ValueKind == JsonValueKind.Undefined)
            throw new FormatException($"'{path}.key' is missing.");
        if (value.ValueKind == JsonValueKind.Undefined)
            throw new FormatException($"'{path}.value' is missing. For no value send null.");
        return new StreamHeader(
            keyType == "binary" ? TextOf(Decode(key, $"{path}.key"), $"{path}.key") : key.GetString()!,
            Optional(BytesOf(value, valueType, $"{path}.value", $"{path}.value_type")));
    }

    private static void SeeOnce(HashSet<string> seen, string name, string path)
    {
        if (!seen.Add(name))
            throw new FormatException($"'{path}' comes twice. Each field may come once.");
    }

    // A cast alone would turn null into an empty value.
    private static ReadOnlyMemory<byte>? Optional(byte[]? bytes) => bytes is null ? (ReadOnlyMemory<byte>?)null : bytes;

    private static byte[]? BytesOf(JsonElement value, string type, string path, string typeName) => (value.ValueKind, type) switch
    {
        (JsonValueKind.Null, _) => null,
        (_, "json") => JsonMarshal.GetRawUtf8Value(value).ToArray(),
        (JsonValueKind.String, "binary") => Decode(value, path),
        (JsonValueKind.String, _) => Encoding.UTF8.GetBytes(value.GetString()!),
        _ => throw WrongKind(path, value, $"{(type == "string" ? "a JSON string" : "base64 in a JSON string")}, since {typeName} is \"{type}\""),
    };

    // .NET passes over white space; what is cut or pasted with some is more likely damaged than meant.
    private static byte[] Decode(JsonElement value, string path) =>
        !value.GetString()!.Any(char.IsWhiteSpace) && value.TryGetBytesFromBase64(out var bytes)
            ? bytes
            : throw new FormatException($"'{path}' is not base64 (RFC 4648 with padding, no white space): \"{value.GetString()}\".");

    private static string TextOf(byte[] bytes, string path)
    {
        try
        {
            return new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw new FormatException($"'{path}' is not UTF-8, and this program sends no other names of headers.");
        }
    }

    private static string? TypeOf(JsonElement value, string path) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String when value.GetString() is "string" or "json" or "binary" => value.GetString(),
        JsonValueKind.String => throw new FormatException($"'{path}' is \"{value.GetString()}\"; expected \"string\", \"json\" or \"binary\"."),
        _ => throw WrongKind(path, value, "\"string\", \"json\" or \"binary\""),
    };

    private static string HeaderTypeOf(JsonElement value, string path) => value.ValueKind switch
    {
        JsonValueKind.Null => "string",
        JsonValueKind.String when value.GetString() is "string" or "binary" => value.GetString()!,
        _ => throw new FormatException($"'{path}' must be \"string\" or \"binary\"."),
    };

    private static DateTimeOffset? TimestampOf(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return null;
        var ms = 0L;
        var isTime = value.ValueKind switch
        {
            JsonValueKind.Number => value.TryGetInt64(out ms) && ms is >= 0 and <= TimestampText.MsMax,
            JsonValueKind.String => TimestampText.TryRead(Encoding.UTF8.GetBytes(value.GetString()!), out ms),
            _ => false,
        };
        return isTime ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : throw new FormatException($"'timestamp' must be {TimestampForms}.");
    }

    private static FormatException Unknown(string path, string allowed) => new($"There is no field '{path}'. Allowed: {allowed}.");

    private static FormatException WrongKind(string path, JsonElement value, string expected) => new($"'{path}' is {KindOf(value)}; expected {expected}.");

    private static string KindOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "a boolean",
    };
}
