namespace OrleansStream.Records;

/// <summary>The codec of a batch's records: the lowest three bits of the batch's attributes, with Kafka's numbers.</summary>
public enum CompressionType : byte
{
    /// <summary>The records are not compressed.</summary>
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

/// <summary>The clock of a batch's timestamps: bit 3 of its attributes (KIP-32).</summary>
public enum TimestampType
{
    /// <summary>Each record has the time that its producer gave it.</summary>
    CreateTime,

    /// <summary>Every record of the batch has the time at which the log took the batch, which is the batch's max timestamp.</summary>
    LogAppendTime,
}
