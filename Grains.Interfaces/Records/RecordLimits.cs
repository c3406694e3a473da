namespace OrleansStream.Records;

/// <summary>The bounds of the record-batch codec, which hold whatever the bytes claim.</summary>
public static class RecordLimits
{
    /// <summary>
    /// The longest batch, in bytes with its header. It is what the strictest store takes in one append (Azure: a 4 MiB block), because a batch is
    /// never split.
    /// </summary>
    public const int BatchBytesMax = 4 * 1024 * 1024;

    /// <summary>The most bytes to which the records of one compressed batch may decompress. A batch that holds more is refused.</summary>
    public const int DecompressedBatchBytesMax = 32 * 1024 * 1024;

    /// <summary>
    /// The shortest encoded record: one byte each for its length, attributes, timestamp delta, offset delta, key length, value length and header
    /// count. It bounds the count of records that a batch of a given length can hold.
    /// </summary>
    public const int RecordBytesMin = 7;

    /// <summary>The longest encoding of a 32-bit varint, in bytes.</summary>
    public const int VarintBytesMax = 5;

    /// <summary>The longest encoding of a 64-bit varint, in bytes.</summary>
    public const int VarlongBytesMax = 10;

    /// <summary>The encoder's first buffer, in bytes. It doubles as records come.</summary>
    internal const int WriterBytesInitial = 4 * 1024;

    /// <summary>The plain bytes in one Snappy block, as in Java's snappy library.</summary>
    internal const int SnappyBlockBytes = 32 * 1024;

    /// <summary>
    /// The most bytes to which one byte of Snappy can decompress, rounded up: its densest element is a copy of 64 bytes in three. A block that claims
    /// more is refused before memory is allocated for it.
    /// </summary>
    internal const int SnappyRatioMax = 22;

    /// <summary>
    /// The most gzip members in the records of a batch. Writers that make several members make one for each 64 KiB or more, and opening an empty
    /// member costs as much as opening a full one.
    /// </summary>
    internal const int GzipMembersMax = 512;

    /// <summary>The plain bytes in one LZ4 block, as in Kafka.</summary>
    internal const int Lz4BlockBytes = 64 * 1024;

    /// <summary>How much longer records usually are than their compressed form. The first memory for decompression is chosen by it.</summary>
    internal const int DecompressRatioUsual = 4;

    /// <summary>The most memory that is asked for at a time during decompression, in bytes.</summary>
    internal const int DecompressStepBytes = 64 * 1024;
}
