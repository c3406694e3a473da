using OrleansStream.Groups;
using OrleansStream.Records;

namespace OrleansStream.Gateway.Groups;

/// <summary>
/// Takes a poll's records in their order, and writes them in a door's protocol. It decides nothing: the poll chooses the records, and where the
/// member goes on.
/// </summary>
/// <remarks>A record is valid only until the next call. Its batch stays open until the call after <see cref="GoOnAsync"/>.</remarks>
public interface IPolledRecordSink
{
    /// <summary>True when <see cref="GoOnAsync"/> must be called before the next record, for instance because the reader is slow.</summary>
    bool MustWait { get; }

    /// <summary>
    /// True once the answer has its full length. Then no further record of a partition is written, and the next poll goes on with it. Due records
    /// that waited in place are written nevertheless.
    /// </summary>
    bool IsFull { get; }

    /// <summary>True when it takes whole batches as they are stored, which spares a copy of each record.</summary>
    bool TakesBatches { get; }

    /// <summary>Waits until the sink takes further records.</summary>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    ValueTask GoOnAsync();

    /// <summary>Takes a record.</summary>
    /// <param name="record">The record.</param>
    void Write(in PolledRecord record);

    /// <summary>
    /// Takes all records of a batch in place of <see cref="Write"/> for each, if it <see cref="TakesBatches"/>. All can be read, and none has a story or
    /// waited in place.
    /// </summary>
    /// <param name="topic">The topic of the batch.</param>
    /// <param name="partition">The partition of the batch.</param>
    /// <param name="batch">The batch, which stays valid until the delivery ends.</param>
    void WriteBatch(string topic, int partition, ReadOnlyMemory<byte> batch);

    /// <summary>Writes an entry for records that cannot be read and are skipped.</summary>
    /// <param name="topic">The topic of the records.</param>
    /// <param name="partition">The partition of the records.</param>
    /// <param name="unreadable">Which records, and why they cannot be read.</param>
    void WriteUnreadable(string topic, int partition, in UnreadableRecords unreadable);
}

/// <summary>A record of a poll, where it lies in its batch.</summary>
/// <param name="partition">The partition of the record.</param>
/// <param name="batch">The batch of the record.</param>
/// <param name="record">The record.</param>
public readonly ref struct PolledRecord(in AssignedPartition partition, OpenBatch batch, in RecordView record)
{
    /// <summary>The topic of the record.</summary>
    public string Topic { get; } = partition.Topic;

    /// <summary>The partition of the record.</summary>
    public int Partition { get; } = partition.Partition;

    /// <summary>The batch of the record.</summary>
    public OpenBatch Batch { get; } = batch;

    /// <summary>The record.</summary>
    public RecordView Record { get; } = record;

    /// <summary>The history of the record before it came to a retry topic; null when none is known.</summary>
    public RetryStory? Story { get; init; }

    /// <summary>The number of this attempt, if the record waited in place.</summary>
    public int Attempt { get; init; } = 1;
}
