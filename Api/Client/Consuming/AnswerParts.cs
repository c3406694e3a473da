using System.Globalization;
using System.Text;

namespace OrleansStream.Client.Consuming;

/// <summary>
/// Walks the parts of an answer in memory (<c>multipart/mixed</c>). It takes what the service writes, and nothing before the first part or behind the
/// last.
/// </summary>
/// <param name="bytes">The answer.</param>
/// <param name="boundary">The text between the parts, by the answer's content type.</param>
internal sealed class AnswerParts(Memory<byte> bytes, string boundary)
{
    private readonly byte[] _delimiter = Encoding.ASCII.GetBytes($"\r\n--{boundary}");
    private int _position;

    private enum Field
    {
        ContentType,
        Topic,
        Partition,
        Other,
    }

    /// <summary>The media type of the current part.</summary>
    public string MediaType { get; private set; } = "";

    /// <summary>The topic of the current part's records; empty when its headers do not say.</summary>
    public string Topic { get; private set; } = "";

    /// <summary>The partition of the current part's records; null when its headers do not say.</summary>
    public int? Partition { get; private set; }

    /// <summary>The answer from the current place on, which is in the current part until its delimiter.</summary>
    public Memory<byte> Rest => bytes[_position..];

    /// <summary>True at the end of the current part.</summary>
    public bool IsAtEnd => Rest.Span.StartsWith(_delimiter);

    /// <summary>Goes to the next part, from the end of the current one.</summary>
    /// <returns>False at the end of the answer.</returns>
    /// <exception cref="FormatException">The answer was cut off, or has no parts.</exception>
    public bool MoveNext()
    {
        // Nothing is before the first delimiter, not even the line end.
        var delimiter = _position == 0 ? _delimiter.AsSpan(2) : _delimiter;
        if (!Rest.Span.StartsWith(delimiter))
            throw new FormatException(_position == 0 ? "It does not begin with a part." : "It ends within a part.");
        _position += delimiter.Length;
        if (Rest.Span.SequenceEqual("--\r\n"u8))
            return false;
        if (NextLine().Length > 0)
            throw new FormatException("Text follows the delimiter of a part.");
        (MediaType, Topic, Partition) = ("", "", null);
        for (var line = NextLine(); line.Length > 0; line = NextLine())
            Read(line);
        return true;
    }

    /// <summary>Passes bytes of the current part.</summary>
    /// <param name="lengthBytes">How many.</param>
    public void Skip(int lengthBytes) => _position += lengthBytes;

    /// <summary>Takes the rest of the current part.</summary>
    /// <exception cref="FormatException">The answer was cut off.</exception>
    public Memory<byte> TakeRest()
    {
        var length = Rest.Span.IndexOf(_delimiter);
        if (length < 0)
            throw new FormatException("It ends within a part.");
        var rest = Rest[..length];
        _position += length;
        return rest;
    }

    private ReadOnlySpan<byte> NextLine()
    {
        var rest = Rest.Span;
        var length = rest.IndexOf("\r\n"u8);
        if (length < 0)
            throw new FormatException("It ends within the headers of a part.");
        _position += length + 2;
        return rest[..length];
    }

    private void Read(ReadOnlySpan<byte> line)
    {
        var colon = line.IndexOf((byte)':');
        if (colon < 0)
            throw new FormatException("A header of a part has no colon.");
        var value = line[(colon + 1)..].Trim((byte)' ');
        switch (FieldOf(line[..colon]))
        {
            case Field.ContentType:
                MediaType = Encoding.ASCII.GetString(value);
                break;
            case Field.Topic:
                Topic = Encoding.ASCII.GetString(value);
                break;
            case Field.Partition:
                Partition = int.Parse(value, NumberStyles.None, CultureInfo.InvariantCulture);
                break;
        }
    }

    private static Field FieldOf(ReadOnlySpan<byte> name) =>
        Ascii.EqualsIgnoreCase(name, "Content-Type"u8) ? Field.ContentType
        : Ascii.EqualsIgnoreCase(name, "Topic"u8) ? Field.Topic
        : Ascii.EqualsIgnoreCase(name, "Partition"u8) ? Field.Partition
        : Field.Other;
}
