using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Records;

namespace OrleansStream.Log.Writing;

/// <summary>Checks that the batches of one request may enter a log: well formed, within the bounds, and of one producer.</summary>
internal static class SentAppend
{
    /// <summary>Judges the batches of a request, and rewrites those that may be stored only in another form.</summary>
    /// <param name="batches">The batches that came; on return the batches to store.</param>
    /// <param name="options">The log's settings.</param>
    /// <param name="lengthMax">The most bytes of one append.</param>
    /// <param name="nowMs">The time, in milliseconds since the Unix epoch.</param>
    /// <returns>Null when the batches may be stored; else why not.</returns>
    public static LogError? Judge(ref AppendBatches batches, LogOptions options, int lengthMax, long nowMs)
    {
        if (batches.IsEmpty)
            return new LogError(StreamErrorCode.InvalidRequest, "There is no batch to append.");

        if (JudgeLength(batches.LengthBytes, lengthMax) is { } tooLong)
            return tooLong;

        var latestMs = options.StampsAppendTime ? long.MaxValue : nowMs + (long)options.TimestampAheadMax.TotalMilliseconds;
        RecordBatchHeader? previous = null;
        List<AppendBatches>? rewritten = null;
        long unfoldedBytes = 0;
        for (var left = batches; !left.IsEmpty;)
        {
            var position = batches.LengthBytes - left.LengthBytes;
            var status = left.Validate(out var header, out var lengthBytes);
            byte[]? batch = null;
            if ((JudgeFormat(status, position)
                ?? JudgeSize(header, lengthBytes, options)
                ?? SentBatches.JudgeHeader(header)
                ?? JudgeSequence(previous, header)
                ?? JudgeRecords(left, header, latestMs, ref unfoldedBytes, out batch)) is { } error)
            {
                return error;
            }

            if (batch is not null && rewritten is null)
                rewritten = Split(batches, position);

            rewritten?.Add(batch ?? left.First(lengthBytes));
            previous = header;
            left = left.WithoutFirst(lengthBytes);
        }

        if (rewritten is not null)
            batches = new AppendBatches([.. rewritten]);

        return rewritten is null ? null : JudgeLength(batches.LengthBytes, lengthMax);
    }

    private static LogError? JudgeLength(int lengthBytes, int lengthMax) => lengthBytes <= lengthMax ? null : new LogError(
        StreamErrorCode.RecordListTooLarge,
        $"The batches of one append have {lengthBytes} bytes; at most {lengthMax} are taken.");

    /// <summary>The batches before a position, one by one.</summary>
    private static List<AppendBatches> Split(AppendBatches batches, int position)
    {
        var split = new List<AppendBatches>();
        for (var end = batches.LengthBytes - position; batches.LengthBytes > end && batches.TryReadFirst(out var header);)
        {
            split.Add(batches.First(header.LengthBytes));
            batches = batches.WithoutFirst(header.LengthBytes);
        }

        return split;
    }

    // Each record is checked once on its way in. Batches that this process wrote were checked where their records came from.
    private static LogError? JudgeRecords(
        in AppendBatches left, in RecordBatchHeader header, long latestMs, ref long unfoldedBytes, out byte[]? rewritten)
    {
        rewritten = null;
        if (left.IsFirstWrittenHere)
            return SentBatches.JudgeTime(header.MaxTimestamp, latestMs);
        var error = SentBatches.JudgeRecords(left.First(header.LengthBytes).ToMemory().Span, header, latestMs, out var summary, out rewritten);
        unfoldedBytes += summary.UnfoldedBytes;
        return error ?? (unfoldedBytes <= LogLimits.UnfoldedBytesOfAppendMax ? null : new LogError(
            StreamErrorCode.RecordListTooLarge,
            $"The batches of one append have {unfoldedBytes} or more bytes once they are decompressed; at most "
            + $"{LogLimits.UnfoldedBytesOfAppendMax} are taken."));
    }

    private static LogError? JudgeFormat(RecordBatchStatus status, int position) => status switch
    {
        RecordBatchStatus.Valid => null,
        RecordBatchStatus.BadMagic => new LogError(
            StreamErrorCode.UnsupportedForMessageFormat, $"The batch at byte {position} is not of format (magic) 2."),
        _ => new LogError(
            StreamErrorCode.CorruptMessage, $"The batch at byte {position} fails its check: {status}."),
    };

    private static LogError? JudgeSize(in RecordBatchHeader header, int lengthBytes, LogOptions options)
    {
        var lengthMax = header.RecordCount == 1
            ? options.MessageBytesMax + LogLimits.RecordFramingBytesMax
            : options.MessageBytesMax;
        return lengthBytes <= lengthMax ? null : new LogError(
            StreamErrorCode.MessageTooLarge,
            $"A batch has {lengthBytes} bytes; the topic's max.message.bytes is {options.MessageBytesMax}. Store the "
            + "payload in a blob and send its address, or send smaller batches.");
    }

    // The batches must be one unbroken sequence of one producer, because the log decides for all of them by the first.
    private static LogError? JudgeSequence(RecordBatchHeader? previous, in RecordBatchHeader header) =>
        previous is not { } before
        || (before.ProducerId == header.ProducerId && before.ProducerEpoch == header.ProducerEpoch
            && (!header.HasProducer || header.BaseSequence == (unchecked(before.LastSequence + 1) & int.MaxValue)))
            ? null
            : new LogError(
                StreamErrorCode.InvalidRecord,
                "The batches of one append must be of one producer, with consecutive sequences.");
}
