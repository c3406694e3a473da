using OrleansStream.WebConsole.Calls;

namespace OrleansStream.WebConsole.Records;

/// <summary>Which records are wanted: all that is set must hold. The service chooses; only records that it takes come to the browser.</summary>
/// <param name="key">A text in the key; empty for any.</param>
/// <param name="value">A text in the value; empty for any.</param>
/// <param name="header">A header's name, or <c>name=text</c>; empty for any.</param>
/// <param name="json">A path in JSON values and what is there, such as <c>$.minute &gt;= 80</c>; empty for any.</param>
public sealed class RecordFilter(string? key, string? value, string? header, string? json)
{
    /// <summary>Takes all records.</summary>
    public static readonly RecordFilter None = new(null, null, null, null);

    /// <summary>What a fetch's query ends with, to choose records; empty for all.</summary>
    public string Query { get; } = $"{Part("key_contains", key)}{Part("value_contains", value)}{Part("header", header)}{Part("json", json)}";

    /// <summary>True when any record will do.</summary>
    public bool IsEmpty => Query.Length == 0;

    private static string Part(string name, string? text) => string.IsNullOrWhiteSpace(text) ? "" : $"&{name}={Text.Escape(text)}";
}
