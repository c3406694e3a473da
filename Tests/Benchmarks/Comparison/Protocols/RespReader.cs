using System.Buffers.Text;

namespace OrleansStream.Comparison.Protocols;

/// <summary>Reads replies of Redis' protocol (RESP2), without making objects of them.</summary>
internal static class RespReader
{
    /// <summary>Reads one reply, with all that it holds.</summary>
    /// <param name="received">What has come so far.</param>
    /// <returns>Its length, or 0 when it is not whole yet.</returns>
    /// <exception cref="FormatException">It is no reply.</exception>
    public static int TryRead(ReadOnlySpan<byte> received)
    {
        var position = 0;
        for (long left = 1; left > 0; left--)
        {
            var lineEnd = received[position..].IndexOf("\r\n"u8);
            if (lineEnd < 0)
                return 0;
            var line = received.Slice(position, lineEnd);
            position += lineEnd + 2;
            switch (line.IsEmpty ? (byte)0 : line[0])
            {
                case (byte)'+' or (byte)'-' or (byte)':':
                    break;
                case (byte)'$':
                    if (Number(line) is var length and >= 0)
                        position += (int)length + 2;
                    if (position > received.Length)
                        return 0;
                    break;
                case (byte)'*':
                    left += Math.Max(0, Number(line));
                    break;
                default:
                    throw new FormatException("The reply is none of Redis'.");
            }
        }

        return position;
    }

    /// <summary>The number behind a reply's first character.</summary>
    /// <param name="reply">A reply, or its first line.</param>
    /// <exception cref="FormatException">There is none.</exception>
    public static long Number(ReadOnlySpan<byte> reply) =>
        Utf8Parser.TryParse(reply[1..], out long number, out _) ? number : throw new FormatException("The reply has no number.");

    /// <summary>A bulk string's content.</summary>
    /// <param name="reply">A whole bulk string.</param>
    public static ReadOnlySpan<byte> Bulk(ReadOnlySpan<byte> reply) =>
        reply.Slice(reply.IndexOf((byte)'\n') + 1, (int)Number(reply));
}
