using System.Collections.Immutable;
using System.Text.Json;
using OrleansStream.Gateway.Groups;
using OrleansStream.HttpErrors;
using OrleansStream.Records;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Groups;

/// <summary>Writes the answer to a poll: the member's state, the records directly from their batches, and the cursor.</summary>
/// <param name="answer">Takes the answer's JSON.</param>
/// <param name="poll">The poll, whose delivery has begun.</param>
/// <param name="views">The form of keys and values.</param>
internal sealed class GroupAnswerWriter(AnswerWriter answer, GroupPoll poll, PayloadViews views) : IPolledRecordSink
{
    bool IPolledRecordSink.MustWait => answer.MustWait;

    bool IPolledRecordSink.IsFull => answer.Length > JsonLimits.ResponseBytesTarget;

    private Utf8JsonWriter Json => answer.Json;

    /// <summary>Writes the answer.</summary>
    /// <returns>The cursor in the answer.</returns>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    public async ValueTask<string> WriteAsync()
    {
        Json.WriteStartObject();
        Json.WriteNumber("member_epoch"u8, poll.MemberEpoch);
        Json.WriteString("lease_expires_at"u8, poll.LeaseExpiresAt.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ"));
        WriteAssignment();
        Json.WriteStartArray("records"u8);
        var delivered = await poll.DeliverAsync(this);
        Json.WriteEndArray();
        WriteResets(delivered.Resets);
        WriteUnavailable(delivered.Unavailable);
        WriteUnknownTopics(delivered.UnknownTopics);
        Json.WriteString("cursor"u8, delivered.Cursor);
        if (delivered.Lag is { } lag)
            Json.WriteNumber("lag"u8, lag);
        Json.WriteEndObject();
        return delivered.Cursor;
    }

    ValueTask IPolledRecordSink.GoOnAsync() => answer.GoOnAsync();

    void IPolledRecordSink.Write(in PolledRecord record) =>
        answer.Write(record.Batch, record.Partition, record.Record, views, record.Topic, record.Story, record.Attempt);

    void IPolledRecordSink.WriteUnreadable(string topic, int partition, in UnreadableRecords unreadable) =>
        RecordJsonWriter.WriteUnreadable(Json, partition, unreadable, topic);

    private void WriteAssignment()
    {
        Json.WriteStartArray("assignment"u8);
        foreach (var topic in poll.Assignment.GroupBy(partition => partition.Topic))
        {
            Json.WriteStartObject();
            Json.WriteString("topic"u8, topic.Key);
            Json.WriteStartArray("partitions"u8);
            foreach (var partition in topic)
                Json.WriteNumberValue(partition.Partition);
            Json.WriteEndArray();
            Json.WriteEndObject();
        }

        Json.WriteEndArray();
    }

    private void WriteResets(ImmutableArray<PollReset> resets)
    {
        if (resets.IsEmpty)
            return;
        Json.WriteStartArray("resets"u8);
        foreach (var reset in resets)
        {
            Json.WriteStartObject();
            Json.WriteString("topic"u8, reset.Topic);
            Json.WriteNumber("partition"u8, reset.Partition);
            Json.WriteNumber("from"u8, reset.From);
            Json.WriteNumber("to"u8, reset.To);
            Json.WriteEndObject();
        }

        Json.WriteEndArray();
    }

    private void WriteUnknownTopics(ImmutableArray<string> topics)
    {
        if (topics.IsEmpty)
            return;
        Json.WriteStartArray("unknown_topics"u8);
        foreach (var topic in topics)
            Json.WriteStringValue(topic);
        Json.WriteEndArray();
    }

    private void WriteUnavailable(ImmutableArray<UnavailablePartition> partitions)
    {
        if (partitions.IsEmpty)
            return;
        Json.WriteStartArray("unavailable"u8);
        foreach (var partition in partitions)
        {
            Json.WriteStartObject();
            Json.WriteString("topic"u8, partition.Topic);
            Json.WriteNumber("partition"u8, partition.Partition);
            Json.WriteString("error_code"u8, ErrorMap.NameOf(partition.Error.Code));
            Json.WriteString("detail"u8, partition.Error.Detail);
            Json.WriteEndObject();
        }

        Json.WriteEndArray();
    }
}
