using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Records;

namespace OrleansStream.Log.Writing;

/// <summary>
/// The rules for batches that a producer sends, whatever their way in. A batch whose header does not say what its records say is corrected, as
/// Kafka's broker does. <c>Log/FORMAT.md</c> lists what is trusted of a batch.
/// </summary>
internal static class SentBatches
{
    private const int DefinedAttributes = 0x7f;

    /// <summary>Judges the fields of a header whose format and checksum are right.</summary>
    /// <param name="header">The batch's header, as the producer sent it.</param>
    /// <returns>Null when the batch may be stored; else why not.</returns>
    public static LogError? JudgeHeader(in RecordBatchHeader header) =>
        header.IsControl || header.IsTransactional
        ? new LogError(StreamErrorCode.InvalidRecord, "Control and transactional batches are not taken.")
        : header.Compression > CompressionType.Zstd
        ? new LogError(StreamErrorCode.UnsupportedCompressionType, $"Compression type {(int)header.Compression} is not known.")
        : header.RecordCount < 1 || header.LastOffsetDelta != header.RecordCount - 1
        ? new LogError(
            StreamErrorCode.InvalidRecord,
            $"A batch has {header.RecordCount} records and last offset delta {header.LastOffsetDelta}; it must have at "
            + "least one record, and the delta must be one less than their count.")
        : header.HasDeleteHorizon
        ? new LogError(StreamErrorCode.InvalidRecord, "A batch has a delete horizon, which only a log sets.")
        : (header.Attributes & ~DefinedAttributes) != 0
        ? new LogError(StreamErrorCode.InvalidRecord, $"A batch has attributes 0x{header.Attributes:x4}; only the lowest seven bits have a meaning.")
        : header.TimestampType == TimestampType.LogAppendTime
        ? new LogError(
            StreamErrorCode.InvalidTimestamp,
            "A batch has timestamp type LogAppendTime, which only a log may set; send CreateTime.")
        : header.HasProducer && (header.ProducerEpoch < 0 || header.BaseSequence < 0)
        ? new LogError(StreamErrorCode.InvalidRecord, "A batch with a producer id must have an epoch and a sequence.")
        : null;

    /// <summary>Checks every record of a batch, compressed or not, and computes the latest time of the records.</summary>
    /// <param name="batch">Exactly one batch, whose header and checksum are right.</param>
    /// <param name="header">Its header, which <see cref="JudgeHeader"/> has let pass.</param>
    /// <param name="latestMs">The latest time that a record may have, in milliseconds since the Unix epoch.</param>
    /// <param name="summary">What the check has found; nothing where the batch is malformed.</param>
    /// <param name="rewritten">
    /// The batch as it must be stored, when that differs from what came: with the latest time of its records in the header, or with one gzip member
    /// instead of several, because many readers read only the first member. Else null.
    /// </param>
    /// <returns>Null when the batch may be stored; else why not.</returns>
    public static LogError? JudgeRecords(
        ReadOnlySpan<byte> batch, in RecordBatchHeader header, long latestMs, out RecordBatchSummary summary, out byte[]? rewritten)
    {
        (summary, rewritten) = (default, null);
        try
        {
            summary = RecordBatchReader.ValidateRecords(batch);
            if (summary.HasSeveralGzipMembers)
                rewritten = RecordBatchWriter.Recompress(batch);
        }
        catch (RecordFormatException e)
        {
            return new LogError(StreamErrorCode.CorruptMessage, $"The checksum of a batch is right, but its records are not: {e.Message}");
        }

        if (summary.MaxTimestampMs != header.MaxTimestamp)
            RecordBatchHeader.StampMaxTimestamp(rewritten ??= batch.ToArray(), summary.MaxTimestampMs);

        return JudgeTime(summary.MaxTimestampMs, latestMs);
    }

    /// <summary>Judges the latest time of a batch's records.</summary>
    /// <param name="timestampMs">The latest time, in milliseconds since the Unix epoch.</param>
    /// <param name="latestMs">The latest time that is allowed, in milliseconds since the Unix epoch.</param>
    /// <returns>Null when the time is allowed; else that it is too far ahead.</returns>
    public static LogError? JudgeTime(long timestampMs, long latestMs) => timestampMs <= latestMs ? null : new LogError(
        StreamErrorCode.InvalidTimestamp,
        $"A record is dated {timestampMs} ms; the topic's message.timestamp.after.max.ms allows up to {latestMs} ms now.");
}
