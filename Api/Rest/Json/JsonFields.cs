using System.Globalization;
using System.Text;
using System.Text.Json;
using OrleansStream.Contracts;
using OrleansStream.Rest.Errors;

namespace OrleansStream.Rest.Json;

/// <summary>Reads the parts of a JSON body strictly. Each refusal names the field, its value and the allowed values.</summary>
internal static class JsonFields
{
    // It has room for more fractional digits than any clock has, all of them escaped.
    private const int TimestampTextBytesMax = 256;

    /// <summary>The allowed forms of a timestamp, for error messages.</summary>
    public const string TimestampForms =
        "an RFC 3339 time with its offset such as \"2026-06-11T19:20:00Z\", or milliseconds since 1970 as an integer from 0";

    /// <summary>The error of bytes that are not JSON.</summary>
    /// <param name="field">The field that was being read, or null.</param>
    /// <param name="exception">The JSON reader's error.</param>
    public static RequestException NotJson(string? field, JsonException exception) =>
        RequestException.Malformed(field, $"The body is not valid JSON: {exception.Message}");

    /// <summary>The error of an unknown field, so that a typing error is never ignored.</summary>
    /// <param name="field">Its path in the body.</param>
    /// <param name="allowed">The names of the fields that are taken, in words.</param>
    public static RequestException Unknown(string field, string allowed) =>
        RequestException.Malformed(field, $"There is no field '{field}'. Allowed: {allowed}.");

    /// <summary>The error of a field with the wrong kind of value.</summary>
    /// <param name="field">Its path in the body.</param>
    /// <param name="token">The kind of the value that was sent.</param>
    /// <param name="expected">What is allowed, in words.</param>
    public static RequestException WrongKind(string field, JsonTokenType token, string expected) =>
        RequestException.Malformed(field, $"'{field}' is {KindOf(token)}; expected {expected}.");

    /// <summary>Marks a field as seen.</summary>
    /// <param name="seen">One bit per field.</param>
    /// <param name="bit">The field's bit.</param>
    /// <returns>False when the field was seen before.</returns>
    public static bool See(ref int seen, int bit)
    {
        var isNew = (seen & bit) == 0;
        seen |= bit;
        return isNew;
    }

    /// <summary>The error of a field that comes twice.</summary>
    public static RequestException Twice(string field) =>
        RequestException.Malformed(field, $"'{field}' comes twice. Each field may come once.");

    /// <summary>Reads an integer that has no fraction and no exponent.</summary>
    /// <param name="reader">The reader, on the value.</param>
    /// <param name="field">Its path in the body, as refusals write it.</param>
    /// <param name="min">The least value that is taken.</param>
    /// <param name="max">The greatest value that is taken.</param>
    /// <returns>The integer; null when the field is null.</returns>
    public static int? Integer(ref Utf8JsonReader reader, string field, int min, int max)
    {
        if (reader.TokenType == JsonTokenType.Null)
            return null;
        if (reader.TokenType != JsonTokenType.Number)
            throw WrongKind(field, reader.TokenType, $"an integer from {min} to {max}");
        if (!reader.TryGetInt32(out var value) || value < min || value > max)
            throw RequestException.Malformed(field, $"'{field}' is {Shown(reader.ValueSpan)}; expected an integer from {min} to {max}.");
        return value;
    }

    /// <summary>Reads a timestamp.</summary>
    /// <param name="reader">The reader, on the value.</param>
    /// <param name="timestampMs">Milliseconds since the Unix epoch; null when the field is null.</param>
    /// <returns>False when the value is not a timestamp.</returns>
    public static bool TryTimestamp(ref Utf8JsonReader reader, out long? timestampMs)
    {
        timestampMs = null;
        switch (reader.TokenType)
        {
            case JsonTokenType.Null:
                return true;
            case JsonTokenType.Number:
                if (!reader.TryGetInt64(out var ms) || ms is < 0 or > TimestampText.MsMax)
                    return false;
                timestampMs = ms;
                return true;
            case JsonTokenType.String when reader.ValueSpan.Length <= TimestampTextBytesMax:
                // Some writers escape the '+' of an offset.
                Span<byte> text = stackalloc byte[TimestampTextBytesMax];
                var isTime = TimestampText.TryRead(text[..reader.CopyString(text)], out var read);
                timestampMs = read;
                return isTime;
            default:
                return false;
        }
    }

    /// <summary>Reads a timestamp from a header or a query.</summary>
    /// <param name="text">A time by RFC 3339, or milliseconds since the Unix epoch.</param>
    /// <param name="timestampMs">Milliseconds since the Unix epoch.</param>
    /// <returns>False when the text is not a timestamp.</returns>
    public static bool TryTimestamp(string text, out long timestampMs)
    {
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out timestampMs))
            return timestampMs <= TimestampText.MsMax;
        // Parsed like a timestamp in a body, so that both mean the same.
        return text.Length <= TimestampTextBytesMax && TimestampText.TryRead(Encoding.UTF8.GetBytes(text), out timestampMs);
    }

    /// <summary>Some bytes of a request, shortened for a message.</summary>
    public static string Shown(ReadOnlySpan<byte> utf8) =>
        utf8.Length <= 40 ? Encoding.UTF8.GetString(utf8) : Encoding.UTF8.GetString(utf8[..40]) + "…";

    private static string KindOf(JsonTokenType token) => token switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "a boolean",
        JsonTokenType.Null => "null",
        _ => "nothing",
    };
}
