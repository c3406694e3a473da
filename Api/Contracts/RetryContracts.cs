namespace OrleansStream.Contracts;

/// <summary>A record that a member could not work on.</summary>
public sealed record FailedRecordEntry
{
    /// <summary>The topic it was delivered from.</summary>
    /// <example>pages</example>
    public required string Topic { get; init; }

    /// <summary>The partition.</summary>
    /// <example>0</example>
    public required int Partition { get; init; }

    /// <summary>The offset.</summary>
    /// <example>17</example>
    public required long Offset { get; init; }

    /// <summary>Why, in at most 1,024 characters; it is kept with the record.</summary>
    /// <example>the site answered 503</example>
    public string? Reason { get; init; }
}

/// <summary>Where a record came from that failed before.</summary>
public sealed record RecordOrigin
{
    /// <summary>The topic.</summary>
    /// <example>pages</example>
    public required string Topic { get; init; }

    /// <summary>The partition.</summary>
    /// <example>0</example>
    public required int Partition { get; init; }

    /// <summary>The offset.</summary>
    /// <example>17</example>
    public required long Offset { get; init; }
}

/// <summary>What shall become of records that fail.</summary>
public sealed record RetryPolicyRequest
{
    /// <summary><c>topic</c> (default): others overtake a record that waits. <c>in_place</c>: the later records of its key wait with it.</summary>
    /// <example>topic</example>
    public string? Retry { get; init; }

    /// <summary>How often a record is delivered before it is a dead letter, 1 to 20. Default 5.</summary>
    /// <example>4</example>
    public int? MaxAttempts { get; init; }

    /// <summary>The wait before each further attempt, in milliseconds; the last goes for all that follow.</summary>
    public IReadOnlyList<int>? BackoffMs { get; init; }

    /// <summary>In place of <c>backoff_ms</c>: waits that grow.</summary>
    public BackoffRequest? Backoff { get; init; }

    /// <summary>The part of each wait, 0 to 1, by which it may be longer at random. Default 0.</summary>
    public double? Jitter { get; init; }

    /// <summary>Where dead letters go. Default: <c>{topic}.{group}.dlq</c>.</summary>
    public string? DeadLetterTopic { get; init; }
}

/// <summary>Waits that grow.</summary>
public sealed record BackoffRequest
{
    /// <summary>The first wait, in milliseconds. Default 1,000.</summary>
    /// <example>1000</example>
    public int? InitialMs { get; init; }

    /// <summary>How many times the one before each wait is. Default 2.</summary>
    /// <example>2</example>
    public double? Multiplier { get; init; }

    /// <summary>The longest wait, in milliseconds. Default 60,000.</summary>
    /// <example>60000</example>
    public int? MaxMs { get; init; }
}

/// <summary>What becomes of records that fail.</summary>
public sealed record RetryPolicyAnswer
{
    /// <summary><c>topic</c> or <c>in_place</c>.</summary>
    /// <example>topic</example>
    public required string Retry { get; init; }

    /// <summary>How often a record is delivered before it is a dead letter.</summary>
    /// <example>4</example>
    public required int MaxAttempts { get; init; }

    /// <summary>The wait before each further attempt, in milliseconds; the last goes for all that follow.</summary>
    public required IReadOnlyList<int> BackoffMs { get; init; }

    /// <summary>The part of each wait by which it may be longer.</summary>
    public required double Jitter { get; init; }

    /// <summary>Where dead letters go; absent for <c>{topic}.{group}.dlq</c>.</summary>
    public string? DeadLetterTopic { get; init; }
}

/// <summary>Which dead letters are wanted back; nothing means all.</summary>
public sealed record RedriveRequest
{
    /// <summary>Only those that came from this topic.</summary>
    public string? Topic { get; init; }

    /// <summary>Only those with this key.</summary>
    public string? Key { get; init; }

    /// <summary>Only those whose reason contains this.</summary>
    /// <example>timeout</example>
    public string? Reason { get; init; }
}

/// <summary>A redrive's progress.</summary>
public sealed record RedriveAnswer
{
    /// <summary><c>none</c>, <c>running</c>, <c>done</c>, or <c>stopped</c>: some were not looked at, and the next one begins with these.</summary>
    /// <example>running</example>
    public required string State { get; init; }

    /// <summary>How many dead letters went back.</summary>
    /// <example>256</example>
    public required long Redriven { get; init; }

    /// <summary>How many are dead letters still; <c>not_redriven</c> tells why.</summary>
    /// <example>0</example>
    public required long Kept { get; init; }

    /// <summary>How many were deleted, alone or with their topic, before they were looked at.</summary>
    /// <example>0</example>
    public required long Gone { get; init; }

    /// <summary>How many are still to be looked at.</summary>
    /// <example>1200</example>
    public required long Left { get; init; }

    /// <summary>Why those did not go back that were kept or are gone.</summary>
    public required IReadOnlyList<RedriveReasonEntry> NotRedriven { get; init; }

    /// <summary>The filter's topic.</summary>
    public string? Topic { get; init; }

    /// <summary>The filter's key.</summary>
    public string? Key { get; init; }

    /// <summary>The filter's reason.</summary>
    public string? Reason { get; init; }

    /// <summary>When it was asked for.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When it was done or stopped.</summary>
    public DateTimeOffset? EndedAt { get; init; }
}

/// <summary>Why dead letters did not go back.</summary>
public sealed record RedriveReasonEntry
{
    /// <summary>
    /// Of those that were kept <c>filter</c>, <c>foreign</c>, <c>unreadable</c>, <c>too_large</c>, <c>refused</c> or <c>unavailable</c>; of those
    /// that are gone <c>deleted</c>.
    /// </summary>
    /// <example>too_large</example>
    public required string Reason { get; init; }

    /// <summary>How many.</summary>
    /// <example>3</example>
    public required long Count { get; init; }

    /// <summary>What was said of the last of them.</summary>
    public string? Detail { get; init; }
}
