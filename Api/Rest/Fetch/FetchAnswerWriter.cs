using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Records;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Fetch;

/// <summary>Writes the answer to a fetch as JSON: the records, directly from their batches, and then the offset at which to read on.</summary>
/// <param name="answer">Takes the answer's JSON.</param>
/// <param name="views">The form of keys and values.</param>
/// <param name="scope">Which records are wanted.</param>
/// <param name="ended">Ends the search for them when the reader has gone.</param>
internal sealed class FetchAnswerWriter(AnswerWriter answer, PayloadViews views, FetchScope scope, CancellationToken ended) : IAnswerSink
{
    private int _written;
    private int _lookedAt;
    private long _lookedAtBytes;
    private long _turnEndBytes = FetchLimits.FilteredBytesPerTurn;
    private bool _isAtBound;

    /// <inheritdoc/>
    public bool MustWait => answer.MustWait || IsTurnOver;

    /// <inheritdoc/>
    public bool IsFull => answer.Length > JsonLimits.ResponseBytesTarget || _isAtBound || _written >= scope.RecordsMax
        || (scope.Filter is not null && (_lookedAt >= FetchLimits.FilteredRecordsMax || _lookedAtBytes >= FetchLimits.FilteredBytesMax));

    private bool IsTurnOver => scope.Filter is not null && _lookedAtBytes >= _turnEndBytes;

    /// <summary>Writes the answer.</summary>
    /// <param name="read">The records that were read.</param>
    /// <exception cref="StreamException">The node has no memory for the first batch; nothing is written.</exception>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    public async ValueTask WriteAsync(PartitionRead read)
    {
        var records = read.OpenRecords();
        answer.Json.WriteStartObject();
        answer.Json.WriteStartArray("records"u8);
        // Records that the filter leaves out do not count.
        await records.WriteToAsync(this, int.MaxValue);
        answer.Json.WriteEndArray();
        answer.Json.WriteNumber("next_offset"u8, Math.Max(read.Offset, Math.Min(records.NextOffset, scope.Before)));
        answer.Json.WriteNumber("log_start_offset"u8, read.LogStartOffset);
        answer.Json.WriteNumber("high_watermark"u8, read.HighWatermark);
        if (scope.Filter is not null)
            answer.Json.WriteNumber("looked_at"u8, _lookedAt);
        answer.Json.WriteEndObject();
        await answer.EndAsync();
    }

    /// <inheritdoc/>
    public async ValueTask GoOnAsync()
    {
        if (IsTurnOver)
        {
            // A filter that takes nothing sends nothing, so that only this sets the thread free, and sees that the reader has gone.
            _turnEndBytes = _lookedAtBytes + FetchLimits.FilteredBytesPerTurn;
            await Task.Yield();
            ended.ThrowIfCancellationRequested();
        }

        await answer.GoOnAsync();
    }

    /// <inheritdoc/>
    public void Write(OpenBatch batch, int partition, in RecordView record)
    {
        _isAtBound = record.Offset >= scope.Before - 1;
        if (record.Offset >= scope.Before)
            return;
        _lookedAt++;
        _lookedAtBytes += record.Key.Length + (long)record.Value.Length + record.EncodedHeaders.Length;
        if (scope.Filter?.Takes(record) == false)
            return;
        _written++;
        answer.Write(batch, partition, record, views);
    }

    /// <inheritdoc/>
    public void WriteUnreadable(int partition, in UnreadableRecords records)
    {
        _isAtBound = records.LastOffset >= scope.Before - 1;
        if (records.Offset >= scope.Before)
            return;
        _written++;
        RecordJsonWriter.WriteUnreadable(answer.Json, partition, records);
    }
}

/// <summary>Which records a fetch wants.</summary>
/// <param name="RecordsMax">The most of them.</param>
/// <param name="Before">The offset before which they are.</param>
/// <param name="Filter">Chooses among them; null for all.</param>
internal sealed record FetchScope(int RecordsMax, long Before, RecordFilter? Filter);
