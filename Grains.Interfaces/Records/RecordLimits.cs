namespace OrleansStream.Records;

/// <summary>The bounds that the record-batch codec keeps, whatever the bytes claim.</summary>
public static class RecordLimits
{
    /// <summary>
    /// The longest batch, in bytes with its header. It is what one append to the strictest store takes (Azure: a 4 MiB block),
    /// since a batch is never split.
    /// </summary>
    public const int BatchBytesMax = 4 * 1024 * 1024;

    /// <summary>The most bytes that the records of one compressed batch may unfold to; a batch that holds more is refused.</summary>
    public const int DecompressedBatchBytesMax = 32 * 1024 * 1024;

    /// <summary>
    /// The shortest encoded record: one byte each for its length, attributes, timestamp delta, offset delta, key length, value
    /// length and header count. It bounds the record count that a batch of a given length can truthfully claim.
    /// </summary>
    public const int RecordBytesMin = 7;

    /// <summary>The longest encoding of a 32-bit varint, in bytes.</summary>
    public const int VarintBytesMax = 5;

    /// <summary>The longest encoding of a 64-bit varint, in bytes.</summary>
    public const int VarlongBytesMax = 10;

    /// <summary>The encoder's first buffer, in bytes; it doubles as records come.</summary>
    internal const int WriterBytesInitial = 4 * 1024;

    /// <summary>The plain bytes in one Snappy block, as Java's snappy library cuts them.</summary>
    internal const int SnappyBlockBytes = 32 * 1024;

    /// <summary>
    /// The most that one byte of Snappy can unfold to, rounded up: its densest element is a copy of 64 bytes in three. A block
    /// that claims more is lying, and is refused before memory is taken for it.
    /// </summary>
    internal const int SnappyRatioMax = 22;

    /// <summary>
    /// The most gzip members that the records of a batch may come in. A writer that makes several makes one for each 64 KiB or more, and each
    /// empty one costs as much to open as one that is full.
    /// </summary>
    internal const int GzipMembersMax = 512;

    /// <summary>The plain bytes in one LZ4 block, as Kafka cuts them.</summary>
    internal const int Lz4BlockBytes = 64 * 1024;

    /// <summary>The piece of memory asked for at a time while a batch unfolds, in bytes.</summary>
    internal const int DecompressStepBytes = 64 * 1024;
}
