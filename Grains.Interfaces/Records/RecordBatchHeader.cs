using System.Buffers.Binary;

namespace OrleansStream.Records;

/// <summary>The header of a record batch, magic 2, and the places of its fields.</summary>
/// <remarks>
/// <code>
/// position  field                 type
///        0  baseOffset            int64   offset of the batch's first record; stamped by the leader
///        8  batchLength           int32   bytes that follow this field
///       12  partitionLeaderEpoch  int32   stamped by the leader
///       16  magic                 int8    2
///       17  crc                   uint32  CRC-32C from position 21 to the end of the batch
///       21  attributes            int16   0-2 compression, 3 timestamp type, 4 transactional, 5 control, 6 delete horizon
///       23  lastOffsetDelta       int32
///       27  baseTimestamp         int64   milliseconds since 1970-01-01 UTC
///       35  maxTimestamp          int64
///       43  producerId            int64   -1: none
///       51  producerEpoch         int16   -1: none
///       53  baseSequence          int32   -1: none
///       57  recordCount           int32
///       61  records, compressed as a whole
/// </code>
/// All numbers are big-endian. The checksum does not cover the two fields that a leader sets in a batch that it only stores: offset and epoch. If it
/// covered the epoch, every broker would have to compute the checksum of every batch again for a field that the producer cannot know. Magic comes
/// before the checksum because it says what the checksum covers.
/// Source: <c>org.apache.kafka.common.record.DefaultRecordBatch</c> (KIP-98; leader epoch KIP-101; delete horizon KIP-534).
/// </remarks>
public readonly partial struct RecordBatchHeader
{
    /// <summary>Position of the base offset, int64.</summary>
    public const int BaseOffsetPosition = 0;

    /// <summary>Position of the batch length, int32.</summary>
    public const int BatchLengthPosition = 8;

    /// <summary>Position of the leader epoch, int32.</summary>
    public const int PartitionLeaderEpochPosition = 12;

    /// <summary>Position of the magic byte.</summary>
    public const int MagicPosition = 16;

    /// <summary>Position of the checksum, uint32.</summary>
    public const int CrcPosition = 17;

    /// <summary>Position of the attributes, int16: the first byte that the checksum covers.</summary>
    public const int AttributesPosition = 21;

    /// <summary>Position of the last offset's delta, int32.</summary>
    public const int LastOffsetDeltaPosition = 23;

    /// <summary>Position of the base timestamp, int64.</summary>
    public const int BaseTimestampPosition = 27;

    /// <summary>Position of the max timestamp, int64.</summary>
    public const int MaxTimestampPosition = 35;

    /// <summary>Position of the producer id, int64.</summary>
    public const int ProducerIdPosition = 43;

    /// <summary>Position of the producer epoch, int16.</summary>
    public const int ProducerEpochPosition = 51;

    /// <summary>Position of the base sequence, int32.</summary>
    public const int BaseSequencePosition = 53;

    /// <summary>Position of the record count, int32.</summary>
    public const int RecordCountPosition = 57;

    /// <summary>Length of the header in bytes: the position of the first record.</summary>
    public const int HeaderLengthBytes = 61;

    /// <summary>The bytes before those that the batch length counts.</summary>
    public const int LogOverheadBytes = 12;

    /// <summary>The only format that this service stores.</summary>
    public const byte MagicV2 = 2;

    /// <summary>The value of a producer id, producer epoch or sequence that is not set.</summary>
    public const int None = -1;

    internal const short CompressionMask = 0x07;
    internal const short TimestampTypeMask = 0x08;
    internal const short TransactionalMask = 0x10;
    internal const short ControlMask = 0x20;
    internal const short DeleteHorizonMask = 0x40;

    private RecordBatchHeader(ReadOnlySpan<byte> bytes)
    {
        BaseOffset = BinaryPrimitives.ReadInt64BigEndian(bytes);
        BatchLength = BinaryPrimitives.ReadInt32BigEndian(bytes[BatchLengthPosition..]);
        PartitionLeaderEpoch = BinaryPrimitives.ReadInt32BigEndian(bytes[PartitionLeaderEpochPosition..]);
        Magic = bytes[MagicPosition];
        Crc = BinaryPrimitives.ReadUInt32BigEndian(bytes[CrcPosition..]);
        Attributes = BinaryPrimitives.ReadInt16BigEndian(bytes[AttributesPosition..]);
        LastOffsetDelta = BinaryPrimitives.ReadInt32BigEndian(bytes[LastOffsetDeltaPosition..]);
        BaseTimestamp = BinaryPrimitives.ReadInt64BigEndian(bytes[BaseTimestampPosition..]);
        MaxTimestamp = BinaryPrimitives.ReadInt64BigEndian(bytes[MaxTimestampPosition..]);
        ProducerId = BinaryPrimitives.ReadInt64BigEndian(bytes[ProducerIdPosition..]);
        ProducerEpoch = BinaryPrimitives.ReadInt16BigEndian(bytes[ProducerEpochPosition..]);
        BaseSequence = BinaryPrimitives.ReadInt32BigEndian(bytes[BaseSequencePosition..]);
        RecordCount = BinaryPrimitives.ReadInt32BigEndian(bytes[RecordCountPosition..]);
    }

    /// <summary>Reads the fields without checking them; see <see cref="RecordBatchScanner"/>.</summary>
    /// <param name="bytes">Bytes that start with a batch.</param>
    /// <param name="header">The fields.</param>
    /// <returns>False when there are fewer bytes than a header has.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out RecordBatchHeader header)
    {
        if (bytes.Length < HeaderLengthBytes)
        {
            header = default;
            return false;
        }

        header = new RecordBatchHeader(bytes);
        return true;
    }

    /// <summary>The offset of the first record. In a compacted batch, the offset that the first record had.</summary>
    public long BaseOffset { get; }

    /// <summary>The length field: the count of bytes after it.</summary>
    public int BatchLength { get; }

    /// <summary>The length of the whole batch in bytes. Meaningless (and possibly negative) before the field is checked.</summary>
    public int LengthBytes => unchecked(LogOverheadBytes + BatchLength);

    /// <summary>The epoch of the leader that appended the batch; outside the checksum.</summary>
    public int PartitionLeaderEpoch { get; }

    /// <summary>The format.</summary>
    public byte Magic { get; }

    /// <summary>The checksum field.</summary>
    public uint Crc { get; }

    /// <summary>The flags, with the unused bits.</summary>
    public short Attributes { get; }

    /// <summary>The codec of the records; values above 4 are not a codec.</summary>
    public CompressionType Compression => (CompressionType)(Attributes & CompressionMask);

    /// <summary>The clock of the timestamps.</summary>
    public TimestampType TimestampType =>
        (Attributes & TimestampTypeMask) != 0 ? TimestampType.LogAppendTime : TimestampType.CreateTime;

    /// <summary>True when the batch is part of a transaction.</summary>
    public bool IsTransactional => (Attributes & TransactionalMask) != 0;

    /// <summary>True when the batch is the log's own (a transaction marker, or a fence of ours). Consumers never see it.</summary>
    public bool IsControl => (Attributes & ControlMask) != 0;

    /// <summary>True when <see cref="BaseTimestamp"/> is the time from which tombstones may be removed.</summary>
    public bool HasDeleteHorizon => (Attributes & DeleteHorizonMask) != 0;

    /// <summary>The last record's offset less the base offset. It stays when compaction removes that record. -1 in a fence.</summary>
    public int LastOffsetDelta { get; }

    /// <summary>The offset of the last record.</summary>
    public long LastOffset => unchecked(BaseOffset + LastOffsetDelta);

    /// <summary>The offset at which the batch after this one starts.</summary>
    public long NextOffset => unchecked(LastOffset + 1);

    /// <summary>The base of the records' timestamp deltas, in milliseconds since 1970-01-01 UTC.</summary>
    public long BaseTimestamp { get; }

    /// <summary>The greatest timestamp in the batch, in milliseconds since 1970-01-01 UTC; -1 when it has none.</summary>
    public long MaxTimestamp { get; }

    /// <summary>The idempotent producer, or -1.</summary>
    public long ProducerId { get; }

    /// <summary>The producer's epoch, or -1.</summary>
    public short ProducerEpoch { get; }

    /// <summary>The producer's sequence number of the first record, or -1.</summary>
    public int BaseSequence { get; }

    /// <summary>The producer's sequence number of the last record, or -1. After <see cref="int.MaxValue"/> comes 0.</summary>
    public int LastSequence =>
        BaseSequence < 0 || LastOffsetDelta < 0 ? None : (int)(((long)BaseSequence + LastOffsetDelta) & int.MaxValue);

    /// <summary>The count of records that follow. In a compacted batch it is less than the count of offsets.</summary>
    public int RecordCount { get; }

    /// <summary>True when the batch names an idempotent producer.</summary>
    public bool HasProducer => ProducerId >= 0;
}
