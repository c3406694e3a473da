using System.Buffers.Binary;

namespace OrleansStream.Records;

/// <summary>
/// A fence: an empty control batch that uses no offset. With it a new leader closes a segment to older leaders.
/// </summary>
/// <remarks>
/// A reader of Kafka's logs steps over it, as over any control batch. It has no record and a last offset delta of -1. So the chain of offsets goes on
/// as if it were not there, and it may be repeated without harm. The field of the leader epoch lies outside the checksum, so the base sequence has
/// the epoch too, and a fence is believed only when both agree.
/// </remarks>
public static class FenceBatch
{
    /// <summary>The length of a fence in bytes: a bare header.</summary>
    public const int LengthBytes = RecordBatchHeader.HeaderLengthBytes;

    /// <summary>Writes a fence.</summary>
    /// <param name="destination">At least <see cref="LengthBytes"/> bytes.</param>
    /// <param name="baseOffset">The offset of the next record.</param>
    /// <param name="epoch">The new leader's epoch, not negative.</param>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The offset or the epoch is negative.</exception>
    public static void Write(Span<byte> destination, long baseOffset, int epoch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(baseOffset);
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        if (destination.Length < LengthBytes)
            throw new ArgumentException($"A fence takes {LengthBytes} bytes, not {destination.Length}.", nameof(destination));

        var batch = destination[..LengthBytes];
        batch.Clear();
        BinaryPrimitives.WriteInt64BigEndian(batch[RecordBatchHeader.BaseOffsetPosition..], baseOffset);
        BinaryPrimitives.WriteInt32BigEndian(
            batch[RecordBatchHeader.BatchLengthPosition..], LengthBytes - RecordBatchHeader.LogOverheadBytes);
        BinaryPrimitives.WriteInt32BigEndian(batch[RecordBatchHeader.PartitionLeaderEpochPosition..], epoch);
        batch[RecordBatchHeader.MagicPosition] = RecordBatchHeader.MagicV2;
        BinaryPrimitives.WriteInt16BigEndian(batch[RecordBatchHeader.AttributesPosition..], RecordBatchHeader.ControlMask);
        BinaryPrimitives.WriteInt32BigEndian(batch[RecordBatchHeader.LastOffsetDeltaPosition..], -1);
        BinaryPrimitives.WriteInt64BigEndian(batch[RecordBatchHeader.BaseTimestampPosition..], RecordBatchHeader.None);
        BinaryPrimitives.WriteInt64BigEndian(batch[RecordBatchHeader.MaxTimestampPosition..], RecordBatchHeader.None);
        BinaryPrimitives.WriteInt64BigEndian(batch[RecordBatchHeader.ProducerIdPosition..], RecordBatchHeader.None);
        BinaryPrimitives.WriteInt16BigEndian(batch[RecordBatchHeader.ProducerEpochPosition..], RecordBatchHeader.None);
        BinaryPrimitives.WriteInt32BigEndian(batch[RecordBatchHeader.BaseSequencePosition..], epoch);
        RecordBatchHeader.StampCrc(batch);
    }

    /// <summary>Tells whether a valid batch is a fence, and of which epoch.</summary>
    /// <param name="header">The header of a batch whose checksum was checked.</param>
    /// <param name="epoch">The epoch; -1 when the batch is not a fence.</param>
    public static bool IsFence(in RecordBatchHeader header, out int epoch)
    {
        var isFence = header is { IsControl: true, RecordCount: 0, LastOffsetDelta: -1, LengthBytes: LengthBytes }
            && header is { ProducerId: RecordBatchHeader.None, ProducerEpoch: RecordBatchHeader.None, BaseSequence: >= 0 }
            && header.PartitionLeaderEpoch == header.BaseSequence;
        epoch = isFence ? header.BaseSequence : -1;
        return isFence;
    }
}
