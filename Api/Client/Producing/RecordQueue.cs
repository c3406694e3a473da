using System.Collections.Concurrent;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Serialization;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Client.Producing;

/// <summary>The records of a producer, from the call that brings them to their partitions' lanes.</summary>
internal sealed class RecordQueue : IAsyncDisposable
{
    private readonly string _topic;
    private readonly ProducerOptions _options;
    private readonly TimeProvider _time;
    private readonly TopicShapes _shapes;
    private readonly SendingContext _context;
    private readonly CallOrder _calls = new();
    private readonly StickyPartitioner _turns = new(Random.Shared.Next());
    private readonly RecordScratch.Pool _scratches = new();
    private readonly ConcurrentDictionary<int, PartitionLane> _lanes = new();
    private readonly object _gate = new();
    private PartitionLane? _keyless;
    private int _keylessPartition;
    private int _hotTurn;
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
        var calls = connection.WithRetries(options.Retries, options.RetryBackoff, options.DeliveryTimeout);
        _shapes = new TopicShapes(calls, topic);
        Budget = new MemoryBudget(options.BufferBytes);
        _context = new SendingContext(
            topic, options, calls, new ProducerIdentities(calls), new BatchWriters(options), Budget, new SemaphoreSlim(ProducerLimits.RequestsMax),
            Note, connection.Log);
    }

    /// <summary>The memory of records that are not stored yet.</summary>
    public MemoryBudget Budget { get; }

    /// <summary>The time of a record that has none.</summary>
    public DateTimeOffset Now => _time.GetUtcNow();

    /// <summary>Why the records of a list behind one that was not taken are not taken, either; null when they are to be tried.</summary>
    /// <param name="error">Why that one was not taken.</param>
    public StreamServiceException? FailureBehind(StreamServiceException error) => _options.Gapless
        ? new StreamServiceException(
            $"It was not taken: an earlier record of its list was not ({error.ErrorCode}), and a gapless producer sends none behind it.", error)
        {
            ErrorCode = StreamServiceException.GaplessGuarantee,
        }
        : error.ErrorCode is "MESSAGE_TOO_LARGE" or "INVALID_RECORD" ? null : error;

    /// <summary>
    /// Adds a record, and waits while there is no memory for it. Calls that are made one after the other keep their order, also when none is awaited.
    /// </summary>
    /// <typeparam name="T">The type of its value.</typeparam>
    /// <param name="record">The record.</param>
    /// <param name="serializer">Writes the value.</param>
    /// <param name="delivery">Is told what becomes of it; null for nobody.</param>
    /// <param name="index">The record's place in the delivery.</param>
    /// <param name="traceParent">The span in which it is sent; null for none.</param>
    /// <param name="cancellationToken">Ends the wait; then the record is not sent.</param>
    /// <exception cref="StreamServiceException">There is no such topic, the record is too large, or nobody answers.</exception>
    /// <exception cref="ObjectDisposedException">The producer is disposed.</exception>
    public ValueTask AddAsync<T>(
        in OutgoingRecord<T> record, ISerializer<T> serializer, IDelivery? delivery, int index, string? traceParent,
        CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _adding);
        try
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref _isDisposed) != 0, typeof(StreamProducer));
            if (_shapes.Known is not { } shape || !_calls.IsFree)
                return AddInTurnAsync(record, serializer, delivery, index, traceParent, cancellationToken);
            var scratch = Encode(record, serializer, traceParent);
            if (!Budget.TryTake(NeededBy(scratch), out var held))
                return AddWhenThereIsMemoryAsync(scratch, record.Partition, shape, delivery, index, cancellationToken);
            Add(scratch, record.Partition, shape, held, delivery, index);
            EndAdding();
            return ValueTask.CompletedTask;
        }
        catch (Exception exception)
        {
            EndAdding();
            return ValueTask.FromException(exception);
        }
    }

    /// <summary>Sends what has gathered, and waits until it is known what became of every record that was added before.</summary>
    /// <exception cref="StreamServiceException">
    /// A record that nobody waits for was not stored; of several failures the first. A failure during the wait is told to each call that waits.
    /// </exception>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        var failures = Volatile.Read(ref _failures);
        await Task.WhenAll(_lanes.Values.Select(lane => lane.FlushAsync())).WaitAsync(cancellationToken).ConfigureAwait(false);
        if (Interlocked.Exchange(ref _unawaited, null) is { } failed)
            throw failed;
        if (Volatile.Read(ref _failures) != failures)
            throw _lastFailure!;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        try
        {
            // Calls that wait for memory came before: they get it as records are stored.
            if (Volatile.Read(ref _adding) > 0)
                await _added.Task.ConfigureAwait(false);
            await FlushAsync(CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            foreach (var lane in _lanes.Values)
                lane.Dispose();
            _context.Writers.Dispose();
            _context.Identities.Dispose();
            _context.Requests.Dispose();
            _shapes.Dispose();
        }
    }

    // Calls that were made before wait, or it is not known what the topic is like.
    private async ValueTask AddInTurnAsync<T>(
        OutgoingRecord<T> record, ISerializer<T> serializer, IDelivery? delivery, int index, string? traceParent, CancellationToken cancellationToken)
    {
        var failures = _shapes.FailureCount;
        var turn = _calls.Enter();
        try
        {
            await turn.BeginAsync(cancellationToken).ConfigureAwait(false);
            var shape = await _shapes.GetAsync(failures, cancellationToken).ConfigureAwait(false);
            var scratch = Encode(record, serializer, traceParent);
            if (!Budget.TryTake(NeededBy(scratch), out var held))
                held = await TakeAsync(scratch, cancellationToken).ConfigureAwait(false);
            Add(scratch, record.Partition, shape, held, delivery, index);
        }
        finally
        {
            turn.End();
            EndAdding();
        }
    }

    private async ValueTask AddWhenThereIsMemoryAsync(
        RecordScratch scratch, int? partition, TopicShape shape, IDelivery? delivery, int index, CancellationToken cancellationToken)
    {
        var turn = _calls.Enter();
        try
        {
            await turn.BeginAsync(cancellationToken).ConfigureAwait(false);
            var held = await TakeAsync(scratch, cancellationToken).ConfigureAwait(false);
            Add(scratch, partition, shape, held, delivery, index);
        }
        finally
        {
            turn.End();
            EndAdding();
        }
    }

    private async ValueTask<long> TakeAsync(RecordScratch scratch, CancellationToken cancellationToken)
    {
        var taking = Budget.TakeAsync(NeededBy(scratch), cancellationToken);
        // Records that linger hold the memory that this one waits for.
        if (!taking.IsCompleted)
            HurryLanes();
        return await taking.ConfigureAwait(false);
    }

    private RecordScratch Encode<T>(in OutgoingRecord<T> record, ISerializer<T> serializer, string? traceParent)
    {
        var scratch = _scratches.Rent();
        scratch.Encode(record, serializer, traceParent, _time.GetUtcNow().ToUnixTimeMilliseconds());
        return scratch.LengthBytes <= ProducerLimits.BatchBytesMax - OrleansStream.Records.RecordBatchHeader.HeaderLengthBytes
            ? scratch
            : throw TooLarge(scratch.LengthBytes);
    }

    private static int NeededBy(RecordScratch scratch) => scratch.LengthBytes + ProducerLimits.RecordOverheadBytes;

    private void EndAdding()
    {
        if (Interlocked.Decrement(ref _adding) == 0 && Volatile.Read(ref _isDisposed) != 0)
            _added.TrySetResult();
    }

    private void HurryLanes()
    {
        foreach (var lane in _lanes)
            lane.Value.Hurry();
    }

    private void Add(RecordScratch scratch, int? partition, TopicShape shape, long held, IDelivery? delivery, int index)
    {
        AddToLane(scratch, partition, shape, held, delivery, index);
        // A call of another thread has begun to wait since this one took its memory, and waits for this record, too.
        if (Budget.WaitingCount > 0)
            HurryLanes();
        _scratches.Return(scratch);
    }

    private void AddToLane(RecordScratch scratch, int? partition, TopicShape shape, long held, IDelivery? delivery, int index)
    {
        if (partition is { } named)
        {
            LaneOf(named).Add(scratch.Encoded(held), delivery, index);
        }
        else if (scratch.HasKey)
        {
            AddByKey(scratch, shape, held, delivery, index);
        }
        else
        {
            // A batch's worth goes to one partition, and then it is the next one's turn (KIP-480).
            lock (_gate)
            {
                var record = scratch.Encoded(held);
                if (_keyless is { } lane && _keylessPartition < shape.Partitions && lane.TryAddToBatch(record, delivery, index))
                    return;
                _keylessPartition = _turns.Next(shape.Partitions);
                _keyless = LaneOf(_keylessPartition);
                _keyless.Add(record, delivery, index);
            }
        }
    }

    private void AddByKey(RecordScratch scratch, TopicShape shape, long held, IDelivery? delivery, int index)
    {
        if (shape.Spread is not { } spread || !spread.IsHot(scratch.Key))
        {
            LaneOf(KeyPartitioner.Choose(scratch.Key, shape.Partitions)).Add(scratch.Encoded(held), delivery, index);
            return;
        }

        // As without a key, a batch's worth goes to one sub-key, and then it is the next one's turn.
        lock (_gate)
        {
            var record = scratch.Encoded(held);
            if (LaneOf(spread.Choose(scratch.Key, shape.Partitions, _hotTurn)).TryAddToBatch(record, delivery, index))
                return;
            _hotTurn = (_hotTurn + 1) & int.MaxValue;
            LaneOf(spread.Choose(scratch.Key, shape.Partitions, _hotTurn)).Add(record, delivery, index);
        }
    }

    private PartitionLane LaneOf(int partition) => _lanes.GetOrAdd(
        partition,
        static (number, queue) => new PartitionLane(queue._options, new BatchSender(queue._context, number), queue._context.Writers, queue._time),
        this);

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

    private StreamServiceException TooLarge(int lengthBytes) =>
        new($"The record takes {lengthBytes} bytes; a record of '{_topic}' takes at most {ProducerLimits.BatchBytesMax}, and less if the topic's max.message.bytes says so. Store the payload elsewhere and send its address.")
        {
            ErrorCode = "MESSAGE_TOO_LARGE",
        };
}
