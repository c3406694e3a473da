using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Groups;
using OrleansStream.Records;

namespace OrleansStream.Gateway.Groups;

/// <summary>
/// Gives out what a poll has read, in order: first the records that waited in place and are due, then those of each partition, up to its share.
/// Each partition goes on behind the last record that was taken of it.
/// </summary>
/// <param name="partitions">The member's partitions, with what was read of them.</param>
/// <param name="recordsMax">The most records.</param>
/// <param name="load">The memory of the answer.</param>
internal sealed class PollDelivery(IReadOnlyList<PolledPartition> partitions, int recordsMax, AnswerLoad load) : IDisposable
{
    private readonly UnfoldingBudget _budget = new(load);
    private Turn[] _turns = [];

    /// <summary>Divides what was read into shares, and opens the batch that is given out first.</summary>
    /// <returns>False when the node has no memory for any of the records; the partitions have read none then.</returns>
    public bool TryBegin()
    {
        PolledPartition[] read = [.. partitions.Where(partition => partition.Fetched is not null)];
        // Where not all fit, a random one is first: over many answers each gets its turn.
        Random.Shared.Shuffle(read);
        var shares = FairShares.Divide([.. read.Select(partition => partition.RecordCount)], recordsMax);
        _turns = [.. read.Zip(shares, (partition, share) => new Turn(
            partition, new BatchCursor(partition.Fetched!.Value with { Offset = partition.Position }, _budget)) { Left = share })];
        if (_turns.Length == 0 || partitions.Any(partition => partition.Held.Fetched.Count > 0))
            return true;
        _turns[0].Opened = _turns[0].Cursor.OpenNext();
        if (!_budget.IsRefused)
            return true;
        foreach (var turn in _turns)
            turn.Partition.End(turn.Partition.Position);
        return false;
    }

    /// <summary>Gives out the records.</summary>
    /// <param name="sink">Takes them.</param>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    public async ValueTask RunAsync(IPolledRecordSink sink)
    {
        foreach (var partition in partitions)
            await DeliverHeldAsync(partition, sink);
        foreach (var turn in _turns)
            await DeliverTurnAsync(turn, sink);
    }

    /// <summary>Closes the first batch, when nothing was given out.</summary>
    public void Dispose()
    {
        if (_turns.Length > 0 && _turns[0].TakeOpened() is { } batch)
            _budget.Close(batch);
    }

    /// <summary>Gives out the records that waited in place and are due.</summary>
    private async ValueTask DeliverHeldAsync(PolledPartition partition, IPolledRecordSink sink)
    {
        foreach ((var held, var response) in partition.Held.Fetched)
        {
            // Those that are left stay due.
            if (_budget.IsSpent || _budget.Open(response.Batches) is not { } batch)
                break;
            try
            {
                while (DeliverHeld(partition, held, batch, sink))
                    await sink.GoOnAsync();
            }
            finally
            {
                _budget.Close(batch);
            }

            partition.Held.Deliver(held);
        }

        partition.Held.Fetched.Clear();
    }

    /// <returns>True when the sink has to go on before the next record; false when the batch is done.</returns>
    private static bool DeliverHeld(PolledPartition partition, HeldOffset held, OpenBatch batch, IPolledRecordSink sink)
    {
        var records = batch.Read();
        while (!sink.MustWait)
        {
            if (!records.TryReadNext(out var record))
            {
                if (records.UnreadableFrom(held.Offset) is { } unreadable && unreadable.Offset == held.Offset)
                    WriteUnreadable(partition, unreadable with { LastOffset = held.Offset }, sink);
                return false;
            }

            if (record.Offset == held.Offset)
                sink.Write(new PolledRecord(partition.Assigned, batch, record) { Attempt = held.Attempt });
        }

        batch.Pause(records);
        return true;
    }

    private async ValueTask DeliverTurnAsync(Turn turn, IPolledRecordSink sink)
    {
        (var partition, var cursor) = (turn.Partition, turn.Cursor);
        for (var batch = turn.TakeOpened() ?? cursor.OpenNext(); batch is not null; batch = turn.IsOver ? null : cursor.OpenNext())
        {
            try
            {
                while (DeliverSome(turn, batch, sink))
                    await sink.GoOnAsync();
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

    /// <returns>True when the sink has to go on before the next record; false when the batch, or the partition's share, is done.</returns>
    private static bool DeliverSome(Turn turn, OpenBatch batch, IPolledRecordSink sink)
    {
        (var partition, var cursor) = (turn.Partition, turn.Cursor);
        var records = batch.Read();
        while (!sink.MustWait)
        {
            if (!records.TryReadNext(out var record))
            {
                if (records.UnreadableFrom(cursor.NextOffset) is { } unreadable)
                {
                    turn.IsOver = turn.Left == 0 || sink.IsFull;
                    if (turn.IsOver)
                        return false;
                    WriteUnreadable(partition, unreadable, sink);
                    turn.Left--;
                }

                cursor.EndBatch(records.Header);
                return false;
            }

            if (record.Offset < cursor.NextOffset)
                continue;
            turn.IsOver = turn.Left == 0 || sink.IsFull;
            if (turn.IsOver)
                return false;
            if (partition.Held.Waits(record))
            {
                cursor.EndRecord(record.Offset);
                turn.IsOver = !partition.Held.HasRoom;
                if (turn.IsOver)
                    return false;
                continue;
            }

            sink.Write(new PolledRecord(partition.Assigned, batch, record) { Story = partition.StoryOf(records.Header, record) });
            cursor.EndRecord(record.Offset);
            turn.Left--;
        }

        batch.Pause(records);
        return true;
    }

    private static void WriteUnreadable(PolledPartition partition, in UnreadableRecords unreadable, IPolledRecordSink sink) =>
        sink.WriteUnreadable(partition.Assigned.Topic, partition.Assigned.Partition, unreadable);

    /// <summary>A partition whose records are given out.</summary>
    private sealed class Turn(PolledPartition partition, BatchCursor cursor)
    {
        public PolledPartition Partition => partition;

        public BatchCursor Cursor => cursor;

        /// <summary>The first batch when it was opened before; else null.</summary>
        public OpenBatch? Opened { get; set; }

        /// <summary>The records that are left of its share.</summary>
        public int Left { get; set; }

        /// <summary>True once nothing more of it is given out.</summary>
        public bool IsOver { get; set; }

        /// <summary>The batch that was opened before, for its one reader.</summary>
        public OpenBatch? TakeOpened()
        {
            var batch = Opened;
            Opened = null;
            return batch;
        }
    }
}
