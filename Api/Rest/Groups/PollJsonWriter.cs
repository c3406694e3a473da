using System.Collections.Immutable;
using System.Text.Json;
using OrleansStream.Gateway.Groups;
using OrleansStream.HttpErrors;

namespace OrleansStream.Rest.Groups;

/// <summary>Writes what an answer to a poll tells beside its records. Every form of the answer has it as JSON.</summary>
internal static class PollJsonWriter
{
    /// <summary>Writes the member's state.</summary>
    /// <param name="json">Takes the answer's JSON, inside of its object.</param>
    /// <param name="poll">The poll.</param>
    public static void WriteMember(Utf8JsonWriter json, GroupPoll poll)
    {
        json.WriteNumber("member_epoch"u8, poll.MemberEpoch);
        json.WriteString("lease_expires_at"u8, poll.LeaseExpiresAt.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ"));
        WriteAssignment(json, poll);
    }

    /// <summary>Writes what the member is told after its records.</summary>
    /// <param name="json">Takes the answer's JSON, inside of its object.</param>
    /// <param name="delivered">What the member is told.</param>
    public static void WriteDelivered(Utf8JsonWriter json, DeliveredPoll delivered)
    {
        WriteResets(json, delivered.Resets);
        WriteUnavailable(json, delivered.Unavailable);
        WriteUnknownTopics(json, delivered.UnknownTopics);
        json.WriteString("cursor"u8, delivered.Cursor);
        if (delivered.Lag is { } lag)
            json.WriteNumber("lag"u8, lag);
    }

    private static void WriteAssignment(Utf8JsonWriter json, GroupPoll poll)
    {
        json.WriteStartArray("assignment"u8);
        foreach (var topic in poll.Assignment.GroupBy(partition => partition.Topic))
        {
            json.WriteStartObject();
            json.WriteString("topic"u8, topic.Key);
            json.WriteStartArray("partitions"u8);
            foreach (var partition in topic)
                json.WriteNumberValue(partition.Partition);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteResets(Utf8JsonWriter json, ImmutableArray<PollReset> resets)
    {
        if (resets.IsEmpty)
            return;
        json.WriteStartArray("resets"u8);
        foreach (var reset in resets)
        {
            json.WriteStartObject();
            json.WriteString("topic"u8, reset.Topic);
            json.WriteNumber("partition"u8, reset.Partition);
            json.WriteNumber("from"u8, reset.From);
            json.WriteNumber("to"u8, reset.To);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteUnknownTopics(Utf8JsonWriter json, ImmutableArray<string> topics)
    {
        if (topics.IsEmpty)
            return;
        json.WriteStartArray("unknown_topics"u8);
        foreach (var topic in topics)
            json.WriteStringValue(topic);
        json.WriteEndArray();
    }

    private static void WriteUnavailable(Utf8JsonWriter json, ImmutableArray<UnavailablePartition> partitions)
    {
        if (partitions.IsEmpty)
            return;
        json.WriteStartArray("unavailable"u8);
        foreach (var partition in partitions)
        {
            json.WriteStartObject();
            json.WriteString("topic"u8, partition.Topic);
            json.WriteNumber("partition"u8, partition.Partition);
            json.WriteString("error_code"u8, ErrorMap.NameOf(partition.Error.Code));
            json.WriteString("detail"u8, partition.Error.Detail);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
