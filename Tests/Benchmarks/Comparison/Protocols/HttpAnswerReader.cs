using System.Buffers.Text;

namespace OrleansStream.Comparison.Protocols;

/// <summary>Reads HTTP/1.1 answers (RFC 9112) that have a length or come in chunks. Used by one thread.</summary>
internal sealed class HttpAnswerReader
{
    private byte[] _joined = new byte[64 * 1024];
    private int _joinedLength;
    private bool _isJoined;
    private Range _bodyRange;
    private Range _headRange;

    /// <summary>The status of the answer read last.</summary>
    public int Status { get; private set; }

    /// <summary>Reads an answer.</summary>
    /// <param name="received">What has come so far.</param>
    /// <returns>Its length, or 0 when it is not whole yet.</returns>
    /// <exception cref="FormatException">It is no such answer.</exception>
    public int TryRead(ReadOnlySpan<byte> received)
    {
        var headEnd = received.IndexOf("\r\n\r\n"u8);
        if (headEnd < 0)
            return 0;
        var head = received[..(headEnd + 2)];
        if (!head.StartsWith("HTTP/1.1 "u8) || !Utf8Parser.TryParse(head[9..], out int status, out _))
            throw new FormatException("The answer is not HTTP/1.1.");
        Status = status;
        _headRange = ..(headEnd + 2);
        var bodyStart = headEnd + 4;
        if (Header(head, "Content-Length"u8) is { IsEmpty: false } lengthText)
        {
            if (!Utf8Parser.TryParse(lengthText, out int length, out _))
                throw new FormatException("The answer's Content-Length is no number.");
            (_isJoined, _bodyRange) = (false, bodyStart..(bodyStart + length));
            return received.Length < bodyStart + length ? 0 : bodyStart + length;
        }

        if (!Header(head, "Transfer-Encoding"u8).SequenceEqual("chunked"u8))
            throw new FormatException("The answer has neither a length nor chunks.");
        return TryJoin(received, bodyStart);
    }

    /// <summary>The body of the answer read last.</summary>
    /// <param name="received">The bytes it was read from.</param>
    public ReadOnlySpan<byte> Body(ReadOnlySpan<byte> received) => _isJoined ? _joined.AsSpan(0, _joinedLength) : received[_bodyRange];

    /// <summary>A header of the answer read last; empty when it has none.</summary>
    /// <param name="received">The bytes it was read from.</param>
    /// <param name="name">Its name.</param>
    public ReadOnlySpan<byte> Header(ReadOnlySpan<byte> received, string name) =>
        Header(received[_headRange], System.Text.Encoding.ASCII.GetBytes(name));

    private static ReadOnlySpan<byte> Header(ReadOnlySpan<byte> head, ReadOnlySpan<byte> name)
    {
        while (head.IndexOf("\r\n"u8) is var end and >= 0)
        {
            var line = head[..end];
            if (line.Length > name.Length && line[name.Length] == ':'
                && System.Text.Ascii.EqualsIgnoreCase(line[..name.Length], name))
            {
                return line[(name.Length + 1)..].Trim((byte)' ');
            }

            head = head[(end + 2)..];
        }

        return default;
    }

    // Chunks are walked before they are joined, so that a long answer is copied once, when it is whole.
    private int TryJoin(ReadOnlySpan<byte> received, int bodyStart)
    {
        if (WalkChunks(received, bodyStart, join: false) is var length && length == 0)
            return 0;
        _joinedLength = 0;
        _isJoined = true;
        return WalkChunks(received, bodyStart, join: true) is var end && end == length
            ? end
            : throw new FormatException("The answer's chunks changed while they were read.");
    }

    private int WalkChunks(ReadOnlySpan<byte> received, int position, bool join)
    {
        while (received[position..].IndexOf("\r\n"u8) is var lineEnd and >= 0)
        {
            if (!Utf8Parser.TryParse(received.Slice(position, lineEnd), out int length, out _, 'x'))
                throw new FormatException("A chunk's length is no number.");
            position += lineEnd + 2;
            if (received.Length < position + length + 2)
                return 0;
            if (length == 0)
                return position + 2;
            if (join)
                Append(received.Slice(position, length));
            position += length + 2;
        }

        return 0;
    }

    private void Append(ReadOnlySpan<byte> chunk)
    {
        if (_joined.Length - _joinedLength < chunk.Length)
            Array.Resize(ref _joined, Math.Max(2 * _joined.Length, _joinedLength + chunk.Length));
        chunk.CopyTo(_joined.AsSpan(_joinedLength));
        _joinedLength += chunk.Length;
    }
}
