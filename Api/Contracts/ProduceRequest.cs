using System.Text.Json;

namespace OrleansStream.Contracts;

/// <summary>Records to store.</summary>
/// <remarks>It documents the body; the service parses a body straight into an encoded batch and makes no such object.</remarks>
public sealed record ProduceRequest
{
    /// <summary>The records, 1 to 100,000.</summary>
    public required IReadOnlyList<ProduceRecord> Records { get; init; }

    /// <summary>How <c>key</c> is read, unless a record says otherwise: <c>string</c> (default), <c>json</c>, or <c>binary</c> (base64).</summary>
    /// <example>string</example>
    public string? KeyType { get; init; }

    /// <summary>How <c>value</c> is read, unless a record says otherwise: <c>json</c> (default), <c>string</c>, or <c>binary</c> (base64).</summary>
    /// <example>json</example>
    public string? ValueType { get; init; }

    /// <summary>
    /// When to answer: <c>"all"</c> (default) once the records are durable; <c>1</c> once they are ordered; <c>0</c> at once (202, no
    /// results).
    /// </summary>
    /// <example>all</example>
    public AcksChoice? Acks { get; init; }
}

/// <summary>One record to store.</summary>
public sealed record ProduceRecord
{
    /// <summary>Records with equal keys go to one partition, in order. Absent or null: any partition.</summary>
    /// <example>argentina-brazil</example>
    public RecordKey? Key { get; init; }

    /// <summary>The payload, stored as sent. Null stores a tombstone.</summary>
    public required JsonElement Value { get; init; }

    /// <summary>Small annotations beside the payload, in order; names may repeat.</summary>
    public IReadOnlyList<HeaderEntry>? Headers { get; init; }

    /// <summary>RFC 3339, or milliseconds since the Unix epoch. Absent: the server's time.</summary>
    /// <example>2026-06-11T19:20:00Z</example>
    public RecordTimestamp? Timestamp { get; init; }

    /// <summary>The partition to store it in, before the key's choice. Not allowed where the path names one.</summary>
    public int? Partition { get; init; }

    /// <summary>How this record's key is read.</summary>
    public string? KeyType { get; init; }

    /// <summary>How this record's value is read.</summary>
    public string? ValueType { get; init; }
}

/// <summary>A header of a record.</summary>
public sealed record HeaderEntry
{
    /// <summary>Its name: text, or base64 where <c>key_type</c> is <c>binary</c>.</summary>
    /// <example>source</example>
    public required string Key { get; init; }

    /// <summary><c>string</c> (default) or <c>binary</c>.</summary>
    public string? KeyType { get; init; }

    /// <summary>Its value: text, or base64 where <c>value_type</c> is <c>binary</c>; may be null.</summary>
    /// <example>stadium</example>
    public required string? Value { get; init; }

    /// <summary><c>string</c> (default) or <c>binary</c>.</summary>
    public string? ValueType { get; init; }
}
