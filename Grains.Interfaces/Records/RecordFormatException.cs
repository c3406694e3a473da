namespace OrleansStream.Records;

/// <summary>What is wrong with bytes that should have been a record batch.</summary>
public enum RecordFormatError
{
    /// <summary>The bytes end before the batch does.</summary>
    Truncated,

    /// <summary>The batch's length field is out of bounds, or not the length of the bytes given.</summary>
    BadLength,

    /// <summary>The batch's format is not magic 2.</summary>
    BadMagic,

    /// <summary>The checksum does not match the bytes.</summary>
    BadCrc,

    /// <summary>A field of the batch header contradicts another, or is out of its range.</summary>
    BadBatchHeader,

    /// <summary>The batch claims more records than its bytes can hold, or not as many as it holds.</summary>
    BadRecordCount,

    /// <summary>The batch's compression is none of the four codecs.</summary>
    UnknownCompression,

    /// <summary>The compressed bytes cannot be decompressed.</summary>
    BadCompressedData,

    /// <summary>The records unfold to more than <see cref="RecordLimits.DecompressedBatchBytesMax"/>.</summary>
    DecompressedTooLarge,

    /// <summary>A variable-length number is longer than its type, or is cut off.</summary>
    BadVarint,

    /// <summary>A record's length is negative, beyond the batch, or not the length of its fields.</summary>
    BadRecordLength,

    /// <summary>A key, a value, or a part of a header has a length that its record cannot hold.</summary>
    BadFieldLength,

    /// <summary>A record's header count is negative or more than its bytes can hold.</summary>
    BadHeaderCount,

    /// <summary>A record's offset does not follow the one before, or lies beyond the batch's last.</summary>
    BadOffsetDelta,

    /// <summary>A record's timestamp does not fit in 64 bits.</summary>
    BadTimestamp,

    /// <summary>A record of a batch that a producer sent has attributes: Kafka defines none.</summary>
    BadRecordAttributes,

    /// <summary>The records of a batch that a producer sent are compressed in several frames, of which many readers take only the first.</summary>
    SeveralFrames,
}

/// <summary>
/// Bytes that should have been a record batch are not. It is the one exception that reading malformed bytes throws; reading them
/// again gives the same.
/// </summary>
public sealed class RecordFormatException : FormatException
{
    /// <summary>Says what is wrong.</summary>
    /// <param name="error">The kind of fault.</param>
    /// <param name="message">The fault, with the numbers that contradict each other.</param>
    /// <param name="innerException">The decompressor's own error, if it was one.</param>
    public RecordFormatException(RecordFormatError error, string message, Exception? innerException = null)
        : base(message, innerException) => Error = error;

    /// <summary>The kind of fault.</summary>
    public RecordFormatError Error { get; }
}
