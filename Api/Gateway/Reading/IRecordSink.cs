using OrleansStream.Records;

namespace OrleansStream.Gateway.Reading;

/// <summary>Takes the records of a read, one after another, as a door's protocol writes them.</summary>
/// <remarks>
/// A record lies in its batch, and is there only while the batch is read, which cannot be waited in. So whoever gives records asks
/// <see cref="MustWait"/> before each, and where it is true leaves the batch and calls <see cref="GoOnAsync"/>.
/// </remarks>
public interface IRecordSink
{
    /// <summary>True when <see cref="GoOnAsync"/> is to be called before the next record.</summary>
    bool MustWait { get; }

    /// <summary>Writes what could not be written at once, and waits for the reader when enough has gathered.</summary>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    ValueTask GoOnAsync();

    /// <summary>Takes a record.</summary>
    /// <param name="batch">The batch it is in, which stays open until the next <see cref="GoOnAsync"/> has ended.</param>
    /// <param name="partition">The partition it is in.</param>
    /// <param name="record">The record; it is gone when this returns.</param>
    void Write(OpenBatch batch, int partition, in RecordView record);

    /// <summary>Takes what stands in place of records that cannot be read.</summary>
    /// <param name="partition">The partition they are in.</param>
    /// <param name="records">Which, and why.</param>
    void WriteUnreadable(int partition, in UnreadableRecords records);
}

/// <summary>A sink that is one answer, which ends when it is long enough.</summary>
public interface IAnswerSink : IRecordSink
{
    /// <summary>True when the answer takes no further record. The next read goes on there.</summary>
    bool IsFull { get; }
}
