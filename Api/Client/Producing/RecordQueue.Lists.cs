namespace OrleansStream.Client.Producing;

/// <summary>The records of a list: several are added together, and each is encoded once, however long it waits for memory.</summary>
internal sealed partial class RecordQueue
{
    /// <summary>Adds the next records of a list, as many as are encoded together, and waits while there is no memory for them.</summary>
    /// <typeparam name="T">The type of their values.</typeparam>
    /// <param name="list">The records.</param>
    /// <param name="from">The first one's place in the list, and in the delivery.</param>
    /// <param name="encoder">Encodes the values.</param>
    /// <param name="delivery">Is told what becomes of them.</param>
    /// <param name="cancellationToken">Ends the wait; then those that are not added are not sent.</param>
    /// <returns>How many were added, and why the one behind them was not; null when it was not tried.</returns>
    public async ValueTask<(int Added, Exception? Failure)> AddTogetherAsync<T>(
        SentList<T> list, int from, ValueEncoder<T> encoder, IDelivery delivery, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _adding);
        var run = _runs.Rent();
        var added = 0;
        try
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed) != 0, typeof(StreamProducer));
            if (_shapes.Known is null || !_calls.IsFree)
            {
                // Of all the calls that wait, none holds encoded records.
                await AddAsync(list[from], encoder, delivery, from, traceParent: null, cancellationToken).ConfigureAwait(false);
                return (1, null);
            }

            for (var failure = Encode(list.From(from), encoder, run); ; run.Drop(1), added++)
            {
                added += AddWhatThereIsMemoryFor(run, delivery, from + added);
                if (run.LeftCount == 0)
                    return (added, failure);
                await AddFirstInTurnAsync(run, delivery, from + added, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception exception)
        {
            return (added, exception);
        }
        finally
        {
            _runs.Return(run);
            EndAdding();
        }
    }

    // Up to a record that cannot be sent, or until the run is full.
    private Exception? Encode<T>(ReadOnlySpan<OutgoingRecord<T>> records, ValueEncoder<T> encoder, RecordRun run)
    {
        var nowMs = NowMs;
        try
        {
            foreach (ref readonly var record in records)
            {
                if (run.IsFull)
                    return null;
                var lengthBytes = run.Encode(record, encoder, traceParent: null, nowMs);
                if (lengthBytes <= RecordBytesMax)
                    continue;
                run.DropLast();
                return NotTaken.TooLarge(_topic, lengthBytes);
            }

            return null;
        }
        catch (Exception exception)
        {
            return exception;
        }
    }

    // Those that were added are dropped from the run.
    private int AddWhatThereIsMemoryFor(RecordRun run, IDelivery delivery, int index)
    {
        if (_shapes.Known is not { } shape || !_calls.IsFree)
            return 0;
        for (; run.Count > 0; run.Show(run.Count / 2))
        {
            var needed = run.NeededBytes(run.Count);
            if (needed > _options.BufferBytes || !Budget.TryTake(needed, out var taken))
                continue;
            run.TakenBytes = taken;
            var added = AddAsFarAsPossible(run, shape, delivery, index);
            run.Drop(added);
            return added;
        }

        return 0;
    }

    private int AddAsFarAsPossible(RecordRun run, TopicShape shape, IDelivery delivery, int index)
    {
        try
        {
            _lanes.Add(run, shape, delivery, index);
        }
        catch (Exception)
        {
            // The record that no batch could take is tried by itself, and then its caller learns what is wrong with it.
        }

        HurryForThoseWhoWait();
        var added = run.CountInBatches();
        GiveBack(run.TakenBytes);
        return added;
    }

    private async ValueTask AddFirstInTurnAsync(RecordRun run, IDelivery delivery, int index, CancellationToken cancellationToken)
    {
        var failures = _shapes.FailureCount;
        var turn = _calls.Enter();
        try
        {
            await turn.BeginAsync(cancellationToken).ConfigureAwait(false);
            var shape = await _shapes.GetAsync(failures, cancellationToken).ConfigureAwait(false);
            var taken = await TakeAsync(run, cancellationToken).ConfigureAwait(false);
            AddFirst(run, shape, taken, delivery, index);
        }
        finally
        {
            turn.End();
        }
    }
}
