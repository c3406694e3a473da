using OrleansStream.Records;

namespace OrleansStream.Gateway.Reading;

/// <summary>Takes the records of a read, one after another, and writes them in a door's protocol.</summary>
/// <remarks>
/// A record lies in its batch, and can be used only while the batch is read, during which nothing can be awaited. So the caller asks
/// <see cref="MustWait"/> before each record. If it is true, the caller leaves the batch and calls <see cref="GoOnAsync"/>.
/// </remarks>
public interface IRecordSink
{
    /// <summary>True when <see cref="GoOnAsync"/> must be called before the next record.</summary>
    bool MustWait { get; }

    /// <summary>Writes what could not be written at once, and waits for the reader when enough bytes have gathered.</summary>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    ValueTask GoOnAsync();

    /// <summary>Takes a record.</summary>
    /// <param name="batch">The batch of the record. It stays open until the next <see cref="GoOnAsync"/> has ended.</param>
    /// <param name="partition">The partition of the record.</param>
    /// <param name="record">The record, which is not valid after this call.</param>
    void Write(OpenBatch batch, int partition, in RecordView record);

    /// <summary>Writes an entry in place of records that cannot be read.</summary>
    /// <param name="partition">The partition of the records.</param>
    /// <param name="records">Which records, and why they cannot be read.</param>
    void WriteUnreadable(int partition, in UnreadableRecords records);
}

/// <summary>A sink for one answer, which ends when it is long enough.</summary>
public interface IAnswerSink : IRecordSink
{
    /// <summary>True when the answer takes no further record. The next read goes on with that record.</summary>
    bool IsFull { get; }
}
