using System.Globalization;
using System.Text;

namespace OrleansStream.Cli.Texts;

/// <summary>Backslash escapes, by which a shell's argument can have any byte: <c>\n \t \r \0 \\ \xHH</c>.</summary>
internal static class Escapes
{
    private const int HexLength = 2;

    /// <summary>Reads text with escapes as bytes.</summary>
    /// <param name="text">What was typed; a backslash begins an escape.</param>
    /// <param name="name">What it is, for the error.</param>
    /// <exception cref="ArgumentException">An escape is none of the above.</exception>
    public static byte[] Read(string text, string name)
    {
        var bytes = new List<byte>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
                bytes.Add(ReadEscape(text, ref i, name));
            else if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length)
                bytes.AddRange(Encoding.UTF8.GetBytes(text, i++, 2));
            else
                bytes.AddRange(Encoding.UTF8.GetBytes(text, i, 1));
        }

        return [.. bytes];
    }

    private static byte ReadEscape(string text, ref int i, string name)
    {
        if (++i < text.Length)
        {
            switch (text[i])
            {
                case 'n': return (byte)'\n';
                case 't': return (byte)'\t';
                case 'r': return (byte)'\r';
                case '0': return 0;
                case '\\': return (byte)'\\';
                case 'x' when i + HexLength < text.Length
                    && byte.TryParse(text.AsSpan(i + 1, HexLength), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value):
                    i += HexLength;
                    return value;
            }
        }

        throw new ArgumentException($"{name} '{text}' has a backslash that begins no escape. The escapes are \\n, \\t, \\r, \\0, \\\\ and \\xHH.");
    }
}
