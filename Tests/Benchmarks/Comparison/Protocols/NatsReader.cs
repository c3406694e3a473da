using System.Buffers.Text;

namespace OrleansStream.Comparison.Protocols;

/// <summary>What the NATS server sends, as far as a publisher meets it.</summary>
internal enum NatsKind
{
    /// <summary>It is not whole yet.</summary>
    Incomplete,

    /// <summary>A message; a publisher's are the acknowledgements.</summary>
    Message,

    /// <summary>A sign of life, or of the protocol: nothing to count.</summary>
    Control,

    /// <summary>The server asks whether we are there.</summary>
    Ping,

    /// <summary>The server complains.</summary>
    Error,
}

/// <summary>Reads the NATS client protocol.</summary>
internal static class NatsReader
{
    /// <summary>Reads one operation.</summary>
    /// <param name="received">What has come so far.</param>
    /// <param name="length">Its length, when it is whole.</param>
    /// <param name="payload">A message's payload, or an error's text.</param>
    /// <exception cref="FormatException">It is none.</exception>
    public static NatsKind TryRead(ReadOnlySpan<byte> received, out int length, out ReadOnlySpan<byte> payload)
    {
        length = 0;
        payload = default;
        var lineEnd = received.IndexOf("\r\n"u8);
        if (lineEnd < 0)
            return NatsKind.Incomplete;
        var line = received[..lineEnd];
        length = lineEnd + 2;
        if (line.StartsWith("MSG "u8))
        {
            var head = length;
            if (!Utf8Parser.TryParse(line[(line.LastIndexOf((byte)' ') + 1)..], out int payloadLength, out _))
                throw new FormatException("A message has no length.");
            if (received.Length < head + payloadLength + 2)
                return NatsKind.Incomplete;
            payload = received.Slice(head, payloadLength);
            length = head + payloadLength + 2;
            return NatsKind.Message;
        }

        if (line.StartsWith("PING"u8))
            return NatsKind.Ping;
        if (line.StartsWith("-ERR"u8))
        {
            payload = line;
            return NatsKind.Error;
        }

        return line.StartsWith("INFO "u8) || line.StartsWith("PONG"u8) || line.StartsWith("+OK"u8)
            ? NatsKind.Control
            : throw new FormatException("The line is none of NATS'.");
    }
}
