using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Records;

namespace OrleansStream.Log.Writing;

/// <summary>
/// What a batch must be that a producer sends, whichever way it comes in; and how one is put right whose header does not say what its records
/// are, as Kafka's broker does. <c>Log/FORMAT.md</c> says what is trusted of a batch.
/// </summary>
internal static class SentBatches
{
    private const int DefinedAttributes = 0x7f;

    /// <summary>Judges what a header says that was found sound.</summary>
    /// <param name="header">The header.</param>
    /// <returns>Null; or why the batch is not taken.</returns>
    public static LogError? JudgeHeader(in RecordBatchHeader header) =>
        header.IsControl || header.IsTransactional
        ? new LogError(StreamErrorCode.InvalidRecord, "Control and transactional batches are not taken.")
        : header.Compression > CompressionType.Zstd
        ? new LogError(StreamErrorCode.UnsupportedCompressionType, $"Compression {(int)header.Compression} is not known.")
        : header.RecordCount < 1 || header.LastOffsetDelta != header.RecordCount - 1
        ? new LogError(
            StreamErrorCode.InvalidRecord,
            $"A batch says {header.RecordCount} records and last offset delta {header.LastOffsetDelta}; it must hold at "
            + "least one record, and the delta must be one less than their count.")
        : header.HasDeleteHorizon
        ? new LogError(StreamErrorCode.InvalidRecord, "A batch has a delete horizon, which only a log sets.")
        : (header.Attributes & ~DefinedAttributes) != 0
        ? new LogError(StreamErrorCode.InvalidRecord, $"A batch has attributes 0x{header.Attributes:x4}; only the lowest seven bits have a meaning.")
        : header.TimestampType == TimestampType.LogAppendTime
        ? new LogError(
            StreamErrorCode.InvalidTimestamp,
            "A batch says that its time is the log's (LogAppendTime), which only a log may say; send CreateTime.")
        : header.HasProducer && (header.ProducerEpoch < 0 || header.BaseSequence < 0)
        ? new LogError(StreamErrorCode.InvalidRecord, "A batch with a producer id must have an epoch and a sequence.")
        : null;

    /// <summary>Checks every record of a batch, compressed ones too, and works its latest time out anew.</summary>
    /// <param name="batch">The batch: exactly one, its header and checksum found sound.</param>
    /// <param name="header">Its header.</param>
    /// <param name="latestMs">The latest time that a record may have, in milliseconds since the Unix epoch.</param>
    /// <param name="rewritten">
    /// The batch as it is to be stored, where that is not as it came: with its records' latest time in the header, or in one gzip member in place of
    /// several, of which many readers take only the first.
    /// </param>
    /// <returns>Null; or why the batch is not taken.</returns>
    public static LogError? JudgeRecords(ReadOnlySpan<byte> batch, in RecordBatchHeader header, long latestMs, out byte[]? rewritten)
    {
        rewritten = null;
        RecordBatchSummary summary;
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
    /// <param name="timestampMs">That time, in milliseconds since the Unix epoch.</param>
    /// <param name="latestMs">The latest that is taken.</param>
    /// <returns>Null; or that it is too far ahead.</returns>
    public static LogError? JudgeTime(long timestampMs, long latestMs) => timestampMs <= latestMs ? null : new LogError(
        StreamErrorCode.InvalidTimestamp,
        $"A record is dated {timestampMs} ms; the topic's message.timestamp.after.max.ms allows up to {latestMs} ms now.");
}
