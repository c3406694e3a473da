using System.Text;
using OrleansStream.Cli.Texts;
using OrleansStream.Client.Producing;
using OrleansStream.Client.Records;

namespace OrleansStream.Cli.Produce;

/// <summary>How a line becomes a record. The defaults are those of Kafka's console producer.</summary>
internal sealed record LineFormat
{
    /// <summary>True when a line begins with headers.</summary>
    public bool HasHeaders { get; init; }

    /// <summary>True when a line has a key before its value.</summary>
    public bool HasKey { get; init; }

    /// <summary>What stands between the headers and what follows.</summary>
    public byte[] HeadersDelimiter { get; init; } = "\t"u8.ToArray();

    /// <summary>What stands between two headers.</summary>
    public byte[] HeadersSeparator { get; init; } = ","u8.ToArray();

    /// <summary>What stands between a header's name and its value.</summary>
    public byte[] HeaderKeySeparator { get; init; } = ":"u8.ToArray();

    /// <summary>What stands between the key and the value.</summary>
    public byte[] KeySeparator { get; init; } = "\t"u8.ToArray();

    /// <summary>What stands for null as a key, a value or a header's value; null when nothing does.</summary>
    public byte[]? NullMarker { get; init; }

    /// <summary>True when a line without a separator is a value without a key.</summary>
    public bool ToleratesLines { get; init; }

    /// <summary>Makes a record of a line.</summary>
    /// <param name="line">The line, without its end.</param>
    /// <param name="number">Its number, for the error.</param>
    /// <returns>The record, as long as the line's memory is.</returns>
    /// <exception cref="InvalidDataException">A separator is missing.</exception>
    public OutgoingRecord<ReadOnlyMemory<byte>> Parse(ReadOnlyMemory<byte> line, long number)
    {
        List<StreamHeader>? headers = null;
        if (HasHeaders && TryCut(ref line, HeadersDelimiter, "headers", "--property headers.delimiter=", number) is { } texts)
            headers = IsNull(texts.Span) ? null : ParseHeaders(texts, number);
        var key = HasKey ? TryCut(ref line, KeySeparator, "key", "--key-separator", number) : null;
        return new OutgoingRecord<ReadOnlyMemory<byte>>(null, line)
        {
            KeyBytes = key is { } bytes && !IsNull(bytes.Span) ? bytes : (ReadOnlyMemory<byte>?)null,
            IsTombstone = IsNull(line.Span),
            Headers = headers,
        };
    }

    private ReadOnlyMemory<byte>? TryCut(ref ReadOnlyMemory<byte> line, byte[] separator, string what, string option, long number)
    {
        var at = line.Span.IndexOf(separator);
        if (at < 0)
        {
            return ToleratesLines ? (ReadOnlyMemory<byte>?)null : throw new InvalidDataException(
                $"Line {number} has no {what} separator '{Encoding.UTF8.GetString(separator)}'. {option} names another one; --ignore-error takes such lines as values.");
        }

        var before = line[..at];
        line = line[(at + separator.Length)..];
        return before;
    }

    private List<StreamHeader> ParseHeaders(ReadOnlyMemory<byte> texts, long number)
    {
        var headers = new List<StreamHeader>();
        while (texts.Length > 0)
        {
            var end = texts.Span.IndexOf(HeadersSeparator);
            var text = end < 0 ? texts : texts[..end];
            texts = end < 0 ? default : texts[(end + HeadersSeparator.Length)..];
            var at = text.Span.IndexOf(HeaderKeySeparator);
            if (at < 0)
                throw new InvalidDataException($"Line {number} has a header without '{Encoding.UTF8.GetString(HeaderKeySeparator)}' between its name and its value.");
            var value = text[(at + HeaderKeySeparator.Length)..].ToArray();
            headers.Add(new StreamHeader(Encoding.UTF8.GetString(text.Span[..at]), IsNull(value) ? (ReadOnlyMemory<byte>?)null : value));
        }

        return headers;
    }

    /// <summary>Whether bytes stand for null.</summary>
    public bool IsNull(ReadOnlySpan<byte> bytes) => NullMarker is { } marker && bytes.SequenceEqual(marker);

    /// <summary>Reads Kafka's own words for all this, such as <c>parse.key=true</c>.</summary>
    /// <param name="properties">The properties as they were typed, <c>name=value</c>; null for none.</param>
    /// <returns>A format that has them; this one is not changed.</returns>
    /// <exception cref="ArgumentException">There is no such property.</exception>
    public LineFormat With(IEnumerable<string>? properties)
    {
        var format = this;
        foreach (var (name, value) in Pairs.Split(properties, "--property"))
        {
            format = name switch
            {
                "parse.key" => format with { HasKey = IsTrue(name, value) },
                "key.separator" => format with { KeySeparator = Separator(name, value) },
                "parse.headers" => format with { HasHeaders = IsTrue(name, value) },
                "headers.delimiter" => format with { HeadersDelimiter = Separator(name, value) },
                "headers.separator" => format with { HeadersSeparator = Separator(name, value) },
                "headers.key.separator" => format with { HeaderKeySeparator = Separator(name, value) },
                "null.marker" => format with { NullMarker = Separator(name, value) },
                "ignore.error" => format with { ToleratesLines = IsTrue(name, value) },
                _ => throw new ArgumentException(
                    $"--property {name} is not known. Known are parse.key, key.separator, parse.headers, headers.delimiter, headers.separator, headers.key.separator, null.marker and ignore.error."),
            };
        }

        return format;
    }

    /// <summary>Reads a separator, with escapes.</summary>
    /// <param name="name">Its option, for the error.</param>
    /// <param name="value">The text that was typed, with escapes.</param>
    /// <exception cref="ArgumentException">It is empty, or has a wrong escape.</exception>
    public static byte[] Separator(string name, string value) =>
        Escapes.Read(value, name) is { Length: > 0 } bytes ? bytes : throw new ArgumentException($"{name} must not be empty.");

    private static bool IsTrue(string name, string value) => bool.TryParse(value, out var isTrue)
        ? isTrue
        : throw new ArgumentException($"--property {name} must be true or false, and not '{value}'.");
}
