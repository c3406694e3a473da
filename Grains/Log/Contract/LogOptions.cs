namespace OrleansStream.Log.Contract;

/// <summary>The settings of one partition's log. Meanings and defaults are those of the topic settings with the same names.</summary>
public sealed record LogOptions
{
    /// <summary>The length in bytes at which the active segment is closed. Default 128 MiB.</summary>
    public int SegmentBytes { get; init; } = 134_217_728;

    /// <summary>The age at which the active segment is closed. Default 1 day.</summary>
    public TimeSpan SegmentAge { get; init; } = TimeSpan.FromDays(1);

    /// <summary>The largest record, or batch of several records, in bytes. Default 1,048,588.</summary>
    public int MessageBytesMax { get; init; } = 1_048_588;

    /// <summary>The least time between two appends to the store. Default zero: the append under way is the only wait.</summary>
    public TimeSpan FlushInterval { get; init; }

    /// <summary>The age at which a segment may be deleted; null keeps segments of any age. Default 7 days.</summary>
    public TimeSpan? RetentionAge { get; init; } = TimeSpan.FromDays(7);

    /// <summary>The bytes that retention by size always leaves; null keeps any amount. Default 1 GiB.</summary>
    public long? RetentionBytes { get; init; } = 1_073_741_824;

    /// <summary>True when the log stamps records with its own time (LogAppendTime); false to keep the times of the producer.</summary>
    public bool StampsAppendTime { get; init; }

    /// <summary>How far ahead of the clock a batch may be dated. Default 1 hour.</summary>
    public TimeSpan TimestampAheadMax { get; init; } = TimeSpan.FromHours(1);
}

/// <summary>Special offsets of callers that do not know the number of the place they mean.</summary>
public static class LogOffsets
{
    /// <summary>The high watermark.</summary>
    public const long Latest = -1;

    /// <summary>The log start offset.</summary>
    public const long Earliest = -2;

    /// <summary>In a search by time: the latest time that a record has.</summary>
    public const long MaxTimestamp = -3;
}
