namespace OrleansStream.Rest.Json;

/// <summary>
/// Unicode's line ends besides those of ASCII: NEL (U+0085), LS (U+2028), PS (U+2029). JSON allows them unescaped inside a string, but readers that
/// split decoded text into lines, such as Python's <c>splitlines</c>, break a JSON text there.
/// </summary>
internal static class UnicodeLineEnds
{
    private const int EscapeBytes = 6;
    private const int ShortestBytes = 2;

    /// <summary>Finds the first of these line ends.</summary>
    /// <param name="json">The text, in UTF-8.</param>
    /// <param name="from">The position at which to begin.</param>
    /// <returns>Its position, or -1.</returns>
    public static int Find(ReadOnlySpan<byte> json, int from)
    {
        for (var at = from; at < json.Length; at++)
        {
            var next = json[at..].IndexOfAny((byte)0xC2, (byte)0xE2);
            if (next < 0)
                return -1;
            at += next;
            if (!EscapeOf(json[at..]).IsEmpty)
                return at;
        }

        return -1;
    }

    /// <summary>The greatest length of a text after escaping.</summary>
    /// <param name="length">Its length, in bytes.</param>
    public static int EscapedBytesMax(int length) => checked(length / ShortestBytes * EscapeBytes + 1);

    /// <summary>Copies JSON and escapes these line ends. This does not change its meaning, because they can occur only in its strings.</summary>
    /// <param name="json">JSON.</param>
    /// <param name="destination">At least <see cref="EscapedBytesMax"/> long.</param>
    /// <returns>The length of the copy, in bytes.</returns>
    public static int Escape(ReadOnlySpan<byte> json, Span<byte> destination)
    {
        var length = 0;
        var copied = 0;
        for (var at = Find(json, 0); at >= 0; at = Find(json, copied))
        {
            json[copied..at].CopyTo(destination[length..]);
            length += at - copied;
            var escape = EscapeOf(json[at..]);
            escape.CopyTo(destination[length..]);
            length += escape.Length;
            copied = at + (json[at] == 0xC2 ? 2 : 3);
        }

        json[copied..].CopyTo(destination[length..]);
        return length + json.Length - copied;
    }

    private static ReadOnlySpan<byte> EscapeOf(ReadOnlySpan<byte> character) => character switch
    {
        [0xC2, 0x85, ..] => "\\u0085"u8,
        [0xE2, 0x80, 0xA8, ..] => "\\u2028"u8,
        [0xE2, 0x80, 0xA9, ..] => "\\u2029"u8,
        _ => default,
    };
}
