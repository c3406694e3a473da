using OrleansStream.Errors;
using OrleansStream.Records;
using OrleansStream.Rest.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Produce;

/// <summary>Looks at encoded batches as far as the way to the log needs it; the log itself judges the records inside.</summary>
internal static class EncodedBatches
{
    /// <summary>Checks that a body is whole batches and counts their records.</summary>
    /// <param name="body">Record batches, back to back.</param>
    /// <param name="isPartitionFixed">True when the path names the partition.</param>
    /// <returns>The count of records.</returns>
    /// <exception cref="RequestException">It is none; the error names the position of the first bad byte.</exception>
    public static int Check(ReadOnlySpan<byte> body, bool isPartitionFixed)
    {
        // What goes to one partition in one append the log takes or refuses as a whole, by the same checksums.
        var isOneAppend = isPartitionFixed && body.Length <= TopicLimits.AppendBytesMax;
        var scanner = new RecordBatchScanner(body, checkCrc: !isOneAppend);
        long records = 0;
        var batches = 0;
        while (scanner.MoveNext())
        {
            records += scanner.Header.RecordCount;
            batches++;
        }

        if (scanner.Status != RecordBatchStatus.End)
            throw new RequestException(Refuse(scanner.Status, $"batch {batches} at byte {scanner.NextPosition}"));
        if (records == 0)
            throw RequestException.Malformed(null, "The body holds no record; send at least one whole record batch v2.");
        if (records > TopicLimits.RequestRecordsMax)
        {
            throw new RequestException(new StreamError(
                StreamErrorCode.RecordListTooLarge, $"The body holds {records} records; a request takes at most {TopicLimits.RequestRecordsMax}."));
        }

        return (int)records;
    }

    private static StreamError Refuse(RecordBatchStatus status, string place) => status switch
    {
        RecordBatchStatus.BadMagic => new(
            StreamErrorCode.UnsupportedForMessageFormat, $"The format of {place} is not record batch v2 (magic 2)."),
        RecordBatchStatus.BadCompression => new(
            StreamErrorCode.UnsupportedCompressionType, $"The compression of {place} is none of gzip, snappy, lz4 and zstd."),
        RecordBatchStatus.Incomplete => new(StreamErrorCode.CorruptMessage, $"The body ends inside {place}."),
        RecordBatchStatus.BadCrc => new(StreamErrorCode.CorruptMessage, $"The checksum (CRC-32C) of {place} does not match its bytes."),
        RecordBatchStatus.BadLength => new(
            StreamErrorCode.CorruptMessage, $"The length of {place} is out of bounds: a batch has at most {RecordLimits.BatchBytesMax} bytes."),
        RecordBatchStatus.BadCount => new(StreamErrorCode.CorruptMessage, $"The record count of {place} cannot be true."),
        _ => new(StreamErrorCode.CorruptMessage, $"The header of {place} has a field out of its range."),
    };
}
