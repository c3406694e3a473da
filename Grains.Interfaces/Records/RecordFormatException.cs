namespace OrleansStream.Records;

/// <summary>What is wrong with bytes that should be a record batch.</summary>
public enum RecordFormatError
{
    /// <summary>The bytes end before the batch does.</summary>
    Truncated,

    /// <summary>The batch's length field is out of bounds, or differs from the length of the bytes.</summary>
    BadLength,

    /// <summary>The batch's format is not magic 2.</summary>
    BadMagic,

    /// <summary>The checksum does not match the bytes.</summary>
    BadCrc,

    /// <summary>A field of the batch header contradicts another, or is out of its range.</summary>
    BadBatchHeader,

    /// <summary>The batch claims more records than its bytes can hold, or another count than it holds.</summary>
    BadRecordCount,

    /// <summary>The batch's compression is not one of the four codecs.</summary>
    UnknownCompression,

    /// <summary>The compressed bytes cannot be decompressed.</summary>
    BadCompressedData,

    /// <summary>The records decompress to more than <see cref="RecordLimits.DecompressedBatchBytesMax"/>.</summary>
    DecompressedTooLarge,

    /// <summary>A variable-length number is longer than its type, or is cut off.</summary>
    BadVarint,

    /// <summary>A record's length is negative, goes beyond the batch, or is not that of its fields.</summary>
    BadRecordLength,

    /// <summary>A key, a value, or a part of a header has a length that its record cannot hold.</summary>
    BadFieldLength,

    /// <summary>A record's header count is negative or more than its bytes can hold.</summary>
    BadHeaderCount,

    /// <summary>A record's offset does not follow the one before, or lies beyond the batch's last.</summary>
    BadOffsetDelta,

    /// <summary>A record's timestamp does not fit in 64 bits.</summary>
    BadTimestamp,

    /// <summary>A record of a batch that a producer sent has attributes, of which Kafka defines none.</summary>
    BadRecordAttributes,

    /// <summary>The records of a batch that a producer sent are compressed in several frames, of which many readers take only the first.</summary>
    SeveralFrames,
}

/// <summary>
/// Bytes that should be a record batch are not one. Reading malformed bytes throws no other exception, and reading them again gives the same result.
/// </summary>
public sealed class RecordFormatException : FormatException
{
    /// <summary>Makes the exception for a fault.</summary>
    /// <param name="error">The kind of fault.</param>
    /// <param name="message">The fault, with the numbers that contradict each other.</param>
    /// <param name="innerException">The decompressor's own error, if the fault is in compressed data.</param>
    public RecordFormatException(RecordFormatError error, string message, Exception? innerException = null)
        : base(message, innerException) => Error = error;

    /// <summary>The kind of fault.</summary>
    public RecordFormatError Error { get; }
}
