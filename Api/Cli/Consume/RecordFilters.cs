using System.Text;
using OrleansStream.Client.Consuming;

namespace OrleansStream.Cli.Consume;

/// <summary>Which records are wanted: those that all filters let through.</summary>
/// <param name="Key">What the key is compared with; null for anything.</param>
/// <param name="Value">What the value is compared with; null for anything.</param>
/// <param name="Headers">Which headers a record must have, and what their values are compared with; a null pattern means any value.</param>
internal sealed record RecordFilters(TextPattern? Key, TextPattern? Value, IReadOnlyList<(string Name, TextPattern? Value)> Headers)
{
    /// <summary>True when there is a filter.</summary>
    public bool IsAny => Key is not null || Value is not null || Headers.Count > 0;

    /// <summary>Reads filters.</summary>
    /// <param name="key">The key's; null for none.</param>
    /// <param name="value">The value's; null for none.</param>
    /// <param name="headers">The headers', as <c>name</c> or <c>name=pattern</c>.</param>
    /// <exception cref="ArgumentException">One is wrong.</exception>
    public static RecordFilters Parse(string? key, string? value, IEnumerable<string>? headers) => new(
        key is null ? null : TextPattern.Parse(key, "--key-filter"),
        value is null ? null : TextPattern.Parse(value, "--value-filter"),
        [.. (headers ?? []).Select(ParseHeader)]);

    /// <summary>Whether a record is wanted.</summary>
    public bool Wants(ConsumedRecord<byte[]> record)
    {
        if (Key is not null && !Key.IsMatch(record.Key))
            return false;
        if (Value is not null && !Value.IsMatch(record.IsTombstone ? null : Encoding.UTF8.GetString(record.Value!)))
            return false;
        return Headers.All(wanted => record.Headers.Any(header =>
            header.Key == wanted.Name && (wanted.Value is null || wanted.Value.IsMatch(header.Text))));
    }

    private static (string Name, TextPattern? Value) ParseHeader(string text)
    {
        var at = text.IndexOf('=', StringComparison.Ordinal);
        if (at == 0 || text.Length == 0)
            throw new ArgumentException($"--header-filter '{text}' must be a header's name, or a name, '=' and what its value has.");
        return at < 0 ? (text, null) : (text[..at], TextPattern.Parse(text[(at + 1)..], "--header-filter"));
    }
}
