using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Groups;
using OrleansStream.Randomness;
using OrleansStream.Records;

namespace OrleansStream.Gateway.Groups;

/// <summary>
/// Delivers what a poll has read, in order: first the due records that waited in place, then the records of each partition, up to its share. The next
/// poll goes on in each partition behind the last record that was taken.
/// </summary>
/// <param name="partitions">The member's partitions, with what was read of them.</param>
/// <param name="recordsMax">The most records.</param>
/// <param name="load">The memory of the answer.</param>
/// <param name="random">Chooses the partition that is delivered first.</param>
internal sealed class PollDelivery(IReadOnlyList<PolledPartition> partitions, int recordsMax, AnswerLoad load, RandomSource random) : IDisposable
{
    private readonly UnfoldingBudget _budget = new(load);
    private Turn[] _turns = [];

    /// <summary>Divides what was read into shares, and opens the first batch.</summary>
    /// <returns>False when the node has no memory for any of the records; then nothing counts as read.</returns>
    public bool TryBegin()
    {
        PolledPartition[] read = [.. partitions.Where(partition => partition.Fetched is not null)];
        // If not all records fit, the first partition is a random one, so that over many answers each gets its turn.
        random.Shuffle(read.AsSpan());
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

    /// <summary>Delivers the records.</summary>
    /// <param name="sink">Takes the records.</param>
    /// <exception cref="OperationCanceledException">The reader has gone.</exception>
    public async ValueTask RunAsync(IPolledRecordSink sink)
    {
        foreach (var partition in partitions)
            await DeliverHeldAsync(partition, sink);
        foreach (var turn in _turns)
            await DeliverTurnAsync(turn, sink);
    }

    /// <summary>Closes the first batch if it was not delivered.</summary>
    public void Dispose()
    {
        if (_turns.Length > 0 && _turns[0].TakeOpened() is { } batch)
            _budget.Close(batch);
    }

    /// <summary>Delivers the due records that waited in place.</summary>
    private async ValueTask DeliverHeldAsync(PolledPartition partition, IPolledRecordSink sink)
    {
        foreach ((var held, var response) in partition.Held.Fetched)
        {
            // The records that are left stay due.
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

    /// <returns>True when the sink must go on before the next record; false when the batch is done.</returns>
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
                if (sink.MustWait)
                    await sink.GoOnAsync();
                if (!TryDeliverWhole(turn, batch, sink))
                {
                    while (DeliverSome(turn, batch, sink))
                        await sink.GoOnAsync();
                }
            }
            finally
            {
                cursor.Close(batch);
            }
        }

        // Without the error the partition would look as if it had no records.
        if (_budget.IsRefused && cursor.NextOffset == partition.Position)
            partition.Error = load.Refusal;
        partition.End(cursor.NextOffset);
    }

    /// <summary>
    /// Delivers a batch as it is stored, if the sink takes that and each of its records is to be delivered without anything that is told of it alone.
    /// </summary>
    private static bool TryDeliverWhole(Turn turn, OpenBatch batch, IPolledRecordSink sink)
    {
        (var partition, var cursor) = (turn.Partition, turn.Cursor);
        if (!sink.TakesBatches || sink.IsFull || partition.IsRetry || partition.Held.HasKeys)
            return false;
        var records = batch.Read();
        if (cursor.NextOffset > records.Header.BaseOffset || turn.Left < records.Header.RecordCount || !records.IsWhole)
            return false;
        sink.WriteBatch(partition.Assigned.Topic, partition.Assigned.Partition, batch.Stored);
        cursor.EndBatch(records.Header);
        turn.Left -= records.Header.RecordCount;
        return true;
    }

    /// <returns>True when the sink must go on before the next record; false when the batch or the partition's share is done.</returns>
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

    /// <summary>A partition whose records are being delivered.</summary>
    private sealed class Turn(PolledPartition partition, BatchCursor cursor)
    {
        public PolledPartition Partition => partition;

        public BatchCursor Cursor => cursor;

        /// <summary>The first batch, if it was opened in advance; else null.</summary>
        public OpenBatch? Opened { get; set; }

        /// <summary>The rest of its share, in records.</summary>
        public int Left { get; set; }

        /// <summary>True once no more of its records are delivered.</summary>
        public bool IsOver { get; set; }

        /// <summary>Takes the batch that was opened in advance.</summary>
        public OpenBatch? TakeOpened()
        {
            var batch = Opened;
            Opened = null;
            return batch;
        }
    }
}
