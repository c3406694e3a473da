using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Text.Unicode;

namespace OrleansStream.Rest.Json;

/// <summary>Checks whether bytes are JSON (RFC 8259). It throws nothing for bytes that are not, and is faster than reading token by token.</summary>
internal static class JsonText
{
    private const int None = -1;
    private const int EscapedUnitBytes = 6;

    /// <summary>Whether bytes are one JSON text that every parser accepts.</summary>
    /// <param name="text">Bytes that may be JSON in UTF-8.</param>
    /// <returns>False also when the text nests deeper than <see cref="JsonLimits.JsonValueDepthMax"/>, or escapes half a character.</returns>
    public static bool IsValid(ReadOnlySpan<byte> text)
    {
        if (!Utf8.IsValid(text))
            return false;
        var end = Skip(text, 0, JsonLimits.JsonValueDepthMax);
        return end >= 0 && SkipSpace(text, end) == text.Length;
    }

    /// <summary>Skips one JSON value.</summary>
    /// <param name="text">The bytes, which are UTF-8.</param>
    /// <param name="at">The position of the value, or of white space before it.</param>
    /// <param name="depthMax">The deepest allowed nesting; at most 64.</param>
    /// <returns>The position behind the value; -1 when there is no value, or it nests deeper or escapes half a character.</returns>
    public static int Skip(ReadOnlySpan<byte> text, int at, int depthMax)
    {
        var depth = 0;
        // One bit for each open container, the innermost one lowest. A bit is set for an object.
        ulong objects = 0;
        while (true)
        {
            at = SkipSpace(text, at);
            if (at >= text.Length)
                return None;
            var first = text[at];
            if (first is (byte)'{' or (byte)'[')
            {
                if (++depth > depthMax)
                    return None;
                var isObject = first == (byte)'{';
                objects = objects << 1 | (isObject ? 1UL : 0UL);
                at = SkipSpace(text, at + 1);
                // The code below closes an empty container, as it closes any other.
                if (at < text.Length && text[at] != (isObject ? (byte)'}' : (byte)']'))
                {
                    if (isObject && (at = SkipName(text, at)) < 0)
                        return None;
                    continue;
                }
            }
            else
            {
                at = first == (byte)'"' ? SkipString(text, at + 1) : SkipWordOrNumber(text, at);
                if (at < 0)
                    return None;
            }

            at = CloseOrGoOn(text, at, ref depth, ref objects);
            if (depth == 0 || at < 0)
                return at;
        }
    }

    // After a value: closes the containers that end here. The result is the position of the next value, or the end when no container is open.
    private static int CloseOrGoOn(ReadOnlySpan<byte> text, int at, ref int depth, ref ulong objects)
    {
        while (depth > 0)
        {
            at = SkipSpace(text, at);
            if (at >= text.Length)
                return None;
            var isObject = (objects & 1) != 0;
            var next = text[at++];
            if (next == (byte)',')
            {
                at = SkipSpace(text, at);
                return isObject ? SkipName(text, at) : at;
            }

            if (next != (isObject ? (byte)'}' : (byte)']'))
                return None;
            depth--;
            objects >>= 1;
        }

        return at;
    }

    private static int SkipName(ReadOnlySpan<byte> text, int at)
    {
        if (at >= text.Length || text[at] != (byte)'"')
            return None;
        at = SkipString(text, at + 1);
        if (at < 0)
            return None;
        at = SkipSpace(text, at);
        return at < text.Length && text[at] == (byte)':' ? at + 1 : None;
    }

    private static int SkipWordOrNumber(ReadOnlySpan<byte> text, int at) => text[at] switch
    {
        (byte)'t' => SkipWord(text, at, "true"u8),
        (byte)'f' => SkipWord(text, at, "false"u8),
        (byte)'n' => SkipWord(text, at, "null"u8),
        _ => SkipNumber(text, at),
    };

    private static int SkipWord(ReadOnlySpan<byte> text, int at, ReadOnlySpan<byte> word) =>
        text[at..].StartsWith(word) ? at + word.Length : None;

    private static int SkipNumber(ReadOnlySpan<byte> text, int at)
    {
        if (text[at] == (byte)'-')
            at++;
        var end = SkipDigits(text, at);
        if (end == at || text[at] == (byte)'0' && end > at + 1)
            return None;
        at = end;
        if (at < text.Length && text[at] == (byte)'.')
        {
            end = SkipDigits(text, at + 1);
            if (end == at + 1)
                return None;
            at = end;
        }

        if (at < text.Length && text[at] is (byte)'e' or (byte)'E')
        {
            at++;
            if (at < text.Length && text[at] is (byte)'+' or (byte)'-')
                at++;
            end = SkipDigits(text, at);
            if (end == at)
                return None;
            at = end;
        }

        return at;
    }

    // The position is behind the opening quote.
    private static int SkipString(ReadOnlySpan<byte> text, int at)
    {
        while (at >= 0)
        {
            at = SkipUnescaped(text, at);
            if (at >= text.Length || text[at] < 0x20)
                return None;
            if (text[at] == (byte)'"')
                return at + 1;
            at = SkipEscape(text, at);
        }

        return None;
    }

    // Names and most values have a few bytes, so starting a search over the rest of the text would cost more than the search itself. A text that has
    // no end in its first block is mostly long, and is searched by wider ones.
    private static int SkipUnescaped(ReadOnlySpan<byte> text, int at)
    {
        if (text.Length - at >= Vector128<byte>.Count)
        {
            if (EndsIn(Vector128.Create(text.Slice(at, Vector128<byte>.Count))) is var first && first != Vector128<byte>.Zero)
                return at + BitOperations.TrailingZeroCount(first.ExtractMostSignificantBits());
            at += Vector128<byte>.Count;
        }

        while (Vector256.IsHardwareAccelerated && text.Length - at >= 2 * Vector256<byte>.Count)
        {
            var wide = text.Slice(at, 2 * Vector256<byte>.Count);
            if ((EndsIn(Vector256.Create(wide)) | EndsIn(Vector256.Create(wide[Vector256<byte>.Count..]))) != Vector256<byte>.Zero)
                break;
            at += wide.Length;
        }

        while (text.Length - at >= Vector128<byte>.Count)
        {
            if (EndsIn(Vector128.Create(text.Slice(at, Vector128<byte>.Count))) is var ends && ends != Vector128<byte>.Zero)
                return at + BitOperations.TrailingZeroCount(ends.ExtractMostSignificantBits());
            at += Vector128<byte>.Count;
        }

        while (at < text.Length && text[at] >= 0x20 && text[at] is not ((byte)'"' or (byte)'\\'))
            at++;
        return at;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> EndsIn(Vector128<byte> block) =>
        Vector128.Equals(block, Vector128.Create((byte)'"')) | Vector128.Equals(block, Vector128.Create((byte)'\\'))
        | Vector128.LessThan(block, Vector128.Create((byte)0x20));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> EndsIn(Vector256<byte> block) =>
        Vector256.Equals(block, Vector256.Create((byte)'"')) | Vector256.Equals(block, Vector256.Create((byte)'\\'))
        | Vector256.LessThan(block, Vector256.Create((byte)0x20));

    private static int SkipEscape(ReadOnlySpan<byte> text, int at)
    {
        if (at + 1 >= text.Length)
            return None;
        var kind = text[at + 1];
        if (kind != (byte)'u')
            return "\"\\/bfnrt"u8.Contains(kind) ? at + 2 : None;
        if (!TryCodeUnit(text, at, out var unit))
            return None;
        var length = EscapedCharacterBytes(text, at, unit);
        return length == 0 ? None : at + length;
    }

    /// <summary>The length of an escaped character, which has one UTF-16 unit or two.</summary>
    /// <param name="text">Text in UTF-8.</param>
    /// <param name="at">The position of its backslash.</param>
    /// <param name="unit">The unit that is escaped at the position.</param>
    /// <returns>The length in bytes; 0 when it is half a character.</returns>
    public static int EscapedCharacterBytes(ReadOnlySpan<byte> text, int at, int unit)
    {
        if (unit is < 0xD800 or > 0xDFFF)
            return EscapedUnitBytes;
        var isPair = unit < 0xDC00 && TryCodeUnit(text, at + EscapedUnitBytes, out var low) && low is >= 0xDC00 and <= 0xDFFF;
        return isPair ? 2 * EscapedUnitBytes : 0;
    }

    /// <summary>Reads an escape such as <c>\u00e9</c>.</summary>
    /// <param name="text">Text in UTF-8.</param>
    /// <param name="at">The position of its backslash, which may lie beyond the text.</param>
    /// <param name="unit">The UTF-16 unit.</param>
    /// <returns>False when there is no such escape.</returns>
    public static bool TryCodeUnit(ReadOnlySpan<byte> text, int at, out int unit)
    {
        unit = 0;
        return text.Length - at >= EscapedUnitBytes && text[at..].StartsWith("\\u"u8)
            && int.TryParse(text.Slice(at + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out unit);
    }

    private static int SkipDigits(ReadOnlySpan<byte> text, int at)
    {
        while (at < text.Length && text[at] is >= (byte)'0' and <= (byte)'9')
            at++;
        return at;
    }

    private static int SkipSpace(ReadOnlySpan<byte> text, int at)
    {
        while (at < text.Length && text[at] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
            at++;
        return at;
    }
}
