using System.Text.Json;
using OrleansStream.Rest.Errors;

namespace OrleansStream.Rest.Json;

/// <summary>Reads small JSON bodies strictly. Unknown fields, repeated fields and wrong kinds are refused by name.</summary>
internal static class JsonBody
{
    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = JsonLimits.JsonDepthMax };

    /// <summary>The length in bytes of the byte order mark at the start of a UTF-8 text; 0 when there is none.</summary>
    public static int ByteOrderMarkLengthBytes(ReadOnlySpan<byte> text) => text.StartsWith(ByteOrderMark) ? ByteOrderMark.Length : 0;

    /// <summary>Parses a body that must be an object.</summary>
    /// <param name="body">UTF-8, without a byte order mark.</param>
    /// <param name="fields">The names of all fields that are taken.</param>
    /// <exception cref="RequestException">The body is not such an object.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> body, params string[] fields)
    {
        JsonInput.Check(body.Span);
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(body, Strict);
        }
        catch (JsonException exception)
        {
            throw JsonFields.NotJson(null, exception);
        }

        try
        {
            CheckObject(document.RootElement, "body", "", fields);
            return document;
        }
        catch
        {
            document.Dispose();
            throw;
        }
    }

    /// <summary>Refuses values that are not objects, and fields that are unknown or come twice.</summary>
    /// <param name="element">A value of any kind.</param>
    /// <param name="name">Its path, such as <c>failed[2]</c>, for the error.</param>
    /// <param name="prefix">What stands before its fields' names in errors, such as <c>failed[2].</c></param>
    /// <param name="fields">The names of all fields that are taken.</param>
    public static void CheckObject(JsonElement element, string name, string prefix, params string[] fields)
    {
        var allowed = string.Join(", ", fields);
        if (element.ValueKind != JsonValueKind.Object)
            throw Wrong(name, element, $"an object with the fields {allowed}");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var property in element.EnumerateObject())
        {
            var field = property.Name;
            if (!fields.Contains(field, StringComparer.Ordinal))
                throw JsonFields.Unknown(prefix + field, allowed);
            if (!seen.Add(field))
                throw JsonFields.Twice(prefix + field);
        }
    }

    /// <summary>A field's value; null when it is absent or null.</summary>
    public static JsonElement? Field(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>A field that must be a text, possibly an empty one.</summary>
    /// <returns>Null when it is absent or null.</returns>
    /// <exception cref="RequestException">It is of another kind.</exception>
    public static string? Text(JsonElement parent, string name, string prefix = "") =>
        Field(parent, name) is { } value ? TextOf(value, prefix + name) : null;

    /// <summary>A value that must be a text.</summary>
    /// <exception cref="RequestException">It is of another kind.</exception>
    public static string TextOf(JsonElement value, string field)
    {
        if (value.ValueKind != JsonValueKind.String)
            throw Wrong(field, value, "a string");
        return value.GetString()!;
    }

    /// <summary>A field that must be a boolean; <c>usual</c> when it is absent or null.</summary>
    /// <exception cref="RequestException">It is of another kind.</exception>
    public static bool Boolean(JsonElement parent, string name, bool usual) => Field(parent, name) switch
    {
        null => usual,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        { } other => throw Wrong(name, other, "true or false"),
    };

    /// <summary>A field that must be an integer from <c>min</c> to <c>max</c>, both included.</summary>
    /// <returns>Null when it is absent or null.</returns>
    /// <exception cref="RequestException">It is of another kind, or outside the bounds.</exception>
    public static long? Integer(JsonElement parent, string name, long min, long max, string prefix = "")
    {
        if (Field(parent, name) is not { } value)
            return null;
        var expected = max == long.MaxValue ? $"an integer from {min} up" : $"an integer from {min} to {max}";
        if (value.ValueKind != JsonValueKind.Number)
            throw Wrong(prefix + name, value, expected);
        return value.TryGetInt64(out var number) && number >= min && number <= max
            ? number
            : throw RequestException.Malformed(prefix + name,
                $"'{prefix}{name}' is {RequestException.Shown(value.GetRawText())}; expected {expected}.");
    }

    /// <summary>A field that must be one of several words, in the same case.</summary>
    /// <returns>Null when it is absent or null.</returns>
    public static string? Choice(JsonElement parent, string name, params string[] choices)
    {
        var text = Text(parent, name);
        return text is null || choices.Contains(text, StringComparer.Ordinal)
            ? text
            : throw RequestException.Malformed(name, $"'{name}' is '{RequestException.Shown(text)}'; expected {string.Join(" or ", choices)}.");
    }

    /// <summary>A field that must be a list of at most <c>countMax</c> elements, of any kind.</summary>
    /// <returns>Null when it is absent or null.</returns>
    public static JsonElement[]? List(JsonElement parent, string name, int countMax)
    {
        if (Field(parent, name) is not { } value)
            return null;
        var expected = $"a list of 1 to {countMax}";
        if (value.ValueKind != JsonValueKind.Array)
            throw Wrong(name, value, expected);
        var count = value.GetArrayLength();
        return count is > 0 && count <= countMax
            ? [.. value.EnumerateArray()]
            : throw RequestException.Malformed(name, $"'{name}' has {count} elements; expected {expected}.");
    }

    /// <summary>The error of a field that must be there.</summary>
    /// <param name="field">Its path in the body.</param>
    /// <param name="expected">What is allowed, in words.</param>
    public static RequestException Missing(string field, string expected) =>
        RequestException.Malformed(field, $"'{field}' is missing; expected {expected}.");

    private static RequestException Wrong(string field, JsonElement value, string expected) =>
        JsonFields.WrongKind(field, TokenOf(value.ValueKind), expected);

    private static JsonTokenType TokenOf(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => JsonTokenType.StartObject,
        JsonValueKind.Array => JsonTokenType.StartArray,
        JsonValueKind.String => JsonTokenType.String,
        JsonValueKind.Number => JsonTokenType.Number,
        JsonValueKind.True => JsonTokenType.True,
        JsonValueKind.False => JsonTokenType.False,
        JsonValueKind.Null => JsonTokenType.Null,
        _ => JsonTokenType.None,
    };
}
