using OrleansStream.Client.Connections;

namespace OrleansStream.Client.Producing;

/// <summary>The records of a list: several are added together, and each is encoded once, however long it waits for memory.</summary>
internal sealed partial class RecordQueue
{
    /// <summary>Begins a call that sends a list. It has one place in the order of the calls, however often it waits.</summary>
    /// <returns>The call, which ends when it is disposed. Till then a producer that is being disposed waits for it.</returns>
    /// <exception cref="ObjectDisposedException">The producer is disposed.</exception>
    public ListCall BeginList()
    {
        Interlocked.Increment(ref _adding);
        if (Volatile.Read(ref _isDisposed) == 0)
            return new ListCall(this);
        EndAdding();
        throw new ObjectDisposedException(nameof(StreamProducer));
    }

    /// <summary>Adds the next records of a list, as many as are encoded together, and waits while there is no memory for them.</summary>
    /// <typeparam name="T">The type of their values.</typeparam>
    /// <param name="call">The call that sends the list.</param>
    /// <param name="list">The records.</param>
    /// <param name="from">The first one's place in the list, and in the delivery.</param>
    /// <param name="encoder">Encodes the values.</param>
    /// <param name="delivery">Is told what becomes of them.</param>
    /// <param name="cancellationToken">Ends the wait; then those that are not added are not sent.</param>
    /// <returns>How many were added, and why the one behind them was not; null when it was not tried.</returns>
    public async ValueTask<(int Added, Exception? Failure)> AddTogetherAsync<T>(
        ListCall call, SentList<T> list, int from, ValueEncoder<T> encoder, IDelivery delivery, CancellationToken cancellationToken)
    {
        var run = _runs.Rent();
        var added = 0;
        try
        {
            // Of all the calls that wait for their turn, none holds encoded records.
            if (_shapes.Known is null || !call.IsNext)
                await ShapeInTurnAsync(call, cancellationToken).ConfigureAwait(false);
            for (var failure = Encode(list.From(from), encoder, run); ; run.Drop(1), added++)
            {
                added += AddWhatThereIsMemoryFor(call, run, delivery, from + added);
                if (run.LeftCount == 0)
                    return (added, failure);
                var shape = await ShapeInTurnAsync(call, cancellationToken).ConfigureAwait(false);
                var taken = await TakeAsync(run, cancellationToken).ConfigureAwait(false);
                AddFirst(run, shape, taken, delivery, from + added);
            }
        }
        catch (Exception exception)
        {
            return (added, exception);
        }
        finally
        {
            _runs.Return(run);
        }
    }

    private async ValueTask<TopicShape> ShapeInTurnAsync(ListCall call, CancellationToken cancellationToken)
    {
        var failures = _shapes.FailureCount;
        await call.BeginTurnAsync(cancellationToken).ConfigureAwait(false);
        return await _shapes.GetAsync(failures, cancellationToken).ConfigureAwait(false);
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
    private int AddWhatThereIsMemoryFor(ListCall call, RecordRun run, IDelivery delivery, int index)
    {
        if (_shapes.Known is not { } shape || !call.IsNext)
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

    /// <summary>A call that sends a list.</summary>
    /// <param name="queue">Its producer's records.</param>
    internal sealed class ListCall(RecordQueue queue) : IDisposable
    {
        private CallOrder.Turn? _turn;

        /// <summary>True when no call that was made before still waits.</summary>
        public bool IsNext => _turn is not null || queue._calls.IsFree;

        /// <summary>Waits until all calls before have passed. Those that come now wait until this one has ended.</summary>
        /// <param name="cancellationToken">Ends the wait with an exception.</param>
        public Task BeginTurnAsync(CancellationToken cancellationToken)
        {
            _turn ??= queue._calls.Enter();
            return _turn.BeginAsync(cancellationToken);
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            _turn?.End();
            queue.EndAdding();
        }
    }
}
