using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using OrleansStream.Rest.Errors;

namespace OrleansStream.Rest.Json;

/// <summary>Checks what holds for every JSON text that comes in: it is UTF-8, and its escapes are whole characters.</summary>
/// <remarks>
/// A JSON reader checks neither. It fails only when a name or a text is read, with an exception that is not a refusal. So both are checked once,
/// before anything is read, and the reading code need not expect them.
/// </remarks>
internal static class JsonInput
{
    private const string HalfCharacter = "holds a \\u escape of half a character (a lone surrogate), which UTF-8 has no bytes for";

    /// <summary>Refuses text that JSON parsers cannot reliably read.</summary>
    /// <param name="text">The text, which may turn out not to be JSON.</param>
    /// <param name="path">Its place in the request, for errors; empty for the whole body.</param>
    /// <exception cref="RequestException">The text is not UTF-8, or it escapes half a character. The error names the field.</exception>
    public static void Check(ReadOnlySpan<byte> text, string path = "")
    {
        CheckText(text, path.Length == 0 ? null : path);
        var position = FindHalfCharacter(text);
        if (position >= 0)
            throw Refuse(text, position, path);
    }

    /// <summary>Refuses bytes that are not UTF-8, because the JSON reader does not check them.</summary>
    /// <param name="text">Bytes that a caller sent as JSON.</param>
    /// <param name="field">The field of the bytes, for the error.</param>
    /// <exception cref="RequestException">The bytes are not UTF-8.</exception>
    public static void CheckText(ReadOnlySpan<byte> text, string? field)
    {
        if (!Utf8.IsValid(text))
        {
            throw RequestException.Malformed(
                field, "The text is not valid UTF-8. Send other bytes as base64, with key_type or value_type \"binary\".");
        }
    }

    /// <summary>Finds the first escape of half a character.</summary>
    /// <param name="text">The text, in UTF-8.</param>
    /// <returns>The position of its backslash, or -1.</returns>
    private static int FindHalfCharacter(ReadOnlySpan<byte> text)
    {
        for (var at = 0; ;)
        {
            var next = text[at..].IndexOf("\\u"u8);
            if (next < 0)
                return -1;
            at += next;
            if (IsEscaped(text, at) || !JsonText.TryCodeUnit(text, at, out var unit))
            {
                // An escaped backslash before a letter; or an invalid escape, which the reader refuses.
                at += 2;
                continue;
            }

            var length = JsonText.EscapedCharacterBytes(text, at, unit);
            if (length == 0)
                return at;
            at += length;
        }
    }

    private static bool IsEscaped(ReadOnlySpan<byte> text, int at)
    {
        var before = at;
        while (before > 0 && text[before - 1] == (byte)'\\')
            before--;
        return (at - before) % 2 != 0;
    }

    private static RequestException Refuse(ReadOnlySpan<byte> text, int position, string path)
    {
        var reader = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = JsonLimits.JsonDepthMax });
        var open = new Stack<Place>();
        var at = new Place(default, -1);
        try
        {
            while (reader.Read())
            {
                switch (reader.TokenType)
                {
                    case JsonTokenType.PropertyName:
                        if (reader.BytesConsumed > position)
                            return Refuse(PathOf(text, path, open), "A name in");
                        at = new Place((int)reader.TokenStartIndex..(int)(reader.TokenStartIndex + reader.ValueSpan.Length + 2), -1);
                        break;
                    case JsonTokenType.StartObject or JsonTokenType.StartArray:
                        open.Push(at);
                        at = new Place(default, reader.TokenType == JsonTokenType.StartArray ? 0 : -1);
                        break;
                    case JsonTokenType.EndObject or JsonTokenType.EndArray:
                        at = open.Pop().Next();
                        break;
                    default:
                        open.Push(at);
                        if (reader.BytesConsumed > position)
                            return Refuse(PathOf(text, path, open), "The text in");
                        at = open.Pop().Next();
                        break;
                }
            }
        }
        catch (JsonException exception)
        {
            return JsonFields.NotJson(path.Length == 0 ? null : path, exception);
        }

        return Refuse(path.Length == 0 ? "body" : path, "The text in");
    }

    private static RequestException Refuse(string path, string what) => RequestException.Malformed(path, $"{what} '{path}' {HalfCharacter}.");

    private static string PathOf(ReadOnlySpan<byte> text, string path, IEnumerable<Place> open)
    {
        var full = new StringBuilder(path);
        foreach (var place in open.Reverse())
        {
            if (place.Index >= 0)
            {
                full.Append('[').Append(place.Index).Append(']');
                continue;
            }

            if (place.Name.Equals(default))
                continue;
            var name = new Utf8JsonReader(text[place.Name]);
            name.Read();
            full.Append(full.Length == 0 ? "" : ".").Append(name.GetString());
            // The names inside a record's key or value are the caller's own.
            if (name.ValueTextEquals("key"u8) || name.ValueTextEquals("value"u8))
                break;
        }

        return full.Length == 0 ? "body" : full.ToString();
    }

    /// <summary>The place of a value in the value around it.</summary>
    /// <param name="Name">The range of its name in the text, with the quotes; empty in a list, or for the whole text.</param>
    /// <param name="Index">Its index in a list; else -1.</param>
    private readonly record struct Place(Range Name, int Index)
    {
        /// <summary>The place of the next value.</summary>
        public Place Next() => Index < 0 ? new Place(default, -1) : this with { Index = Index + 1 };
    }
}
