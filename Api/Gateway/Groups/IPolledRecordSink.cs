using OrleansStream.Groups;
using OrleansStream.Records;

namespace OrleansStream.Gateway.Groups;

/// <summary>
/// Takes a poll's records in their order, as a door writes them. It decides nothing: which records come, and where the member goes on, is the
/// poll's business.
/// </summary>
/// <remarks>A record lives until the next call only, but for its batch, which stays open until the call behind <see cref="GoOnAsync"/>.</remarks>
public interface IPolledRecordSink
{
    /// <summary>True when <see cref="GoOnAsync"/> is to be called before the next record, such as for a reader that is slow.</summary>
    bool MustWait { get; }

    /// <summary>
    /// True once the answer is as long as it may be. No further record of a partition comes then, and the next poll goes on with it; those
    /// that waited in place and are due come anyway.
    /// </summary>
    bool IsFull { get; }

    /// <summary>Waits until the sink takes further records.</summary>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    ValueTask GoOnAsync();

    /// <summary>Takes a record.</summary>
    /// <param name="record">The record.</param>
    void Write(in PolledRecord record);

    /// <summary>Takes note of records that cannot be read, and are passed over.</summary>
    /// <param name="topic">The topic they are in.</param>
    /// <param name="partition">The partition they are in.</param>
    /// <param name="unreadable">Which, and why.</param>
    void WriteUnreadable(string topic, int partition, in UnreadableRecords unreadable);
}

/// <summary>A record of a poll, where it lies in its batch.</summary>
/// <param name="partition">The partition it is in.</param>
/// <param name="batch">The batch it is in.</param>
/// <param name="record">The record.</param>
public readonly ref struct PolledRecord(in AssignedPartition partition, OpenBatch batch, in RecordView record)
{
    /// <summary>The topic it is in.</summary>
    public string Topic { get; } = partition.Topic;

    /// <summary>The partition it is in.</summary>
    public int Partition { get; } = partition.Partition;

    /// <summary>The batch it is in.</summary>
    public OpenBatch Batch { get; } = batch;

    /// <summary>The record.</summary>
    public RecordView Record { get; } = record;

    /// <summary>What befell it before it came to wait where it is; null for nothing that is known.</summary>
    public RetryStory? Story { get; init; }

    /// <summary>Which attempt this is, where the record waited in its own place.</summary>
    public int Attempt { get; init; } = 1;
}
