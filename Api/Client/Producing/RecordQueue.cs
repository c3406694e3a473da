using OrleansStream.Client.Connections;
using OrleansStream.Records;

namespace OrleansStream.Client.Producing;

/// <summary>The records of a producer, from the call that brings them to their partitions' lanes.</summary>
internal sealed partial class RecordQueue : IAsyncDisposable
{
    private const int RecordBytesMax = ProducerLimits.BatchBytesMax - RecordBatchHeader.HeaderLengthBytes;

    private readonly string _topic;
    private readonly ProducerOptions _options;
    private readonly TimeProvider _time;
    private readonly TopicShapes _shapes;
    private readonly SendingContext _context;
    private readonly CallOrder _calls = new();
    private readonly RecordRun.Pool _runs = new();
    private readonly TopicLanes _lanes;
    private readonly TaskCompletionSource _added = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _adding;
    private int _isDisposed;
    private StreamServiceException? _unawaited;
    private StreamServiceException? _lastFailure;
    private long _failures;

    /// <summary>Begins without records.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="options">The settings, which are within their bounds.</param>
    /// <param name="connection">The connections.</param>
    public RecordQueue(string topic, ProducerOptions options, ServiceConnection connection)
    {
        (_topic, _options, _time) = (topic, options, connection.Time);
        // Questions wait for no batch: the batches of all partitions wait for their answers.
        var questions = connection.WithRetries(options.Retries, options.RetryBackoff, options.DeliveryTimeout);
        var batches = connection.WithRetries(options.Retries, options.RetryBackoff, options.DeliveryTimeout, ProducerLimits.RequestsMax);
        _shapes = new TopicShapes(questions, topic);
        Budget = new MemoryBudget(options.BufferBytes);
        _context = new SendingContext(
            topic, options, batches, new ProducerIdentities(questions), new BatchWriters(options), Budget, Note, connection.Log);
        _lanes = new TopicLanes(_context);
    }

    /// <summary>The memory of records that are not stored yet.</summary>
    public MemoryBudget Budget { get; }

    /// <summary>The time of a record that has none.</summary>
    public DateTimeOffset Now => _time.GetUtcNow();

    /// <summary>Why the records of a list behind one that was not taken are not taken, either; null when they are to be tried.</summary>
    /// <param name="error">Why that one was not taken.</param>
    public StreamServiceException? FailureBehind(StreamServiceException error) => NotTaken.Behind(error, _options.Gapless);

    /// <summary>
    /// Adds a record, and waits while there is no memory for it. Calls that are made one after the other keep their order, also when none is awaited.
    /// </summary>
    /// <typeparam name="T">The type of its value.</typeparam>
    /// <param name="record">The record.</param>
    /// <param name="encoder">Encodes the value.</param>
    /// <param name="delivery">Is told what becomes of it; null for nobody.</param>
    /// <param name="index">The record's place in the delivery.</param>
    /// <param name="traceParent">The span in which it is sent; null for none.</param>
    /// <param name="cancellationToken">Ends the wait; then the record is not sent.</param>
    /// <exception cref="StreamServiceException">There is no such topic, the record is too large, or nobody answers.</exception>
    /// <exception cref="ObjectDisposedException">The producer is disposed.</exception>
    public ValueTask AddAsync<T>(
        in OutgoingRecord<T> record, ValueEncoder<T> encoder, IDelivery? delivery, int index, string? traceParent,
        CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _adding);
        try
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed) != 0, typeof(StreamProducer));
            if (_shapes.Known is not { } shape || !_calls.IsFree)
                return AddInTurnAsync(record, encoder, delivery, index, traceParent, cancellationToken);
            if (traceParent is null && TryAddPlain(record, encoder, shape, delivery, index))
            {
                EndAdding();
                return ValueTask.CompletedTask;
            }

            var run = Encode(record, encoder, traceParent);
            if (!Budget.TryTake(run.NeededBytes(1), out var taken))
                return AddWhenThereIsMemoryAsync(run, shape, delivery, index, cancellationToken);
            Add(run, shape, taken, delivery, index);
            EndAdding();
            return ValueTask.CompletedTask;
        }
        catch (Exception exception)
        {
            EndAdding();
            return ValueTask.FromException(exception);
        }
    }

    /// <summary>
    /// Sends what has gathered, and waits until it is known what became of every record whose call was made before, also of a call that still waits.
    /// </summary>
    /// <exception cref="StreamServiceException">
    /// A record that nobody waits for was not stored; of several failures the first. A failure during the wait is told to each call that waits.
    /// </exception>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        var failures = Volatile.Read(ref _failures);
        if (!_calls.IsFree)
            await PassCallsBeforeAsync(cancellationToken).ConfigureAwait(false);
        await _lanes.FlushAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
        if (Interlocked.Exchange(ref _unawaited, null) is { } failed)
            throw failed;
        if (Volatile.Read(ref _failures) != failures)
            throw _lastFailure!;
    }

    private async Task PassCallsBeforeAsync(CancellationToken cancellationToken)
    {
        var turn = _calls.Enter();
        try
        {
            await turn.BeginAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            turn.End();
        }
    }

    // Calls that were made before wait, or it is not known what the topic is like.
    private async ValueTask AddInTurnAsync<T>(
        OutgoingRecord<T> record, ValueEncoder<T> encoder, IDelivery? delivery, int index, string? traceParent, CancellationToken cancellationToken)
    {
        var failures = _shapes.FailureCount;
        var turn = _calls.Enter();
        try
        {
            await turn.BeginAsync(cancellationToken).ConfigureAwait(false);
            var shape = await _shapes.GetAsync(failures, cancellationToken).ConfigureAwait(false);
            var run = Encode(record, encoder, traceParent);
            if (!Budget.TryTake(run.NeededBytes(1), out var taken))
                taken = await TakeAsync(run, cancellationToken).ConfigureAwait(false);
            Add(run, shape, taken, delivery, index);
        }
        finally
        {
            turn.End();
            EndAdding();
        }
    }

    private async ValueTask AddWhenThereIsMemoryAsync(
        RecordRun run, TopicShape shape, IDelivery? delivery, int index, CancellationToken cancellationToken)
    {
        var turn = _calls.Enter();
        try
        {
            await turn.BeginAsync(cancellationToken).ConfigureAwait(false);
            var taken = await TakeAsync(run, cancellationToken).ConfigureAwait(false);
            Add(run, shape, taken, delivery, index);
        }
        finally
        {
            turn.End();
            EndAdding();
        }
    }

    private async ValueTask<long> TakeAsync(RecordRun run, CancellationToken cancellationToken)
    {
        var taking = Budget.TakeAsync(run.NeededBytes(1), cancellationToken);
        // Records that linger hold the memory that this one waits for.
        if (!taking.IsCompleted)
            _lanes.Hurry();
        return await taking.ConfigureAwait(false);
    }

    private RecordRun Encode<T>(in OutgoingRecord<T> record, ValueEncoder<T> encoder, string? traceParent)
    {
        var run = _runs.Rent();
        try
        {
            var lengthBytes = run.Encode(record, encoder, traceParent, NowMs);
            return lengthBytes <= RecordBytesMax ? run : throw NotTaken.TooLarge(_topic, lengthBytes);
        }
        catch
        {
            _runs.Return(run);
            throw;
        }
    }

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    // Nothing but a value, which is bytes already: the usual case, and the cheapest.
    private bool TryAddPlain<T>(in OutgoingRecord<T> record, ValueEncoder<T> encoder, TopicShape shape, IDelivery? delivery, int index)
    {
        if (encoder.Plain is not { } plain || record.Key is not null || record.KeyBytes is not null || record.Headers is not null)
            return false;
        var hasValue = !record.IsTombstone && record.Value is not null;
        var value = hasValue ? plain.BytesOf(record.Value!).Span : default;
        var lengthBytes = RecordBatchWriter.EncodedRecordLengthBytes(0, value.Length);
        var timestampMs = RecordRun.TimeOf(record, NowMs);
        if (lengthBytes > RecordBytesMax || !Budget.TryTake(RecordRun.NeededBy(lengthBytes), out var taken))
            return false;
        try
        {
            _lanes.Add(EncodedRecord.OfValue(timestampMs, value, hasValue, lengthBytes, ref taken), record.Partition, shape, delivery, index);
        }
        finally
        {
            GiveBack(taken);
        }

        HurryForThoseWhoWait();
        return true;
    }

    private void EndAdding()
    {
        if (Interlocked.Decrement(ref _adding) == 0 && Volatile.Read(ref _isDisposed) != 0)
            _added.TrySetResult();
    }

    private void Add(RecordRun run, TopicShape shape, long taken, IDelivery? delivery, int index)
    {
        try
        {
            AddFirst(run, shape, taken, delivery, index);
        }
        finally
        {
            _runs.Return(run);
        }
    }

    private void AddFirst(RecordRun run, TopicShape shape, long taken, IDelivery? delivery, int index)
    {
        run.TakenBytes = taken;
        try
        {
            _lanes.Add(run[0], run.PartitionOf(0), shape, delivery, index);
        }
        finally
        {
            GiveBack(run.TakenBytes);
        }

        HurryForThoseWhoWait();
    }

    // Batches give back the memory of their records. What no batch has got is left when adding has failed.
    private void GiveBack(long takenBytes)
    {
        if (takenBytes > 0)
            Budget.Give(takenBytes);
    }

    // A call of another thread has begun to wait since this one took its memory, and waits for this record, too.
    private void HurryForThoseWhoWait()
    {
        if (Budget.WaitingCount > 0)
            _lanes.Hurry();
    }

    private void Note(StreamServiceException error, bool isUnawaited)
    {
        if (error.ErrorCode == "UNKNOWN_TOPIC_OR_PARTITION")
            _shapes.Forget();
        if (!isUnawaited)
            return;
        Interlocked.CompareExchange(ref _unawaited, error, null);
        Volatile.Write(ref _lastFailure, error);
        Interlocked.Increment(ref _failures);
    }
}
