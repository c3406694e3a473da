namespace OrleansStream.Gateway.Groups;

/// <summary>Where a consumer goes on when there is no committed offset, or retention has deleted what it points to.</summary>
public enum OffsetPolicy
{
    /// <summary>At the first record there is.</summary>
    Earliest,

    /// <summary>At the end: only what comes from now on.</summary>
    Latest,

    /// <summary>Nowhere: it is told so.</summary>
    Error,
}

/// <summary>A poll, as it was asked for.</summary>
public sealed record PollOptions
{
    /// <summary>The topics, in ordinal order.</summary>
    public required IReadOnlyList<string> Topics { get; init; }

    /// <summary>What the member was told last; null for a process that has just started.</summary>
    public GroupCursor? Cursor { get; init; }

    /// <summary>True to commit what the cursor says is done.</summary>
    public bool Commits { get; init; } = true;

    /// <summary>The records of the cursor's answer that failed.</summary>
    public IReadOnlyList<FailedEntry> Failed { get; init; } = [];

    /// <summary>The most records in an answer.</summary>
    public int RecordsMax { get; init; }

    /// <summary>True for a poll that takes no records: it renews the lease and commits, and leaves the member's partitions as they are.</summary>
    public bool IsHeartbeat => RecordsMax == 0;

    /// <summary>The most bytes of batches read for an answer.</summary>
    public int BytesMax { get; init; }

    /// <summary>How long to wait for a record, in milliseconds.</summary>
    public int WaitMs { get; init; }

    /// <summary>The length of the lease, in milliseconds.</summary>
    public int LeaseMs { get; init; }

    /// <summary>Where to go on without a committed offset.</summary>
    public OffsetPolicy Policy { get; init; }

    /// <summary>The assignor asked for; null for no preference.</summary>
    public string? Assignor { get; init; }
}

/// <summary>A record that a member could not work on, as it was told.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Offset">The offset.</param>
/// <param name="Reason">Why.</param>
public sealed record FailedEntry(string Topic, int Partition, long Offset, string Reason);
