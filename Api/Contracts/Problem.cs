namespace OrleansStream.Contracts;

/// <summary>A failure (RFC 9457, <c>application/problem+json</c>).</summary>
public sealed record Problem
{
    /// <summary>Names the kind of failure; the same for every occurrence.</summary>
    public required string Type { get; init; }

    /// <summary>The kind of failure in a few words.</summary>
    public required string Title { get; init; }

    /// <summary>The HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>What is wrong with this request, and what is allowed.</summary>
    public required string Detail { get; init; }

    /// <summary>Kafka's name of the error.</summary>
    public required string ErrorCode { get; init; }

    /// <summary>Kafka's number of the error; 1000 and above are this service's own.</summary>
    public required int KafkaCode { get; init; }

    /// <summary>True when the very same request may succeed later.</summary>
    public required bool Retriable { get; init; }

    /// <summary><c>unknown</c> when it is not known whether a write took effect; absent otherwise.</summary>
    public string? Outcome { get; init; }

    /// <summary>The field at fault, such as <c>records[3].value</c>.</summary>
    public string? Field { get; init; }

    /// <summary>The log's first readable offset, where the error is about offsets.</summary>
    public long? LogStartOffset { get; init; }

    /// <summary>The log's durable end offset, where the error is about offsets.</summary>
    public long? HighWatermark { get; init; }

    /// <summary>The partition's next offset, where <c>If-Match</c> named another one.</summary>
    public long? NextOffset { get; init; }

    /// <summary>Where stored bytes are damaged, when that is why they are not served.</summary>
    public DamageEntry? Damage { get; init; }

    /// <summary>
    /// Finds this request in the server's log, if it failed there, and in the traces, if its trace is recorded. Where the caller sends a
    /// <c>traceparent</c>, it is the id of that trace. Absent in the error of a single record.
    /// </summary>
    public string? TraceId { get; init; }

    /// <summary>When no record of a produce request was stored: what became of each, in order.</summary>
    public IReadOnlyList<ProduceResult>? Results { get; init; }

    /// <summary>When a group's member was refused: its epoch now. It goes on from here, with <c>cursor</c> if there is one.</summary>
    public long? MemberEpoch { get; init; }

    /// <summary>When a group's member was refused: its partitions now.</summary>
    public IReadOnlyList<TopicAssignment>? Assignment { get; init; }

    /// <summary>
    /// When a group's member was refused: the cursor to poll with. Absent when another process took its place, and with
    /// <c>RECORDS_WAIT_IN_PLACE</c>, where the cursor of its last answer still counts.
    /// </summary>
    public string? Cursor { get; init; }
}

/// <summary>Where stored bytes are damaged. Restore the segment from a backup, or read on behind it.</summary>
public sealed record DamageEntry
{
    /// <summary>The topic.</summary>
    public required string Topic { get; init; }

    /// <summary>The partition.</summary>
    public required int Partition { get; init; }

    /// <summary>The first offset that cannot be served because of it.</summary>
    public required long Offset { get; init; }

    /// <summary>The segment's name: a file below <c>segments/</c> of the data folder, or a blob of the container.</summary>
    public required string Segment { get; init; }

    /// <summary>The first byte in it that cannot be trusted.</summary>
    public required long Position { get; init; }
}
