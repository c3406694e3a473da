using System.Buffers.Binary;

namespace OrleansStream.Records;

/// <summary>What bytes are, by a batch's header and checksum.</summary>
public enum RecordBatchStatus
{
    /// <summary>A whole batch.</summary>
    Valid,

    /// <summary>There are no more bytes.</summary>
    End,

    /// <summary>The bytes may be the start of a batch. More bytes are needed to tell.</summary>
    Incomplete,

    /// <summary>Not a batch: the length is negative, shorter than a header or over <see cref="RecordLimits.BatchBytesMax"/>.</summary>
    BadLength,

    /// <summary>Not a batch of format 2.</summary>
    BadMagic,

    /// <summary>The checksum does not match.</summary>
    BadCrc,

    /// <summary>The compression is not a known codec.</summary>
    BadCompression,

    /// <summary>The record count is negative, or more than the offsets or bytes of the batch allow.</summary>
    BadCount,

    /// <summary>The offset, the range of offsets or a producer field is negative.</summary>
    BadHeader,
}

/// <summary>
/// Walks the batches in a range of bytes by their headers, without decoding records. It never throws and trusts no length. It stops at the first
/// bytes that are not a batch, and says why.
/// </summary>
public ref struct RecordBatchScanner
{
    // The length field is at least that of magic 0, the shortest format. With a smaller one the bytes have no format at all.
    private const int OldFormatLengthMin = 14;
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly bool _checkCrc;
    private RecordBatchHeader _header;

    /// <summary>Makes a scanner before the first batch.</summary>
    /// <param name="bytes">Batches back to back.</param>
    /// <param name="checkCrc">False to skip the checksum, for bytes that were checked before.</param>
    public RecordBatchScanner(ReadOnlySpan<byte> bytes, bool checkCrc = true)
    {
        _bytes = bytes;
        _checkCrc = checkCrc;
        Status = RecordBatchStatus.Valid;
    }

    /// <summary>
    /// <see cref="RecordBatchStatus.Valid"/> while batches come; then <see cref="RecordBatchStatus.End"/>, or what is wrong
    /// with the bytes at <see cref="NextPosition"/>.
    /// </summary>
    public RecordBatchStatus Status { get; private set; }

    /// <summary>The current batch's header.</summary>
    public readonly RecordBatchHeader Header => _header;

    /// <summary>The current batch's position in the bytes.</summary>
    public int Position { get; private set; }

    /// <summary>The end of the last whole batch, which is the position of what follows it.</summary>
    public int NextPosition { get; private set; }

    /// <summary>The current batch's bytes.</summary>
    public readonly ReadOnlySpan<byte> Batch => _bytes[Position..NextPosition];

    /// <summary>Goes to the next batch.</summary>
    /// <returns>False when there is none; <see cref="Status"/> says why, and further calls change nothing.</returns>
    public bool MoveNext()
    {
        if (Status != RecordBatchStatus.Valid)
            return false;
        if (NextPosition == _bytes.Length)
        {
            Status = RecordBatchStatus.End;
            return false;
        }

        Status = Validate(_bytes[NextPosition..], _checkCrc, out var header, out var lengthBytes);
        if (Status != RecordBatchStatus.Valid)
            return false;

        _header = header;
        Position = NextPosition;
        NextPosition += lengthBytes;
        return true;
    }

    /// <summary>Checks the batch at the start of some bytes, by its header and checksum. The records are not decoded.</summary>
    /// <param name="bytes">Bytes that start with a batch; more may follow.</param>
    /// <param name="header">Its header, when the bytes hold one. The fields of a bad batch are not checked.</param>
    /// <param name="lengthBytes">
    /// The length of the whole batch if its length field is within bounds, else 0. With <see cref="RecordBatchStatus.Incomplete"/> it is the count of
    /// bytes that are needed.
    /// </param>
    public static RecordBatchStatus Validate(ReadOnlySpan<byte> bytes, out RecordBatchHeader header, out int lengthBytes) =>
        Validate(bytes, checkCrc: true, out header, out lengthBytes);

    /// <inheritdoc cref="Validate(ReadOnlySpan{byte}, out RecordBatchHeader, out int)"/>
    /// <param name="bytes">Bytes that start with a batch; more may follow.</param>
    /// <param name="checkCrc">False to skip the checksum, for bytes that were checked before.</param>
    /// <param name="header">The batch's header.</param>
    /// <param name="lengthBytes">The length of the whole batch, or the count of bytes that are needed.</param>
    public static RecordBatchStatus Validate(
        ReadOnlySpan<byte> bytes, bool checkCrc, out RecordBatchHeader header, out int lengthBytes)
    {
        var hasHeader = RecordBatchHeader.TryRead(bytes, out header);
        var status = ValidateLength(bytes, out lengthBytes);
        if (status != RecordBatchStatus.Valid)
            return status;
        if (!hasHeader || bytes.Length < lengthBytes)
            return RecordBatchStatus.Incomplete;
        if (checkCrc && Crc32C.Compute(bytes[RecordBatchHeader.AttributesPosition..lengthBytes]) != header.Crc)
            return RecordBatchStatus.BadCrc;
        return ValidateFields(header);
    }

    // The checks that are possible before the whole batch is there. A reader must not wait, or allocate memory, for a wrong length.
    private static RecordBatchStatus ValidateLength(ReadOnlySpan<byte> bytes, out int lengthBytes)
    {
        lengthBytes = 0;
        if (bytes.Length < RecordBatchHeader.LogOverheadBytes)
            return RecordBatchStatus.Incomplete;

        var batchLength = BinaryPrimitives.ReadInt32BigEndian(bytes[RecordBatchHeader.BatchLengthPosition..]);
        if (batchLength is < OldFormatLengthMin or > RecordLimits.BatchBytesMax - RecordBatchHeader.LogOverheadBytes)
            return RecordBatchStatus.BadLength;
        if (bytes.Length > RecordBatchHeader.MagicPosition && bytes[RecordBatchHeader.MagicPosition] != RecordBatchHeader.MagicV2)
            return RecordBatchStatus.BadMagic;
        if (batchLength < RecordBatchHeader.HeaderLengthBytes - RecordBatchHeader.LogOverheadBytes)
            return RecordBatchStatus.BadLength;

        lengthBytes = RecordBatchHeader.LogOverheadBytes + batchLength;
        return RecordBatchStatus.Valid;
    }

    private static RecordBatchStatus ValidateFields(in RecordBatchHeader header)
    {
        if (header.Compression > CompressionType.Zstd)
            return RecordBatchStatus.BadCompression;
        if (header.RecordCount < 0)
            return RecordBatchStatus.BadCount;
        if (header.LastOffsetDelta < -1 || header.BaseOffset < 0 || header.NextOffset < header.BaseOffset)
            return RecordBatchStatus.BadHeader;
        if (header.ProducerId < -1 || header.ProducerEpoch < -1 || header.BaseSequence < -1)
            return RecordBatchStatus.BadHeader;
        // Compaction removes records and keeps the offsets, so there may be fewer records than offsets, but never more.
        if (header.RecordCount > header.LastOffsetDelta + 1L)
            return RecordBatchStatus.BadCount;

        var recordsBytes = header.Compression == CompressionType.None
            ? header.LengthBytes - RecordBatchHeader.HeaderLengthBytes
            : RecordLimits.DecompressedBatchBytesMax;
        return header.RecordCount > recordsBytes / RecordLimits.RecordBytesMin
            ? RecordBatchStatus.BadCount
            : RecordBatchStatus.Valid;
    }
}
