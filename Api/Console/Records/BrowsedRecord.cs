using System.Text.Json;

namespace OrleansStream.WebConsole.Records;

/// <summary>A record as the console shows it.</summary>
/// <param name="Partition">The partition it is in.</param>
/// <param name="Offset">Its place in the partition.</param>
/// <param name="Timestamp">Its time; null for one that no calendar knows.</param>
/// <param name="Key">Its key as text; null for none.</param>
/// <param name="Value">Its value: JSON as it was sent, text, or base64; null for a tombstone. Cut off after <see cref="KeptLength"/> characters.</param>
/// <param name="ValueType"><c>json</c>, <c>string</c> or <c>binary</c>; null for a tombstone.</param>
/// <param name="Headers">Its headers, in order.</param>
public sealed record BrowsedRecord(
    int Partition, long Offset, DateTimeOffset? Timestamp, string? Key, string? Value, string? ValueType,
    IReadOnlyList<KeyValuePair<string, string?>> Headers)
{
    /// <summary>The most characters of a value that are kept: a list of large records must not fill the browser.</summary>
    public const int KeptLength = 64 * 1024;

    /// <summary>The last offset of a batch that cannot be read; null for a record.</summary>
    public long? LastOffset { get; init; }

    /// <summary>Why it cannot be read; null for a record.</summary>
    public string? Error { get; init; }

    /// <summary>The characters that its value has in the service's answer.</summary>
    public int ValueLength { get; init; }

    /// <summary><c>string</c> or <c>binary</c>, a key in base64; null for no key.</summary>
    public string? KeyType { get; init; }

    /// <summary>The record as the service writes it, on one line; null where its value was cut off.</summary>
    public string? Line { get; init; }

    /// <summary>The offset after it, or after the batch that cannot be read.</summary>
    public long NextOffset => (LastOffset ?? Offset) + 1;

    /// <summary>Reads the records of an answer.</summary>
    /// <param name="answer">The answer to a fetch.</param>
    public static List<BrowsedRecord> ReadAll(JsonElement answer) => [.. answer.GetProperty("records").EnumerateArray().Select(Read)];

    private static BrowsedRecord Read(JsonElement record)
    {
        var (value, length) = ValueOf(record);
        return new BrowsedRecord(
            record.GetProperty("partition").GetInt32(),
            record.GetProperty("offset").GetInt64(),
            record.TryGetProperty("timestamp", out var time) && time.ValueKind == JsonValueKind.String ? time.GetDateTimeOffset() : null,
            record.TryGetProperty("key", out var key) ? TextOf(key) : null,
            value,
            record.TryGetProperty("value_type", out var type) ? type.GetString() : null,
            record.TryGetProperty("headers", out var headers)
                ? [.. headers.EnumerateArray().Select(header => KeyValuePair.Create(header.GetProperty("key").GetString()!, TextOf(header.GetProperty("value"))))]
                : [])
        {
            ValueLength = length,
            KeyType = record.TryGetProperty("key_type", out var keyType) ? keyType.GetString() : null,
            // Within texts line ends are escaped. Those between JSON's marks are blanks.
            Line = length > KeptLength ? null : record.GetRawText().Replace('\n', ' ').Replace('\r', ' '),
            LastOffset = record.TryGetProperty("last_offset", out var last) ? last.GetInt64() : null,
            Error = record.TryGetProperty("error", out var error) ? error.GetProperty("detail").GetString() : null,
        };
    }

    private static (string? Value, int Length) ValueOf(JsonElement record)
    {
        if (!record.TryGetProperty("value", out var value))
            return (null, 0);
        var isJson = record.TryGetProperty("value_type", out var type) && type.GetString() == "json";
        var text = isJson ? value.GetRawText() : TextOf(value);
        return (text is { Length: > KeptLength } ? text[..KeptLength] : text, text?.Length ?? 0);
    }

    private static string? TextOf(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => element.GetString(),
        _ => element.GetRawText(),
    };
}
