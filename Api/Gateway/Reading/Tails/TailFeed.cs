using OrleansStream.Errors;
using OrleansStream.Records;

namespace OrleansStream.Gateway.Reading.Tails;

/// <summary>
/// The events and the place of a live tail. The readers of its partitions take turns: one event at a time is written, and positions change only in a
/// turn. So every place that is sent belongs to the events before it.
/// </summary>
internal sealed class TailFeed : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly ITailSink _sink;
    private long[] _positions;
    private long _left;
    private bool _isPlaceTold;
    private bool _isEventOpen;
    private bool _isPlaceNeeded;

    /// <summary>Starts at a place.</summary>
    /// <param name="sink">Takes the events.</param>
    /// <param name="topicId">The topic.</param>
    /// <param name="positions">The next offset of each partition.</param>
    /// <param name="recordsMax">The count of records after which the tail ends.</param>
    public TailFeed(ITailSink sink, Guid topicId, long[] positions, long recordsMax) =>
        (_sink, TopicId, _positions, _left) = (sink, topicId, positions, recordsMax);

    /// <summary>The topic that is followed.</summary>
    public Guid TopicId { get; private set; }

    /// <summary>The count of its partitions.</summary>
    public int PartitionCount => _positions.Length;

    /// <summary>The next offset of a partition.</summary>
    /// <param name="partition">The partition.</param>
    public long PositionOf(int partition) => _positions[partition];

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    /// <summary>Sends an event that changes no position.</summary>
    /// <param name="write">Writes the event.</param>
    /// <param name="cancellationToken">Ends the wait for the turn.</param>
    public ValueTask SendAsync(Action<ITailSink> write, CancellationToken cancellationToken) => TakeTurnAsync(() => write(_sink), cancellationToken);

    /// <summary>Sends the records of a batch, and ends the tail after the last record that the client asked for.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="cursor">The cursor that returned the batch.</param>
    /// <param name="ended">Ends the tail.</param>
    public async ValueTask SendRecordsAsync(int partition, OpenBatch batch, BatchCursor cursor, CancellationTokenSource ended)
    {
        await _turn.WaitAsync(ended.Token);
        try
        {
            _isPlaceTold = true;
            while (WriteSome(partition, batch, cursor))
                await _sink.GoOnAsync();
            // Records skipped at the end of a batch must not leave events without a place to resume from.
            if (!_isPlaceTold)
                EndEvent();
            _positions[partition] = cursor.NextOffset;
            await _sink.FlushAsync();
            if (_left == 0)
                await ended.CancelAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>
    /// Goes on at the start of the log when the offset is not in it. Its records were deleted by retention or by a request; or the offset is beyond
    /// the end, because the log has lost records.
    /// </summary>
    /// <param name="partition">The partition.</param>
    /// <param name="error">The bounds of its log.</param>
    /// <param name="cancellationToken">Ends the wait for the turn.</param>
    public ValueTask SkipGapAsync(int partition, StreamError error, CancellationToken cancellationToken) => TakeTurnAsync(
        () =>
        {
            var from = _positions[partition];
            var to = error.LogStartOffset ?? 0;
            _sink.WriteGaps([new TailGap(
                partition, from, to, from > error.HighWatermark ? TailGapReason.OffsetBeyondEnd : TailGapReason.RecordsDeleted, TopicId)]);
            _positions[partition] = to;
            EndEvent();
        },
        cancellationToken);

    /// <summary>Tells a resumed client that its place named no topic.</summary>
    /// <param name="cancellationToken">Ends the wait for the turn.</param>
    public ValueTask TellUnboundAsync(CancellationToken cancellationToken) => TakeTurnAsync(
        () =>
        {
            _sink.WriteUnbound(TopicId);
            EndEvent();
        },
        cancellationToken);

    /// <summary>Tells the client, for each partition of a topic that was deleted, that the records that follow are another topic's.</summary>
    /// <param name="before">The next offset of each of the partitions.</param>
    /// <param name="cancellationToken">Ends the wait for the turn.</param>
    public ValueTask TellRecreatedAsync(IEnumerable<KeyValuePair<int, long>> before, CancellationToken cancellationToken) => TakeTurnAsync(
        () =>
        {
            _sink.WriteGaps(before.Select(place => new TailGap(place.Key, place.Value, To: 0, TailGapReason.TopicRecreated, TopicId)));
            EndEvent();
        },
        cancellationToken);

    /// <summary>Goes on at the start of another topic, which has the name now. No reader of the old topic may be left.</summary>
    /// <param name="topicId">The topic.</param>
    /// <param name="partitionCount">The count of its partitions.</param>
    /// <param name="cancellationToken">Ends the wait for the turn.</param>
    public ValueTask RestartAsync(Guid topicId, int partitionCount, CancellationToken cancellationToken)
    {
        KeyValuePair<int, long>[] before = [.. _positions.Select((position, partition) => KeyValuePair.Create(partition, position))];
        (TopicId, _positions) = (topicId, new long[partitionCount]);
        return TellRecreatedAsync(before, cancellationToken);
    }

    /// <summary>Adds partitions, which are read from their start.</summary>
    /// <param name="partitionCount">The new count of all partitions.</param>
    /// <param name="cancellationToken">Ends the wait for the turn.</param>
    public async ValueTask GrowAsync(int partitionCount, CancellationToken cancellationToken)
    {
        // The array is copied in a turn, so that no change of a position is lost.
        await _turn.WaitAsync(cancellationToken);
        try
        {
            Array.Resize(ref _positions, partitionCount);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async ValueTask TakeTurnAsync(Action write, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            write();
            await _sink.FlushAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <returns>True when the sink must go on before the next record; false when the batch or the tail is done.</returns>
    private bool WriteSome(int partition, OpenBatch batch, BatchCursor cursor)
    {
        var records = batch.Read();
        while (!_sink.MustWait)
        {
            if (_isEventOpen)
                EndRecord();
            if (_left == 0)
                return false;
            if (!records.TryReadNext(out var record))
            {
                var unreadable = records.UnreadableFrom(cursor.NextOffset);
                cursor.EndBatch(records.Header);
                if (unreadable is { } found)
                    WriteUnreadable(partition, found, cursor);
                return false;
            }

            if (record.Offset < cursor.NextOffset)
                continue;
            cursor.EndRecord(record.Offset);
            _positions[partition] = cursor.NextOffset;
            _left--;
            _sink.Write(batch, partition, record);
            (_isEventOpen, _isPlaceNeeded) = (true, record.OffsetDelta == records.Header.LastOffsetDelta || _left == 0);
        }

        batch.Pause(records);
        return true;
    }

    private void WriteUnreadable(int partition, in UnreadableRecords unreadable, BatchCursor cursor)
    {
        _positions[partition] = cursor.NextOffset;
        _left--;
        _sink.WriteUnreadable(partition, unreadable);
        EndEvent();
        _isPlaceTold = true;
    }

    private void EndRecord()
    {
        _isEventOpen = false;
        _isPlaceTold = _sink.EndEvent(TopicId, _positions, _isPlaceNeeded);
    }

    private void EndEvent() => _sink.EndEvent(TopicId, _positions, isPlaceNeeded: true);
}
