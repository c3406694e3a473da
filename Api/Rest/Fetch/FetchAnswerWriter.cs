using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Records;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Fetch;

/// <summary>Writes the answer to a fetch as JSON: the records, directly from their batches, and then the offset at which to read on.</summary>
/// <param name="answer">The answer.</param>
/// <param name="views">The form of keys and values.</param>
internal sealed class FetchAnswerWriter(AnswerWriter answer, PayloadViews views) : IAnswerSink
{
    /// <inheritdoc/>
    public bool MustWait => answer.MustWait;

    /// <inheritdoc/>
    public bool IsFull => answer.Length > JsonLimits.ResponseBytesTarget;

    /// <summary>Writes the answer.</summary>
    /// <param name="read">The records that were read.</param>
    /// <param name="recordsMax">The most records.</param>
    /// <exception cref="StreamException">The node has no memory for the first batch; nothing is written.</exception>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    public async ValueTask WriteAsync(PartitionRead read, int recordsMax)
    {
        var records = read.OpenRecords();
        answer.Json.WriteStartObject();
        answer.Json.WriteStartArray("records"u8);
        await records.WriteToAsync(this, recordsMax);
        answer.Json.WriteEndArray();
        answer.Json.WriteNumber("next_offset"u8, records.NextOffset);
        answer.Json.WriteNumber("log_start_offset"u8, read.LogStartOffset);
        answer.Json.WriteNumber("high_watermark"u8, read.HighWatermark);
        answer.Json.WriteEndObject();
        await answer.EndAsync();
    }

    /// <inheritdoc/>
    public ValueTask GoOnAsync() => answer.GoOnAsync();

    /// <inheritdoc/>
    public void Write(OpenBatch batch, int partition, in RecordView record) => answer.Write(batch, partition, record, views);

    /// <inheritdoc/>
    public void WriteUnreadable(int partition, in UnreadableRecords records) => RecordJsonWriter.WriteUnreadable(answer.Json, partition, records);
}
