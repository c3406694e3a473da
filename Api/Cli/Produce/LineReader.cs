namespace OrleansStream.Cli.Produce;

/// <summary>
/// Reads lines as bytes, so that what is no UTF-8 comes through as it is. A line ends with LF or CR LF; the last one may end with neither.
/// </summary>
internal sealed class LineReader(Stream input)
{
    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    private byte[] _buffer = new byte[ProduceLimits.LineBytesInitial];
    private int _start;
    private int _end;
    private bool _isOver;

    /// <summary>The number of the line that was read last, from 1.</summary>
    public long Number { get; private set; }

    /// <summary>The bytes that were read, with the ends of lines.</summary>
    public long BytesRead { get; private set; }

    /// <summary>Reads the next line, without its end; the last one may have none.</summary>
    /// <param name="cancellationToken">Ends the wait, also one for somebody who types.</param>
    /// <returns>The line, until the next call; null at the end.</returns>
    /// <exception cref="InvalidDataException">The line is longer than <see cref="ProduceLimits.LineBytesMax"/>.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellationToken)
    {
        for (var searched = 0; ;)
        {
            var found = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (found >= 0)
                return Take(searched + found, ending: 1);
            searched = _end - _start;
            if (_isOver)
                return searched > 0 ? Take(searched, ending: 0) : (ReadOnlyMemory<byte>?)null;
            MakeRoom();
            // A read of a terminal or a pipe cannot be cancelled; it is left behind.
            var read = await input.ReadAsync(_buffer.AsMemory(_end), CancellationToken.None).AsTask().WaitAsync(cancellationToken);
            BytesRead += read;
            _end += read;
            _isOver = read == 0;
        }
    }

    private ReadOnlyMemory<byte> Take(int length, int ending)
    {
        Number++;
        var line = _buffer.AsMemory(_start, length);
        _start += length + ending;
        // Some editors begin a file with it, and nobody sees it there.
        if (Number == 1 && line.Span.StartsWith(ByteOrderMark))
            line = line[ByteOrderMark.Length..];
        return line.Length > 0 && line.Span[^1] == '\r' ? line[..^1] : line;
    }

    private void MakeRoom()
    {
        if (_end < _buffer.Length)
            return;
        if (_end - _start >= ProduceLimits.LineBytesMax)
            throw new InvalidDataException($"Line {Number + 1} is longer than {ProduceLimits.LineBytesMax:N0} bytes.");
        var room = _start > 0 ? _buffer : new byte[2 * _buffer.Length];
        _buffer.AsSpan(_start, _end - _start).CopyTo(room);
        (_buffer, _start, _end) = (room, 0, _end - _start);
    }
}
