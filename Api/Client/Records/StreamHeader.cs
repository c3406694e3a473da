using System.Text;

namespace OrleansStream.Client.Records;

/// <summary>A header of a record: a small annotation beside its value. Names may repeat.</summary>
/// <param name="Key">The name.</param>
/// <param name="Value">The bytes; null for none.</param>
public readonly record struct StreamHeader(string Key, ReadOnlyMemory<byte>? Value)
{
    /// <summary>A header whose value is text.</summary>
    /// <param name="key">The name.</param>
    /// <param name="text">The value.</param>
    public StreamHeader(string key, string text)
        : this(key, Encoding.UTF8.GetBytes(text))
    {
    }

    /// <summary>The value as text; null for none. Bytes that are not UTF-8 become U+FFFD.</summary>
    public string? Text => Value is { } value ? Encoding.UTF8.GetString(value.Span) : null;
}
