using OrleansStream.Errors;
using OrleansStream.Groups;
using OrleansStream.Partitions;
using OrleansStream.Records;

namespace OrleansStream.Api.Endpoints;

/// <summary>One of a member's partitions during a poll.</summary>
/// <param name="assigned">The partition.</param>
internal sealed class PolledPartition(AssignedPartition assigned)
{
    /// <summary>A position that is not known yet.</summary>
    public const long Unknown = -3;

    /// <summary>The partition.</summary>
    public AssignedPartition Assigned { get; } = assigned;

    /// <summary>The next offset to read; or <see cref="FetchRequest.Earliest"/>, or <see cref="Unknown"/>.</summary>
    public long Position { get; set; } = assigned.CommittedOffset >= 0 ? assigned.CommittedOffset : Unknown;

    /// <summary>The end of the log when it was last looked at, or -1.</summary>
    public long HighWatermark { get; private set; } = -1;

    /// <summary>What was read, from <see cref="Position"/> on; null when there was nothing.</summary>
    public FetchResponse? Fetched { get; private set; }

    /// <summary>Why it could not be read just now; null when it could.</summary>
    public StreamError? Error { get; set; }

    /// <summary>The count of records that were read.</summary>
    public int RecordCount { get; private set; }

    /// <summary>Takes what was read.</summary>
    /// <param name="response">A fetch without an error.</param>
    public void Take(FetchResponse response)
    {
        Error = null;
        HighWatermark = response.HighWatermark;
        if (Position < 0)
            Position = response.Offset;
        if (response.Batches.IsEmpty)
            return;
        Fetched = response;
        long count = 0;
        var scanner = new RecordBatchScanner(response.Batches.Span, checkCrc: false);
        while (scanner.MoveNext())
            count += scanner.Header.IsControl ? 0 : Math.Max(0, scanner.Header.NextOffset - Math.Max(Position, scanner.Header.BaseOffset));
        RecordCount = (int)Math.Min(count, int.MaxValue);
    }

    /// <summary>Notes how far the answer came, and forgets what was read.</summary>
    /// <param name="nextOffset">The next offset to read.</param>
    public void End(long nextOffset)
    {
        Position = nextOffset;
        Fetched = null;
        RecordCount = 0;
    }
}

/// <summary>A place that retention had deleted before it was read, and where reading went on.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="From">The offset that was wanted.</param>
/// <param name="To">The offset that reading goes on at.</param>
internal readonly record struct PollReset(string Topic, int Partition, long From, long To);
