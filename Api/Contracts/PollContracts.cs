using System.Text.Json;

namespace OrleansStream.Contracts;

/// <summary>A poll.</summary>
/// <remarks>It documents the request, which is read by hand so that every fault is told by its field.</remarks>
public sealed record PollRequest
{
    /// <summary>The topics to read; one that does not exist yet is read from when it is created.</summary>
    /// <example>["matches"]</example>
    public required IReadOnlyList<string> Topics { get; init; }

    /// <summary>
    /// The cursor of the member's last answer: its records are done with and are committed. Absent when the process has just started.
    /// </summary>
    public string? Cursor { get; init; }

    /// <summary>False to read on behind the cursor without committing it. Default true.</summary>
    public bool? Commit { get; init; }

    /// <summary>The records of the cursor's answer that the member could not work on; the group's policy says what becomes of them.</summary>
    public IReadOnlyList<FailedRecordEntry>? Failed { get; init; }

    /// <summary>
    /// The most records in the answer. Default 500; of a group with a retry policy at most 1,000, as many as may fail in one poll. 0 makes
    /// the poll a heartbeat for long work: it renews the lease and commits what the cursor says, is answered at once, and moves no partitions. With
    /// <c>commit</c> false it only renews, and the cursor stays the one to commit later.
    /// </summary>
    /// <example>500</example>
    public int? MaxRecords { get; init; }

    /// <summary>The most bytes of batches read for the answer. Default 1 MiB.</summary>
    public int? MaxBytes { get; init; }

    /// <summary>How long to wait for a record, in milliseconds. Default 0.</summary>
    /// <example>1000</example>
    public int? WaitMs { get; init; }

    /// <summary>How long the member keeps its partitions without polling, in milliseconds. Default 30,000.</summary>
    /// <example>30000</example>
    public int? LeaseMs { get; init; }

    /// <summary>
    /// <c>earliest</c> (default), <c>latest</c> or <c>error</c>: where to go on without a committed offset, or when it is not in the log. A
    /// partition that was added after the group came to read its topic is read from its start in any case.
    /// </summary>
    public string? AutoOffsetReset { get; init; }

    /// <summary><c>sticky</c> (default) or <c>range</c>; the group uses what most of its members ask for.</summary>
    public string? Assignor { get; init; }

    /// <summary>How keys appear: <c>auto</c>, <c>string</c>, <c>json</c> or <c>binary</c>.</summary>
    public string? KeyAs { get; init; }

    /// <summary>How values appear: <c>auto</c>, <c>json</c>, <c>string</c> or <c>binary</c>.</summary>
    public string? ValueAs { get; init; }
}

/// <summary>Records of the member's partitions, each partition's in order.</summary>
/// <remarks>It documents the answer, which is written straight from the stored batches.</remarks>
public sealed record PollAnswer
{
    /// <summary>The member's epoch; it changes exactly when its partitions do, or its process.</summary>
    /// <example>7</example>
    public required long MemberEpoch { get; init; }

    /// <summary>The partitions go to others unless the member polls before this.</summary>
    public required DateTimeOffset LeaseExpiresAt { get; init; }

    /// <summary>The member's partitions.</summary>
    public required IReadOnlyList<TopicAssignment> Assignment { get; init; }

    /// <summary>The records; empty when there is nothing new. One that has <c>error</c> stands for all in a batch that cannot be read.</summary>
    public required IReadOnlyList<PolledRecord> Records { get; init; }

    /// <summary>
    /// Where what was to be read next is not in the log, as retention was faster or it lies beyond the end, and reading went on; absent when
    /// nowhere.
    /// </summary>
    public IReadOnlyList<ResetEntry>? Resets { get; init; }

    /// <summary>Partitions that could not be read just now, such as those that are moving; absent when all could.</summary>
    public IReadOnlyList<UnavailableEntry>? Unavailable { get; init; }

    /// <summary>Topics of the poll that do not exist; they are read from their first record once they do. Absent when all exist.</summary>
    /// <example>["matchs"]</example>
    public IReadOnlyList<string>? UnknownTopics { get; init; }

    /// <summary>Send it with the next poll, when the records are done with.</summary>
    public required string Cursor { get; init; }

    /// <summary>The records of the member's partitions behind this answer; absent with <c>max_records</c> 0, which looks at none.</summary>
    /// <example>12</example>
    public long? Lag { get; init; }
}

/// <summary>A record of a topic.</summary>
public sealed record PolledRecord
{
    /// <summary>The topic it is in.</summary>
    /// <example>matches</example>
    public required string Topic { get; init; }

    /// <summary>The partition it is in.</summary>
    /// <example>3</example>
    public required int Partition { get; init; }

    /// <summary>Its place in the partition.</summary>
    /// <example>1207</example>
    public required long Offset { get; init; }

    /// <summary>RFC 3339, UTC, milliseconds.</summary>
    public DateTimeOffset? Timestamp { get; init; }

    /// <summary>The key, as <c>key_type</c> says; null when it has none.</summary>
    public RecordKey? Key { get; init; }

    /// <summary><c>string</c>, <c>json</c> or <c>binary</c> (base64).</summary>
    /// <example>string</example>
    public string? KeyType { get; init; }

    /// <summary>The payload, as <c>value_type</c> says; null for a tombstone.</summary>
    public JsonElement? Value { get; init; }

    /// <summary><c>json</c>, <c>string</c> or <c>binary</c> (base64).</summary>
    /// <example>json</example>
    public string? ValueType { get; init; }

    /// <summary>Its headers, in order.</summary>
    public IReadOnlyList<HeaderEntry>? Headers { get; init; }

    /// <summary>Which attempt this is, of a record that failed before; absent the first time.</summary>
    /// <example>2</example>
    public int? Attempt { get; init; }

    /// <summary>Where a record came from that failed before and waited elsewhere.</summary>
    public RecordOrigin? Origin { get; init; }

    /// <summary>The last of the offsets that cannot be read, <c>offset</c> being the first; absent but with <c>error</c>.</summary>
    public long? LastOffset { get; init; }

    /// <summary>
    /// Why these offsets cannot be read; beside it there are only <c>topic</c>, <c>partition</c>, <c>offset</c> and <c>last_offset</c>.
    /// </summary>
    public UnreadableEntry? Error { get; init; }
}

/// <summary>A member's partitions of one topic.</summary>
public sealed record TopicAssignment
{
    /// <summary>The topic.</summary>
    /// <example>matches</example>
    public required string Topic { get; init; }

    /// <summary>Its partitions.</summary>
    /// <example>[0, 2]</example>
    public required IReadOnlyList<int> Partitions { get; init; }
}

/// <summary>A place that was deleted before it was read, or that lies beyond the end of the log.</summary>
public sealed record ResetEntry
{
    /// <summary>The topic.</summary>
    public required string Topic { get; init; }

    /// <summary>The partition.</summary>
    public required int Partition { get; init; }

    /// <summary>The offset that was to be read.</summary>
    public required long From { get; init; }

    /// <summary>The offset that reading went on at.</summary>
    public required long To { get; init; }
}

/// <summary>A partition that could not be read.</summary>
public sealed record UnavailableEntry
{
    /// <summary>The topic.</summary>
    public required string Topic { get; init; }

    /// <summary>The partition.</summary>
    public required int Partition { get; init; }

    /// <summary>Kafka's name of the error.</summary>
    public required string ErrorCode { get; init; }

    /// <summary>What is wrong.</summary>
    public required string Detail { get; init; }
}
