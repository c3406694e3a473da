using System.Globalization;
using System.Text;

namespace OrleansStream.Comparison.Protocols;

/// <summary>The bytes of Redis commands.</summary>
internal static class RespRequests
{
    /// <summary>A command of texts.</summary>
    /// <param name="words">Its words.</param>
    public static byte[] Command(params string[] words) => Command(words.Select(word => (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(word)));

    /// <summary>Appends one entry of one field to a stream.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="value">The field's value.</param>
    public static byte[] Append(string stream, ReadOnlyMemory<byte> value) =>
        Command([Ascii("XADD"), Ascii(stream), Ascii("*"), Ascii("v"), value]);

    private static byte[] Command(IEnumerable<ReadOnlyMemory<byte>> words)
    {
        ReadOnlyMemory<byte>[] all = [.. words];
        var bytes = new MemoryStream();
        bytes.Write(Ascii(string.Create(CultureInfo.InvariantCulture, $"*{all.Length}\r\n")).Span);
        foreach (var word in all)
        {
            bytes.Write(Ascii(string.Create(CultureInfo.InvariantCulture, $"${word.Length}\r\n")).Span);
            bytes.Write(word.Span);
            bytes.Write("\r\n"u8);
        }

        return bytes.ToArray();
    }

    private static ReadOnlyMemory<byte> Ascii(string text) => Encoding.ASCII.GetBytes(text);
}
