using OrleansStream.Groups;

namespace OrleansStream.Gateway.Groups;

/// <summary>Where a consumer goes on when there is no committed offset, or the offset is not in the log.</summary>
public enum OffsetPolicy
{
    /// <summary>At the first record in the log.</summary>
    Earliest,

    /// <summary>At the end, so that it reads only new records.</summary>
    Latest,

    /// <summary>Nowhere: the consumer gets an error.</summary>
    Error,
}

/// <summary>The options of a poll.</summary>
public sealed record PollOptions
{
    /// <summary>The topics, in ordinal order.</summary>
    public required IReadOnlyList<string> Topics { get; init; }

    /// <summary>The cursor of the member's last answer; null for a process that has just started.</summary>
    public GroupCursor? Cursor { get; init; }

    /// <summary>True to commit the offsets of the cursor.</summary>
    public bool Commits { get; init; } = true;

    /// <summary>The records of the cursor's answer that failed.</summary>
    public IReadOnlyList<FailedEntry> Failed { get; init; } = [];

    /// <summary>The most records in an answer. Of a group with a retry policy they are at most <see cref="GroupLimits.FailedPerPollMax"/>.</summary>
    public int RecordsMax { get; init; }

    /// <summary>True for a poll without records, which renews the lease and commits, and leaves the member's partitions as they are.</summary>
    public bool IsHeartbeat => RecordsMax == 0;

    /// <summary>The most bytes of batches read for an answer.</summary>
    public int BytesMax { get; init; }

    /// <summary>How long to wait for a record, in milliseconds.</summary>
    public int WaitMs { get; init; }

    /// <summary>The length of the lease, in milliseconds.</summary>
    public int LeaseMs { get; init; }

    /// <summary>Where to go on when there is no committed offset.</summary>
    public OffsetPolicy Policy { get; init; }

    /// <summary>The assignor that the member asks for; null for no preference.</summary>
    public string? Assignor { get; init; }
}

/// <summary>A record that a member could not process, as the member named it.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Offset">The offset.</param>
/// <param name="Reason">Why it failed.</param>
public sealed record FailedEntry(string Topic, int Partition, long Offset, string Reason);
