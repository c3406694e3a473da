using System.Buffers.Binary;

namespace OrleansStream.Records;

public readonly partial struct RecordBatchHeader
{
    /// <summary>Sets the offset of the first record. The checksum does not cover it.</summary>
    /// <param name="batch">Bytes that start with a batch's header.</param>
    /// <param name="baseOffset">The offset.</param>
    /// <exception cref="ArgumentException">There are fewer bytes than a header has.</exception>
    public static void StampBaseOffset(Span<byte> batch, long baseOffset)
    {
        RequireHeader(batch);
        BinaryPrimitives.WriteInt64BigEndian(batch[BaseOffsetPosition..], baseOffset);
    }

    /// <summary>Sets the leader's epoch. The checksum does not cover it.</summary>
    /// <param name="batch">Bytes that start with a batch's header.</param>
    /// <param name="epoch">The epoch.</param>
    /// <exception cref="ArgumentException">There are fewer bytes than a header has.</exception>
    public static void StampPartitionLeaderEpoch(Span<byte> batch, int epoch)
    {
        RequireHeader(batch);
        BinaryPrimitives.WriteInt32BigEndian(batch[PartitionLeaderEpochPosition..], epoch);
    }

    /// <summary>Gives every record of a batch the log's time, without changing the records (KIP-32).</summary>
    /// <param name="batch">Exactly one whole batch.</param>
    /// <param name="maxTimestamp">The time in milliseconds since 1970-01-01 UTC.</param>
    /// <exception cref="ArgumentException">The bytes are not as long as their header says.</exception>
    public static void StampLogAppendTime(Span<byte> batch, long maxTimestamp)
    {
        RequireBatch(batch);
        var attributes = batch[AttributesPosition..];
        BinaryPrimitives.WriteInt16BigEndian(
            attributes, (short)(BinaryPrimitives.ReadInt16BigEndian(attributes) | TimestampTypeMask));
        BinaryPrimitives.WriteInt64BigEndian(batch[MaxTimestampPosition..], maxTimestamp);
        StampCrc(batch);
    }

    /// <summary>Corrects the max timestamp of a batch whose producer set it wrong. The index by time relies on it.</summary>
    /// <param name="batch">Exactly one whole batch.</param>
    /// <param name="maxTimestamp">The greatest timestamp of its records, in milliseconds since 1970-01-01 UTC.</param>
    /// <exception cref="ArgumentException">The bytes are not as long as their header says.</exception>
    public static void StampMaxTimestamp(Span<byte> batch, long maxTimestamp)
    {
        RequireBatch(batch);
        BinaryPrimitives.WriteInt64BigEndian(batch[MaxTimestampPosition..], maxTimestamp);
        StampCrc(batch);
    }

    /// <summary>
    /// Sets the producer id, epoch and base sequence of a batch, and adapts its checksum. A wrong checksum stays wrong, so damage is still found.
    /// </summary>
    /// <param name="batch">Exactly one whole batch.</param>
    /// <param name="id">The producer's id, or -1.</param>
    /// <param name="epoch">The producer's epoch, or -1.</param>
    /// <param name="baseSequence">The sequence number of the first record, or -1.</param>
    /// <exception cref="ArgumentException">The bytes are not as long as their header says.</exception>
    public static void StampProducer(Span<byte> batch, long id, short epoch, int baseSequence)
    {
        RequireBatch(batch);
        const int end = BaseSequencePosition + sizeof(int);
        var producer = batch[ProducerIdPosition..end];
        Span<byte> before = stackalloc byte[end - ProducerIdPosition];
        producer.CopyTo(before);
        BinaryPrimitives.WriteInt64BigEndian(batch[ProducerIdPosition..], id);
        BinaryPrimitives.WriteInt16BigEndian(batch[ProducerEpochPosition..], epoch);
        BinaryPrimitives.WriteInt32BigEndian(batch[BaseSequencePosition..], baseSequence);
        var crc = BinaryPrimitives.ReadUInt32BigEndian(batch[CrcPosition..]);
        BinaryPrimitives.WriteUInt32BigEndian(batch[CrcPosition..], Crc32C.Replace(crc, before, producer, batch.Length - end));
    }

    /// <summary>Names the idempotent producer of every batch that has none. Sequence numbers go on from batch to batch.</summary>
    /// <param name="batches">Whole batches, back to back, whose headers were checked.</param>
    /// <param name="id">The producer's id.</param>
    /// <param name="epoch">The producer's epoch.</param>
    /// <param name="baseSequence">The sequence number of the first record.</param>
    /// <exception cref="ArgumentException">A batch is not as long as its header says.</exception>
    public static void StampProducers(Span<byte> batches, long id, short epoch, int baseSequence)
    {
        while (TryRead(batches, out var header))
        {
            if (!header.HasProducer)
            {
                StampProducer(batches[..header.LengthBytes], id, epoch, baseSequence);
                baseSequence = SequenceAfter(baseSequence, header.RecordCount);
            }

            batches = batches[header.LengthBytes..];
        }
    }

    /// <summary>Removes the producer from every batch, so that <see cref="StampProducers"/> can name another.</summary>
    /// <param name="batches">Whole batches, back to back, whose headers were checked.</param>
    /// <exception cref="ArgumentException">A batch is not as long as its header says.</exception>
    public static void ClearProducers(Span<byte> batches)
    {
        for (; TryRead(batches, out var header); batches = batches[header.LengthBytes..])
            StampProducer(batches[..header.LengthBytes], None, (short)None, (int)None);
    }

    /// <summary>The sequence number of the record that follows some records. 0 follows <see cref="int.MaxValue"/>.</summary>
    /// <param name="sequence">The sequence number of the first record.</param>
    /// <param name="recordCount">The count of the records.</param>
    public static int SequenceAfter(int sequence, int recordCount) => unchecked(sequence + recordCount) & int.MaxValue;

    /// <summary>Writes a whole header except its checksum.</summary>
    internal static void Write(
        Span<byte> header, int lengthBytes, in RecordBatchOptions options, CompressionType codec, int recordCount, long baseTimestamp,
        long maxTimestamp)
    {
        var attributes = (int)codec
            | (options.TimestampType == TimestampType.LogAppendTime ? TimestampTypeMask : 0)
            | (options.IsTransactional ? TransactionalMask : 0)
            | (options.IsControl ? ControlMask : 0);
        BinaryPrimitives.WriteInt64BigEndian(header[BaseOffsetPosition..], options.BaseOffset);
        BinaryPrimitives.WriteInt32BigEndian(header[BatchLengthPosition..], lengthBytes - LogOverheadBytes);
        BinaryPrimitives.WriteInt32BigEndian(header[PartitionLeaderEpochPosition..], options.PartitionLeaderEpoch);
        header[MagicPosition] = MagicV2;
        BinaryPrimitives.WriteInt16BigEndian(header[AttributesPosition..], (short)attributes);
        BinaryPrimitives.WriteInt32BigEndian(header[LastOffsetDeltaPosition..], recordCount - 1);
        BinaryPrimitives.WriteInt64BigEndian(header[BaseTimestampPosition..], baseTimestamp);
        BinaryPrimitives.WriteInt64BigEndian(header[MaxTimestampPosition..], maxTimestamp);
        BinaryPrimitives.WriteInt64BigEndian(header[ProducerIdPosition..], options.ProducerId);
        BinaryPrimitives.WriteInt16BigEndian(header[ProducerEpochPosition..], options.ProducerEpoch);
        BinaryPrimitives.WriteInt32BigEndian(header[BaseSequencePosition..], options.BaseSequence);
        BinaryPrimitives.WriteInt32BigEndian(header[RecordCountPosition..], recordCount);
    }

    internal static void StampLength(Span<byte> batch)
    {
        BinaryPrimitives.WriteInt32BigEndian(batch[BatchLengthPosition..], batch.Length - LogOverheadBytes);
        StampCrc(batch);
    }

    internal static void StampCrc(Span<byte> batch) =>
        BinaryPrimitives.WriteUInt32BigEndian(batch[CrcPosition..], Crc32C.Compute(batch[AttributesPosition..]));

    private static void RequireHeader(ReadOnlySpan<byte> batch)
    {
        if (batch.Length < HeaderLengthBytes)
            throw new ArgumentException($"{batch.Length} bytes are not a batch: the header alone has {HeaderLengthBytes} bytes.", nameof(batch));
    }

    private static void RequireBatch(ReadOnlySpan<byte> batch)
    {
        RequireHeader(batch);
        // A checksum over bytes of the next batch, or not over all of this one, would make a good batch bad.
        var length = BinaryPrimitives.ReadInt32BigEndian(batch[BatchLengthPosition..]);
        if (length != batch.Length - LogOverheadBytes)
        {
            throw new ArgumentException(
                $"{batch.Length} bytes are not one whole batch: its length field says {length}.", nameof(batch));
        }
    }
}
