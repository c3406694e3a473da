using System.Text.Json;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Groups;
using OrleansStream.Gateway.Reading;
using OrleansStream.Groups;
using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Groups;

/// <summary>Writes the answer to a poll: the records straight from their batches, then where the member stands.</summary>
/// <param name="answer">Where to.</param>
/// <param name="poll">The poll.</param>
/// <param name="options">What was asked for.</param>
/// <param name="views">How keys and values appear.</param>
/// <param name="load">The memory of the answer.</param>
internal sealed class GroupAnswerWriter(AnswerWriter answer, GroupPoll poll, PollOptions options, PayloadViews views, AnswerLoad load)
{
    private readonly UnfoldingBudget _budget = new(load);
    private Turn[] _turns = [];

    private Utf8JsonWriter Json => answer.Json;

    /// <summary>Gets ready to write: the batch that is written first is open then.</summary>
    /// <returns>False when the node has no memory for any of the records; the poll has read none, and there is nothing to write.</returns>
    public bool TryBegin()
    {
        PolledPartition[] read = [.. poll.Partitions.Where(partition => partition.Fetched is not null)];
        // Where not all fit, a random one is first: over many answers each gets its turn.
        Random.Shared.Shuffle(read);
        int[] shares = FairShares.Divide([.. read.Select(partition => partition.RecordCount)], options.RecordsMax);
        _turns = [.. read.Zip(shares, (partition, share) => new Turn(
            partition, new BatchCursor(partition.Fetched!.Value with { Offset = partition.Position }, _budget)) { Left = share })];
        if (_turns.Length == 0 || poll.Partitions.Any(partition => partition.Held.Fetched.Count > 0))
            return true;
        _turns[0].Batch = _turns[0].Cursor.OpenNext();
        if (!_budget.IsRefused)
            return true;
        foreach (Turn turn in _turns)
            turn.Partition.End(turn.Partition.Position);
        return false;
    }

    /// <summary>Writes an answer, once <see cref="TryBegin"/> has said so, and moves the poll's positions behind what it holds.</summary>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    public async ValueTask WriteAsync()
    {
        Json.WriteStartObject();
        Json.WriteNumber("member_epoch"u8, poll.MemberEpoch);
        Json.WriteString("lease_expires_at"u8, poll.LeaseExpiresAt.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ"));
        WriteAssignment();
        await WriteRecordsAsync();
        WriteResets();
        WriteUnavailable();
        WriteUnknownTopics();
        Json.WriteString("cursor"u8, poll.Cursor());
        if (!options.IsHeartbeat)
            Json.WriteNumber("lag"u8, poll.Lag);
        Json.WriteEndObject();
    }

    private void WriteAssignment()
    {
        Json.WriteStartArray("assignment"u8);
        foreach (IGrouping<string, PolledPartition> topic in poll.Partitions.GroupBy(partition => partition.Assigned.Topic))
        {
            Json.WriteStartObject();
            Json.WriteString("topic"u8, topic.Key);
            Json.WriteStartArray("partitions"u8);
            foreach (PolledPartition partition in topic)
                Json.WriteNumberValue(partition.Assigned.Partition);
            Json.WriteEndArray();
            Json.WriteEndObject();
        }

        Json.WriteEndArray();
    }

    private async ValueTask WriteRecordsAsync()
    {
        Json.WriteStartArray("records"u8);
        foreach (PolledPartition partition in poll.Partitions)
            await WriteHeldAsync(partition);
        foreach (Turn turn in _turns)
            await WriteTurnAsync(turn);
        Json.WriteEndArray();
    }

    /// <summary>Writes the records that waited in place and are due.</summary>
    private async ValueTask WriteHeldAsync(PolledPartition partition)
    {
        foreach ((HeldOffset held, FetchResponse response) in partition.Held.Fetched)
        {
            // Those that are left stay due.
            if (_budget.IsSpent || _budget.Open(response.Batches) is not { } batch)
                break;
            try
            {
                while (WriteHeld(partition, held, batch))
                    await answer.GoOnAsync();
            }
            finally
            {
                _budget.Close(batch);
            }

            partition.Held.Deliver(held);
        }

        partition.Held.Fetched.Clear();
    }

    /// <returns>True when the answer has to go on before the next record; false when the batch is done.</returns>
    private bool WriteHeld(PolledPartition partition, HeldOffset held, OpenBatch batch)
    {
        StoredBatchReader records = batch.Read();
        while (!answer.MustWait)
        {
            if (!records.TryReadNext(out RecordView record))
            {
                if (records.UnreadableFrom(held.Offset) is { } unreadable && unreadable.Offset == held.Offset)
                    WriteUnreadable(partition, unreadable with { LastOffset = held.Offset });
                return false;
            }

            if (record.Offset == held.Offset)
                answer.Write(batch, partition.Assigned.Partition, record, views, partition.Assigned.Topic, attempt: held.Attempt);
        }

        batch.Pause(records);
        return true;
    }

    private async ValueTask WriteTurnAsync(Turn turn)
    {
        (PolledPartition partition, BatchCursor cursor) = (turn.Partition, turn.Cursor);
        for (OpenBatch? batch = turn.Batch ?? cursor.OpenNext(); batch is not null; batch = turn.IsFull ? null : cursor.OpenNext())
        {
            try
            {
                while (WriteSome(turn, batch))
                    await answer.GoOnAsync();
            }
            finally
            {
                cursor.Close(batch);
            }
        }

        // Nobody could tell it from a partition that has nothing.
        if (_budget.IsRefused && cursor.NextOffset == partition.Position)
            partition.Error = load.Refusal;
        partition.End(cursor.NextOffset);
    }

    /// <returns>True when the answer has to go on before the next record; false when the batch, or the partition's share, is done.</returns>
    private bool WriteSome(Turn turn, OpenBatch batch)
    {
        (PolledPartition partition, BatchCursor cursor) = (turn.Partition, turn.Cursor);
        StoredBatchReader records = batch.Read();
        while (!answer.MustWait)
        {
            if (!records.TryReadNext(out RecordView record))
            {
                if (records.UnreadableFrom(cursor.NextOffset) is { } unreadable)
                {
                    turn.IsFull = IsFull(turn.Left);
                    if (turn.IsFull)
                        return false;
                    WriteUnreadable(partition, unreadable);
                    turn.Left--;
                }

                cursor.EndBatch(records.Header);
                return false;
            }

            if (record.Offset < cursor.NextOffset)
                continue;
            turn.IsFull = IsFull(turn.Left);
            if (turn.IsFull)
                return false;
            if (partition.Held.Waits(record))
            {
                cursor.EndRecord(record.Offset);
                turn.IsFull = !partition.Held.HasRoom;
                if (turn.IsFull)
                    return false;
                continue;
            }

            answer.Write(
                batch, partition.Assigned.Partition, record, views, partition.Assigned.Topic, partition.StoryOf(records.Header, record));
            cursor.EndRecord(record.Offset);
            turn.Left--;
        }

        batch.Pause(records);
        return true;
    }

    private bool IsFull(int left) => left == 0 || answer.Length > HttpLimits.ResponseBytesTarget;

    private void WriteUnreadable(PolledPartition partition, in UnreadableRecords unreadable) =>
        RecordJsonWriter.WriteUnreadable(Json, partition.Assigned.Partition, unreadable, partition.Assigned.Topic);

    private void WriteResets()
    {
        if (poll.Resets.Count == 0)
            return;
        Json.WriteStartArray("resets"u8);
        foreach (PollReset reset in poll.Resets)
        {
            Json.WriteStartObject();
            Json.WriteString("topic"u8, reset.Topic);
            Json.WriteNumber("partition"u8, reset.Partition);
            Json.WriteNumber("from"u8, reset.From);
            Json.WriteNumber("to"u8, reset.To);
            Json.WriteEndObject();
        }

        Json.WriteEndArray();
        poll.EndResets();
    }

    private void WriteUnknownTopics()
    {
        if (poll.UnknownTopics.IsEmpty)
            return;
        Json.WriteStartArray("unknown_topics"u8);
        foreach (string topic in poll.UnknownTopics)
            Json.WriteStringValue(topic);
        Json.WriteEndArray();
    }

    private void WriteUnavailable()
    {
        PolledPartition[] failed = [.. poll.Partitions.Where(partition => partition.Error is not null)];
        if (failed.Length == 0)
            return;
        Json.WriteStartArray("unavailable"u8);
        foreach (PolledPartition partition in failed)
        {
            Json.WriteStartObject();
            Json.WriteString("topic"u8, partition.Assigned.Topic);
            Json.WriteNumber("partition"u8, partition.Assigned.Partition);
            Json.WriteString("error_code"u8, ErrorMap.NameOf(partition.Error!.Code));
            Json.WriteString("detail"u8, partition.Error.Detail);
            Json.WriteEndObject();
        }

        Json.WriteEndArray();
    }

    /// <summary>A partition whose records are written.</summary>
    private sealed class Turn(PolledPartition partition, BatchCursor cursor)
    {
        public PolledPartition Partition => partition;

        public BatchCursor Cursor => cursor;

        /// <summary>The first batch when it was opened before; else null.</summary>
        public OpenBatch? Batch { get; set; }

        /// <summary>The records that are left of its share.</summary>
        public int Left { get; set; }

        /// <summary>True once nothing more of it goes into the answer.</summary>
        public bool IsFull { get; set; }
    }
}
