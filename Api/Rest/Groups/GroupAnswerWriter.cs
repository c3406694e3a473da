using System.Text.Json;
using OrleansStream.Gateway.Groups;
using OrleansStream.Records;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Groups;

/// <summary>Writes the answer to a poll as JSON: the member's state, the records directly from their batches, and the cursor.</summary>
/// <param name="answer">Takes the answer's JSON.</param>
/// <param name="poll">The poll, whose delivery has begun.</param>
/// <param name="views">The form of keys and values.</param>
internal sealed class GroupAnswerWriter(AnswerWriter answer, GroupPoll poll, PayloadViews views) : IPolledRecordSink
{
    bool IPolledRecordSink.MustWait => answer.MustWait;

    bool IPolledRecordSink.IsFull => answer.Length > JsonLimits.ResponseBytesTarget;

    bool IPolledRecordSink.TakesBatches => false;

    private Utf8JsonWriter Json => answer.Json;

    /// <summary>Writes the answer.</summary>
    /// <returns>The cursor in the answer.</returns>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    public async ValueTask<string> WriteAsync()
    {
        Json.WriteStartObject();
        PollJsonWriter.WriteMember(Json, poll);
        Json.WriteStartArray("records"u8);
        var delivered = await poll.DeliverAsync(this);
        Json.WriteEndArray();
        PollJsonWriter.WriteDelivered(Json, delivered);
        Json.WriteEndObject();
        return delivered.Cursor;
    }

    ValueTask IPolledRecordSink.GoOnAsync() => answer.GoOnAsync();

    void IPolledRecordSink.Write(in PolledRecord record) =>
        answer.Write(record.Batch, record.Partition, record.Record, views, record.Topic, record.Story, record.Attempt);

    void IPolledRecordSink.WriteBatch(string topic, int partition, ReadOnlyMemory<byte> batch) => throw new NotSupportedException();

    void IPolledRecordSink.WriteUnreadable(string topic, int partition, in UnreadableRecords unreadable) =>
        RecordJsonWriter.WriteUnreadable(Json, partition, unreadable, topic);
}
