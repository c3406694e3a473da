using System.Text.Json;

namespace OrleansStream.Contracts;

/// <summary>Records of one partition, in order.</summary>
/// <remarks>It documents the answer, which is written straight from the stored batches.</remarks>
public sealed record FetchAnswer
{
    /// <summary>The records; empty when there is nothing new. One that has <c>error</c> stands for all in a batch that cannot be read.</summary>
    public required IReadOnlyList<StoredRecord> Records { get; init; }

    /// <summary>Read on from here: give it as <c>offset</c>.</summary>
    /// <example>1208</example>
    public required long NextOffset { get; init; }

    /// <summary>The first offset that can be read.</summary>
    /// <example>0</example>
    public required long LogStartOffset { get; init; }

    /// <summary>The end of what is durable: the offset the next record will have, as far as readers can see.</summary>
    /// <example>1208</example>
    public required long HighWatermark { get; init; }

    /// <summary>How many records were looked at; only where records are chosen by key, value, header or JSON.</summary>
    /// <example>20000</example>
    public int? LookedAt { get; init; }
}

/// <summary>A record as it is stored.</summary>
public sealed record StoredRecord
{
    /// <summary>The partition it is in.</summary>
    /// <example>3</example>
    public required int Partition { get; init; }

    /// <summary>Its place in the partition.</summary>
    /// <example>1207</example>
    public required long Offset { get; init; }

    /// <summary>RFC 3339, UTC, milliseconds; null when it has none that a calendar knows.</summary>
    /// <example>2026-06-11T19:20:00.000Z</example>
    public DateTimeOffset? Timestamp { get; init; }

    /// <summary>The key, as <c>key_type</c> says; null when it has none.</summary>
    /// <example>argentina-brazil</example>
    public RecordKey? Key { get; init; }

    /// <summary><c>string</c>, <c>json</c> or <c>binary</c> (base64); absent when the key is null.</summary>
    /// <example>string</example>
    public string? KeyType { get; init; }

    /// <summary>The payload, as <c>value_type</c> says; null for a tombstone.</summary>
    public JsonElement? Value { get; init; }

    /// <summary><c>json</c>, <c>string</c> or <c>binary</c> (base64); absent when the value is a tombstone.</summary>
    /// <example>json</example>
    public string? ValueType { get; init; }

    /// <summary>
    /// Its headers, in order; a name or value that is no text is base64, and its <c>key_type</c> or <c>value_type</c> is <c>binary</c>.
    /// </summary>
    public IReadOnlyList<HeaderEntry>? Headers { get; init; }

    /// <summary>The last of the offsets that cannot be read, <c>offset</c> being the first; absent but with <c>error</c>.</summary>
    public long? LastOffset { get; init; }

    /// <summary>Why these offsets cannot be read; beside it there are only <c>partition</c>, <c>offset</c> and <c>last_offset</c>.</summary>
    public UnreadableEntry? Error { get; init; }
}

/// <summary>Why records cannot be read: their batch's checksum is right, but what its producer compressed is malformed or a bomb.</summary>
public sealed record UnreadableEntry
{
    /// <summary>Kafka's name of the error: <c>CORRUPT_MESSAGE</c>.</summary>
    /// <example>CORRUPT_MESSAGE</example>
    public required string ErrorCode { get; init; }

    /// <summary>What is wrong.</summary>
    public required string Detail { get; init; }
}
