using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using OrleansStream.Rest.Errors;

namespace OrleansStream.Rest.Json;

/// <summary>What holds for every JSON text that comes in, whoever reads it: it is UTF-8, and it escapes whole characters only.</summary>
/// <remarks>
/// A JSON reader looks for neither. It fails where a name or a text is asked for, by an exception that is no refusal: so both are looked for
/// once, before anything is read, and what reads need not expect them.
/// </remarks>
internal static class JsonInput
{
    private const string HalfCharacter = "holds a \\u escape of half a character (a lone surrogate), which UTF-8 has no bytes for";

    /// <summary>Refuses text that no JSON parser can be relied on to read.</summary>
    /// <param name="text">The text; it may turn out to be no JSON.</param>
    /// <param name="path">Where it stands in the request, for the error; empty for the whole body.</param>
    /// <exception cref="RequestException">It is not UTF-8, or escapes half a character; the error names the field.</exception>
    public static void Check(ReadOnlySpan<byte> text, string path = "")
    {
        CheckText(text, path.Length == 0 ? null : path);
        var position = FindHalfCharacter(text);
        if (position >= 0)
            throw Refuse(text, position, path);
    }

    /// <summary>Refuses bytes that are no UTF-8: the JSON reader does not look.</summary>
    /// <param name="text">The bytes.</param>
    /// <param name="field">What they are, for the error.</param>
    /// <exception cref="RequestException">They are none.</exception>
    public static void CheckText(ReadOnlySpan<byte> text, string? field)
    {
        if (!Utf8.IsValid(text))
        {
            throw RequestException.Malformed(
                field, "The text is not valid UTF-8. Send other bytes as base64, with key_type or value_type \"binary\".");
        }
    }

    /// <summary>Finds the first escape of half a character.</summary>
    /// <param name="text">UTF-8.</param>
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
                // A backslash that is meant, with a letter behind it; or no escape at all, which is for the reader to say.
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
            // What lies inside a record's key or value has names of the caller's own.
            if (name.ValueTextEquals("key"u8) || name.ValueTextEquals("value"u8))
                break;
        }

        return full.Length == 0 ? "body" : full.ToString();
    }

    /// <summary>Where a value stands in the one around it.</summary>
    /// <param name="Name">Its name's place in the text, with the quotes; nothing in a list, or for the whole.</param>
    /// <param name="Index">Its place in a list; else -1.</param>
    private readonly record struct Place(Range Name, int Index)
    {
        /// <summary>The place behind it.</summary>
        public Place Next() => Index < 0 ? new Place(default, -1) : this with { Index = Index + 1 };
    }
}
