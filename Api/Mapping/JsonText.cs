using System.Buffers;
using System.Globalization;
using System.Text.Unicode;

namespace OrleansStream.Api.Mapping;

/// <summary>Tells whether bytes are JSON (RFC 8259), without an exception for those that are not: a log may hold nothing else.</summary>
internal static class JsonText
{
    private static readonly SearchValues<byte> StringEnds = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Select(b => (byte)b), (byte)'"', (byte)'\\']);

    /// <summary>Tells whether bytes are one JSON text that any parser takes.</summary>
    /// <param name="text">The bytes.</param>
    /// <returns>False also when it nests deeper than <see cref="Limits.JsonValueDepthMax"/>, or escapes half a character.</returns>
    public static bool IsValid(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || !Utf8.IsValid(text))
            return false;

        int position = 0;
        int depth = 0;
        // One bit per open container, the innermost lowest: set for an object.
        ulong objects = 0;
        while (true)
        {
            SkipSpace(text, ref position);
            if (position == text.Length)
                return false;
            byte first = text[position];
            if (first is (byte)'{' or (byte)'[')
            {
                if (++depth > Limits.JsonValueDepthMax)
                    return false;
                bool isObject = first == (byte)'{';
                objects = objects << 1 | (isObject ? 1UL : 0UL);
                position++;
                SkipSpace(text, ref position);
                // An empty container goes to the closing below, like a full one.
                bool isEmpty = position < text.Length && text[position] == (isObject ? (byte)'}' : (byte)']');
                if (!isEmpty && isObject && !TryName(text, ref position))
                    return false;
                if (!isEmpty)
                    continue;
            }
            else if (!TryScalar(text, ref position))
            {
                return false;
            }

            if (!TryCloseOrGoOn(text, ref position, ref depth, ref objects, out bool isEnd))
                return false;
            if (isEnd)
                return true;
        }
    }

    // Behind a value: closes what ends here, then stands on the next value, or at the end of all.
    private static bool TryCloseOrGoOn(ReadOnlySpan<byte> text, ref int position, ref int depth, ref ulong objects, out bool isEnd)
    {
        while (true)
        {
            SkipSpace(text, ref position);
            isEnd = depth == 0 && position == text.Length;
            if (depth == 0 || position == text.Length)
                return isEnd;
            bool isObject = (objects & 1) != 0;
            byte next = text[position++];
            if (next == (byte)',')
            {
                SkipSpace(text, ref position);
                return !isObject || TryName(text, ref position);
            }

            if (next != (isObject ? (byte)'}' : (byte)']'))
                return false;
            depth--;
            objects >>= 1;
        }
    }

    private static bool TryName(ReadOnlySpan<byte> text, ref int position)
    {
        if (position == text.Length || text[position] != (byte)'"' || !TryString(text, ref position))
            return false;
        SkipSpace(text, ref position);
        return position < text.Length && text[position++] == (byte)':';
    }

    private static bool TryScalar(ReadOnlySpan<byte> text, ref int position) => text[position] switch
    {
        (byte)'"' => TryString(text, ref position),
        (byte)'t' => TryWord(text, ref position, "true"u8),
        (byte)'f' => TryWord(text, ref position, "false"u8),
        (byte)'n' => TryWord(text, ref position, "null"u8),
        _ => TryNumber(text, ref position),
    };

    private static bool TryWord(ReadOnlySpan<byte> text, ref int position, ReadOnlySpan<byte> word)
    {
        bool isWord = text[position..].StartsWith(word);
        position += word.Length;
        return isWord;
    }

    private static bool TryNumber(ReadOnlySpan<byte> text, ref int position)
    {
        if (text[position] == (byte)'-')
            position++;
        bool startsWithZero = position < text.Length && text[position] == (byte)'0';
        int integerDigits = SkipDigits(text, ref position);
        if (integerDigits == 0 || startsWithZero && integerDigits > 1)
            return false;
        if (position < text.Length && text[position] == (byte)'.')
        {
            position++;
            if (SkipDigits(text, ref position) == 0)
                return false;
        }

        if (position < text.Length && text[position] is (byte)'e' or (byte)'E')
        {
            position++;
            if (position < text.Length && text[position] is (byte)'+' or (byte)'-')
                position++;
            if (SkipDigits(text, ref position) == 0)
                return false;
        }

        return true;
    }

    private static bool TryString(ReadOnlySpan<byte> text, ref int position)
    {
        position++;
        while (true)
        {
            int length = text[position..].IndexOfAny(StringEnds);
            if (length < 0)
                return false;
            position += length;
            if (text[position] == (byte)'"')
            {
                position++;
                return true;
            }

            if (text[position] != (byte)'\\' || !TryEscape(text, ref position))
                return false;
        }
    }

    private static bool TryEscape(ReadOnlySpan<byte> text, ref int position)
    {
        if (position + 1 >= text.Length)
            return false;
        byte kind = text[position + 1];
        if (kind != (byte)'u')
        {
            position += 2;
            return "\"\\/bfnrt"u8.Contains(kind);
        }

        if (!TryCodeUnit(text, ref position, out int unit))
            return false;
        if (unit is < 0xD800 or > 0xDFFF)
            return true;
        return unit < 0xDC00 && TryCodeUnit(text, ref position, out int low) && low is >= 0xDC00 and <= 0xDFFF;
    }

    private static bool TryCodeUnit(ReadOnlySpan<byte> text, ref int position, out int unit)
    {
        unit = 0;
        if (text.Length - position < 6 || !text[position..].StartsWith("\\u"u8)
            || !int.TryParse(text.Slice(position + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out unit))
        {
            return false;
        }

        position += 6;
        return true;
    }

    private static int SkipDigits(ReadOnlySpan<byte> text, ref int position)
    {
        int start = position;
        while (position < text.Length && text[position] is >= (byte)'0' and <= (byte)'9')
            position++;
        return position - start;
    }

    private static void SkipSpace(ReadOnlySpan<byte> text, ref int position)
    {
        while (position < text.Length && text[position] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
            position++;
    }
}
