using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Groups;
using OrleansStream.Partitions;
using OrleansStream.Records;

namespace OrleansStream.Gateway.Groups;

/// <summary>One of a member's partitions during a poll.</summary>
/// <param name="assigned">The partition.</param>
/// <param name="waits">
/// For a retry topic, how long its records wait. The first record that is not due holds back the records behind it. Null for other topics.
/// </param>
internal sealed class PolledPartition(AssignedPartition assigned, RetryWaits? waits = null)
{
    /// <summary>A position that is not known yet.</summary>
    public const long Unknown = -3;

    /// <summary>The partition.</summary>
    public AssignedPartition Assigned { get; } = assigned;

    /// <summary>Its records that wait in place.</summary>
    public HeldRecords Held { get; } = new(assigned.Holds);

    /// <summary>True for a partition of a retry topic.</summary>
    public bool IsRetry => waits is not null;

    /// <summary>When its next waiting record is due, in milliseconds since the Unix epoch; 0 when that is not known.</summary>
    public long DueMs { get; private set; }

    /// <summary>The next offset to read; or <see cref="FetchRequest.Earliest"/>, or <see cref="Unknown"/>.</summary>
    public long Position { get; set; } = assigned.CommittedOffset >= 0 ? assigned.CommittedOffset : Unknown;

    /// <summary>The committed offset, or -1.</summary>
    public long Committed { get; set; } = assigned.CommittedOffset;

    /// <summary>
    /// The offset at which this poll began to read, if the member is done with everything before it. Null when that is not known, or when the member
    /// reads ahead of what it commits.
    /// </summary>
    public long? Start { get; private set; } = assigned.CommittedOffset >= 0 ? assigned.CommittedOffset : null;

    /// <summary>The last known end of the log, or -1.</summary>
    public long HighWatermark { get; private set; } = -1;

    /// <summary>What was read, from <see cref="Position"/> on; null when there is nothing.</summary>
    public FetchResponse? Fetched { get; private set; }

    /// <summary>True when it has records for the answer.</summary>
    public bool HasRecords => Fetched is not null || Held.Fetched.Count > 0;

    /// <summary>Why it could not be read; null when it could.</summary>
    public StreamError? Error { get; set; }

    /// <summary>The count of records that were read.</summary>
    public int RecordCount { get; private set; }

    /// <summary>Sets the offset at which reading goes on.</summary>
    /// <param name="offset">The offset.</param>
    /// <param name="isDone">True when the member is done with everything before it.</param>
    public void GoTo(long offset, bool isDone = true)
    {
        Position = offset;
        Start = isDone ? offset : null;
    }

    /// <summary>Takes the result of a read.</summary>
    /// <param name="response">The result, which has no error.</param>
    /// <param name="nowMs">The time, in milliseconds since the Unix epoch.</param>
    public void Take(FetchResponse response, long nowMs)
    {
        Error = null;
        HighWatermark = response.HighWatermark;
        if (Position < 0)
            GoTo(response.Offset);
        if (response.Batches.IsEmpty)
            return;
        if (IsRetry)
        {
            TakeDue(response, nowMs);
            return;
        }

        Fetched = response;
        long count = 0;
        var scanner = new RecordBatchScanner(response.Batches.Span, checkCrc: false);
        while (scanner.MoveNext())
            count += scanner.Header.IsControl ? 0 : Math.Max(0, scanner.Header.NextOffset - Math.Max(Position, scanner.Header.BaseOffset));
        RecordCount = (int)Math.Min(count, int.MaxValue);
    }

    /// <summary>The history of one of its records before it came to this retry topic; null when none is known.</summary>
    /// <param name="batch">The header of the batch that the record lies in.</param>
    /// <param name="record">The record.</param>
    public RetryStory? StoryOf(in RecordBatchHeader batch, in RecordView record) =>
        waits is null ? null : RetryStory.Read(batch, record, Assigned.Topic, waits.Group);

    private void TakeDue(FetchResponse response, long nowMs)
    {
        DueMs = 0;
        var count = 0;
        long unfoldedBytes = 0;
        var scanner = new RecordBatchScanner(response.Batches.Span, checkCrc: false);
        // Records that do not fit into the answer are not decompressed.
        while (DueMs == 0 && unfoldedBytes < ReadingLimits.UnfoldedBytesPerAnswerMax && scanner.MoveNext())
        {
            using var records = new StoredBatchReader(scanner.Batch);
            unfoldedBytes += records.UnfoldedBytes;
            while (DueMs == 0 && records.TryReadNext(out var record))
            {
                if (record.Offset < Position)
                    continue;
                // A record that somebody else put there has no due time.
                var dueMs = StoryOf(records.Header, record) is { } story ? waits!.DueMs(story, record) : 0;
                if (dueMs > nowMs)
                    DueMs = dueMs;
                else
                    count++;
            }

            if (DueMs == 0 && records.UnreadableFrom(Position) is not null)
                count++;
        }

        RecordCount = count;
        Fetched = count > 0 ? response : null;
    }

    /// <summary>Sets how far the answer came, and drops what was read.</summary>
    /// <param name="nextOffset">The next offset to read.</param>
    public void End(long nextOffset)
    {
        Position = nextOffset;
        Fetched = null;
        RecordCount = 0;
    }
}

/// <summary>How long records wait in a group's retry topics.</summary>
/// <param name="Group">The group's name.</param>
/// <param name="Policy">Its policy.</param>
internal sealed record RetryWaits(string Group, GroupRetryPolicy Policy)
{
    /// <summary>
    /// When a record is due. This is never later than under the current policy. All records of a partition wait equally long, so a record that waited
    /// longer, by an earlier policy, would hold back those behind it.
    /// </summary>
    /// <param name="story">The record's story.</param>
    /// <param name="record">The record. Its timestamp is that of the copy.</param>
    /// <returns>The time in milliseconds since the Unix epoch.</returns>
    public long DueMs(RetryStory story, in RecordView record) => Math.Min(story.DueMs, record.TimestampMs + Policy.LongestWaitMs(story.Attempt - 1));
}
