using OrleansStream.Errors;

namespace OrleansStream.Log.Contract;

/// <summary>When an append to a log is answered.</summary>
public enum LogAcks
{
    /// <summary>Once the bytes are durable.</summary>
    Durable,

    /// <summary>Once the batches have their place in memory.</summary>
    Ordered,

    /// <summary>Once the batches are admitted; the result carries no offset.</summary>
    Admitted,
}

/// <summary>Why an append or fetch was not done.</summary>
/// <param name="Code">What went wrong.</param>
/// <param name="Detail">One sentence with the bounds that matter.</param>
/// <param name="OutcomeUnknown">True when the batches may be stored nevertheless, now or later.</param>
/// <param name="RetryAfter">When to try again, if waiting helps; else null.</param>
public sealed record LogError(
    StreamErrorCode Code, string Detail, bool OutcomeUnknown = false, TimeSpan? RetryAfter = null)
{
    /// <summary>Where durable bytes are damaged, if damage is the reason; else null.</summary>
    public LogDamage? Damage { get; init; }

    /// <summary>The log's next offset, if the caller expected another one; else null.</summary>
    public long? NextOffset { get; init; }
}

/// <summary>Where durable bytes of a log are damaged.</summary>
/// <param name="Segment">The segment's name in the store.</param>
/// <param name="Position">The position of the first byte that cannot be trusted.</param>
/// <param name="Offset">The first offset that cannot be served because of the damage.</param>
public sealed record LogDamage(string Segment, long Position, long Offset);

/// <summary>The outcome of an append.</summary>
/// <param name="Error">Null when the append was done.</param>
/// <param name="BaseOffset">The offset of the first record, or -1.</param>
/// <param name="AppendTimeMs">The time that the log stamped on the records, in ms since the Unix epoch, or -1.</param>
/// <param name="LogStartOffset">The first readable offset.</param>
/// <param name="Duplicate">True when an earlier try stored the batch; the offset is then that of the earlier try.</param>
public readonly record struct LogAppendResult(
    LogError? Error, long BaseOffset, long AppendTimeMs, long LogStartOffset, bool Duplicate = false);

/// <summary>Batches read from a log.</summary>
/// <param name="Error">Null when the offset was within the log.</param>
/// <param name="Offset">
/// The offset that was read from, also where one of <see cref="LogOffsets"/> was asked for; of a failed read the offset as it was asked for.
/// </param>
/// <param name="Batches">Whole batches as stored, back to back. The first may begin below the offset. Empty when nothing is new.</param>
/// <param name="HighWatermark">The durable end offset.</param>
/// <param name="LogStartOffset">The first readable offset.</param>
public readonly record struct LogFetchResult(
    LogError? Error, long Offset, ReadOnlyMemory<byte> Batches, long HighWatermark, long LogStartOffset);

/// <summary>The first offset at or after a time.</summary>
/// <param name="Error">Null when the log could be searched.</param>
/// <param name="Offset">The first offset dated at or after the time, or the high watermark.</param>
/// <param name="TimestampMs">That record's timestamp, or -1.</param>
public readonly record struct LogFindResult(LogError? Error, long Offset, long TimestampMs)
{
    /// <summary>The epoch of the owner that stored the record; 0 when there is none.</summary>
    public int Epoch { get; init; }
}

/// <summary>Where the batches of an epoch end.</summary>
/// <param name="Error">Null when the log could be searched.</param>
/// <param name="Epoch">The epoch, or the latest one before it that stored anything; -1 for one that no owner has had yet.</param>
/// <param name="EndOffset">The offset behind its last record, or -1.</param>
public readonly record struct LogEpochEnd(LogError? Error, int Epoch, long EndOffset)
{
    /// <summary>What is told of an epoch that no owner has had yet.</summary>
    public static readonly LogEpochEnd None = new(null, -1, -1);

    /// <summary>A search that failed.</summary>
    /// <param name="error">Why it failed or was refused.</param>
    public static LogEpochEnd Failed(LogError error) => new(error, -1, -1);
}

/// <summary>The state of a log at one moment.</summary>
/// <param name="LogStartOffset">The first readable offset.</param>
/// <param name="HighWatermark">The durable end offset.</param>
/// <param name="SizeBytes">The bytes of all its segments.</param>
/// <param name="Epoch">The epoch of this owner.</param>
/// <param name="SegmentCount">The count of its segments.</param>
/// <param name="DeletingBytes">The bytes of segments that have left the log and are not freed yet.</param>
public readonly record struct LogState(
    long LogStartOffset, long HighWatermark, long SizeBytes, int Epoch, int SegmentCount, long DeletingBytes = 0);

/// <summary>Why a log has ended. An ended log takes no more calls, and its owner is to deactivate.</summary>
public enum LogEnd
{
    /// <summary>It was closed by its owner.</summary>
    Closed,

    /// <summary>Another owner has taken the partition over.</summary>
    Fenced,

    /// <summary>Durable bytes are damaged, or the medium failed repeatedly. An operator must act.</summary>
    Offline,

    /// <summary>The topic's bytes have been deleted.</summary>
    Deleted,

    /// <summary>The writer failed with an unexpected exception. The next owner recovers from what is stored.</summary>
    Failed,
}

/// <summary>A log cannot be opened because another owner has it now.</summary>
/// <param name="message">The epochs of both owners.</param>
public sealed class LogFencedException(string message) : Exception(message);

/// <summary>A log cannot be opened because bytes that were durable are damaged. The log is never shortened to get past the damage.</summary>
/// <param name="message">The segment, position and offset, and what is wrong there.</param>
/// <param name="innerException">The store's own error, if any.</param>
public sealed class LogCorruptException(string message, Exception? innerException = null) : Exception(message, innerException)
{
    /// <summary>Makes the exception of damage in a segment.</summary>
    /// <param name="damage">Where it is.</param>
    /// <param name="what">What is wrong there, without a full stop.</param>
    public LogCorruptException(LogDamage damage, string what)
        : this($"Segment '{damage.Segment}' is damaged at position {damage.Position} (offset {damage.Offset}): {what}.") =>
        Damage = damage;

    /// <summary>Where the damage is; null when it is not in a segment's bytes.</summary>
    public LogDamage? Damage { get; }
}
