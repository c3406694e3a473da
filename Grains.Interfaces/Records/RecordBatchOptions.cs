namespace OrleansStream.Records;

/// <summary>The fields that an encoder puts into a batch's header. The defaults are those of a plain producer.</summary>
public readonly record struct RecordBatchOptions
{
    /// <summary>The defaults: no compression, create time, no producer.</summary>
    public RecordBatchOptions()
    {
    }

    /// <summary>The codec of the records. Records are stored plain when that is shorter.</summary>
    public CompressionType Compression { get; init; }

    /// <summary>The codec's own scale: gzip 0-9, LZ4 0 and 3-12, zstd 1-22; Snappy has none. Null: the codec's default.</summary>
    public int? CompressionLevel { get; init; }

    /// <summary>The clock of the timestamps.</summary>
    public TimestampType TimestampType { get; init; }

    /// <summary>The idempotent producer, or -1.</summary>
    public long ProducerId { get; init; } = RecordBatchHeader.None;

    /// <summary>The producer's epoch, or -1.</summary>
    public short ProducerEpoch { get; init; } = RecordBatchHeader.None;

    /// <summary>The producer's sequence number of the first record, or -1.</summary>
    public int BaseSequence { get; init; } = RecordBatchHeader.None;

    /// <summary>True for a batch of a transaction.</summary>
    public bool IsTransactional { get; init; }

    /// <summary>True for the log's own batches.</summary>
    public bool IsControl { get; init; }

    /// <summary>The leader's epoch; -1 until the leader stamps it.</summary>
    public int PartitionLeaderEpoch { get; init; } = RecordBatchHeader.None;

    /// <summary>The offset of the first record; 0 until the leader stamps it.</summary>
    public long BaseOffset { get; init; }
}
