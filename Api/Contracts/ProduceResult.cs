namespace OrleansStream.Contracts;

/// <summary>What became of the records of a produce request.</summary>
public sealed record ProduceAnswer
{
    /// <summary>One entry per record, in the request's order. For encoded batches sent to one partition: one entry for all.</summary>
    public required IReadOnlyList<ProduceResult> Results { get; init; }
}

/// <summary>What became of one record: its place, or the error.</summary>
public sealed record ProduceResult
{
    /// <summary>The partition it is stored in.</summary>
    /// <example>3</example>
    public int? Partition { get; init; }

    /// <summary>Its offset in that partition.</summary>
    /// <example>1207</example>
    public long? Offset { get; init; }

    /// <summary>Its time, as stored (RFC 3339, UTC, milliseconds).</summary>
    /// <example>2026-06-11T19:20:00.000Z</example>
    public DateTimeOffset? Timestamp { get; init; }

    /// <summary>For encoded batches sent to one partition: how many records follow each other from <c>offset</c>.</summary>
    public int? Count { get; init; }

    /// <summary>Why it was not stored.</summary>
    public Problem? Error { get; init; }
}
