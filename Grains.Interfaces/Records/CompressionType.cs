namespace OrleansStream.Records;

/// <summary>How the records of a batch are compressed: the lowest three bits of the batch's attributes, by Kafka's numbers.</summary>
public enum CompressionType : byte
{
    /// <summary>The records follow the header as they are.</summary>
    None = 0,

    /// <summary>RFC 1952.</summary>
    Gzip = 1,

    /// <summary>Snappy blocks in the framing of Java's snappy library (xerial); bare Snappy is read too.</summary>
    Snappy = 2,

    /// <summary>The LZ4 frame format with independent blocks.</summary>
    Lz4 = 3,

    /// <summary>RFC 8878 (KIP-110).</summary>
    Zstd = 4,
}

/// <summary>Whose clock a batch's timestamps are from: bit 3 of its attributes (KIP-32).</summary>
public enum TimestampType
{
    /// <summary>Each record carries the time its producer gave it.</summary>
    CreateTime,

    /// <summary>Every record of the batch has the time at which the log took it: the batch's max timestamp.</summary>
    LogAppendTime,
}
