using System.Text.Json;
using OrleansStream.Api.Errors;
using OrleansStream.Api.Mapping;
using OrleansStream.Groups;
using OrleansStream.Partitions;
using OrleansStream.Records;

namespace OrleansStream.Api.Endpoints;

/// <summary>Writes the answer to a poll: the records straight from their batches, then where the member stands.</summary>
internal static class GroupAnswerWriter
{
    /// <summary>Writes an answer and moves the poll's positions behind what it holds.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="poll">The poll.</param>
    /// <param name="options">What was asked for.</param>
    public static void Write(Utf8JsonWriter writer, GroupPoll poll, PollOptions options)
    {
        writer.WriteStartObject();
        writer.WriteNumber("member_epoch"u8, poll.MemberEpoch);
        writer.WriteString("lease_expires_at"u8, poll.LeaseExpiresAt.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ"));
        WriteAssignment(writer, poll);
        WriteRecords(writer, poll, options);
        WriteResets(writer, poll);
        WriteUnavailable(writer, poll);
        WriteUnknownTopics(writer, poll);
        writer.WriteString("cursor"u8, poll.Cursor());
        if (!options.IsHeartbeat)
            writer.WriteNumber("lag"u8, poll.Lag);
        writer.WriteEndObject();
    }

    private static void WriteAssignment(Utf8JsonWriter writer, GroupPoll poll)
    {
        writer.WriteStartArray("assignment"u8);
        foreach (IGrouping<string, PolledPartition> topic in poll.Partitions.GroupBy(partition => partition.Assigned.Topic))
        {
            writer.WriteStartObject();
            writer.WriteString("topic"u8, topic.Key);
            writer.WriteStartArray("partitions"u8);
            foreach (PolledPartition partition in topic)
                writer.WriteNumberValue(partition.Assigned.Partition);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteRecords(Utf8JsonWriter writer, GroupPoll poll, PollOptions options)
    {
        writer.WriteStartArray("records"u8);
        var budget = new UnfoldingBudget();
        foreach (PolledPartition partition in poll.Partitions)
            WriteHeld(writer, partition, options.Views, budget);
        PolledPartition[] read = [.. poll.Partitions.Where(partition => partition.Fetched is not null)];
        // Where not all fit, a random one is first: over many answers each gets its turn.
        Random.Shared.Shuffle(read);
        int[] shares = FairShares.Divide([.. read.Select(partition => partition.RecordCount)], options.RecordsMax);
        for (int i = 0; i < read.Length; i++)
            WritePartition(writer, read[i], shares[i], options.Views, budget);
        writer.WriteEndArray();
    }

    /// <summary>Writes the records that waited in place and are due.</summary>
    private static void WriteHeld(Utf8JsonWriter writer, PolledPartition partition, PayloadViews views, UnfoldingBudget budget)
    {
        foreach ((HeldOffset held, FetchResponse response) in partition.Held.Fetched)
        {
            // Those that are left stay due.
            if (budget.IsSpent)
                break;
            using var records = new StoredBatchReader(response.Batches.Span);
            budget.Spend(records.UnfoldedBytes);
            while (records.TryReadNext(out RecordView record))
            {
                if (record.Offset == held.Offset)
                    RecordJsonWriter.Write(writer, partition.Assigned.Partition, record, views, partition.Assigned.Topic, attempt: held.Attempt);
            }

            if (records.UnreadableFrom(held.Offset) is { } unreadable && unreadable.Offset == held.Offset)
                WriteUnreadable(writer, partition, unreadable with { LastOffset = held.Offset });
            partition.Held.Deliver(held);
        }

        partition.Held.Fetched.Clear();
    }

    private static void WritePartition(
        Utf8JsonWriter writer, PolledPartition partition, int share, PayloadViews views, UnfoldingBudget budget)
    {
        var cursor = new BatchCursor(partition.Fetched!.Value with { Offset = partition.Position }, budget);
        bool isFull = false;
        int left = share;
        while (!isFull && cursor.TryTakeBatch(out ReadOnlyMemory<byte> batch))
        {
            using StoredBatchReader records = cursor.Open(batch.Span);
            while (true)
            {
                if (!records.TryReadNext(out RecordView record))
                {
                    if (records.UnreadableFrom(cursor.NextOffset) is { } unreadable)
                    {
                        isFull = IsFull(writer, left);
                        if (isFull)
                            break;
                        WriteUnreadable(writer, partition, unreadable);
                        left--;
                    }

                    cursor.EndBatch(records.Header);
                    break;
                }

                if (record.Offset < cursor.NextOffset)
                    continue;
                isFull = IsFull(writer, left);
                if (isFull)
                    break;
                if (partition.Held.Waits(record))
                {
                    cursor.EndRecord(record.Offset);
                    isFull = !partition.Held.HasRoom;
                    if (isFull)
                        break;
                    continue;
                }

                RecordJsonWriter.Write(
                    writer, partition.Assigned.Partition, record, views, partition.Assigned.Topic, partition.StoryOf(records.Header, record));
                cursor.EndRecord(record.Offset);
                left--;
            }
        }

        partition.End(cursor.NextOffset);
    }

    private static bool IsFull(Utf8JsonWriter writer, int left) =>
        left == 0 || writer.BytesCommitted + writer.BytesPending > Limits.ResponseBytesTarget;

    private static void WriteUnreadable(Utf8JsonWriter writer, PolledPartition partition, in UnreadableRecords unreadable) =>
        RecordJsonWriter.WriteUnreadable(writer, partition.Assigned.Partition, unreadable, partition.Assigned.Topic);

    private static void WriteResets(Utf8JsonWriter writer, GroupPoll poll)
    {
        if (poll.Resets.Count == 0)
            return;
        writer.WriteStartArray("resets"u8);
        foreach (PollReset reset in poll.Resets)
        {
            writer.WriteStartObject();
            writer.WriteString("topic"u8, reset.Topic);
            writer.WriteNumber("partition"u8, reset.Partition);
            writer.WriteNumber("from"u8, reset.From);
            writer.WriteNumber("to"u8, reset.To);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        poll.EndResets();
    }

    private static void WriteUnknownTopics(Utf8JsonWriter writer, GroupPoll poll)
    {
        if (poll.UnknownTopics.IsEmpty)
            return;
        writer.WriteStartArray("unknown_topics"u8);
        foreach (string topic in poll.UnknownTopics)
            writer.WriteStringValue(topic);
        writer.WriteEndArray();
    }

    private static void WriteUnavailable(Utf8JsonWriter writer, GroupPoll poll)
    {
        PolledPartition[] failed = [.. poll.Partitions.Where(partition => partition.Error is not null)];
        if (failed.Length == 0)
            return;
        writer.WriteStartArray("unavailable"u8);
        foreach (PolledPartition partition in failed)
        {
            writer.WriteStartObject();
            writer.WriteString("topic"u8, partition.Assigned.Topic);
            writer.WriteNumber("partition"u8, partition.Assigned.Partition);
            writer.WriteString("error_code"u8, ErrorMap.NameOf(partition.Error!.Code));
            writer.WriteString("detail"u8, partition.Error.Detail);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
