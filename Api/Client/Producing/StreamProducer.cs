using System.Runtime.ExceptionServices;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Serialization;
using OrleansStream.Client.Telemetry;

namespace OrleansStream.Client.Producing;

/// <summary>
/// Sends records to a topic, in encoded batches. Repeats are stored once, records with equal keys keep their order, and memory is bounded: when it is
/// taken, sends wait. Use one for as long as the program sends, from as many threads as it has. Dispose it to have everything sent.
/// </summary>
public sealed class StreamProducer : IAsyncDisposable
{
    private readonly RecordQueue _queue;
    private readonly ValueSerializers _serializers;
    private object? _encoder;

    internal StreamProducer(string topic, ProducerOptions options, ServiceConnection connection, ValueSerializers serializers)
    {
        options.Validate();
        Topic = topic;
        _queue = new RecordQueue(topic, options, connection);
        _serializers = serializers;
    }

    /// <summary>The topic.</summary>
    public string Topic { get; }

    /// <summary>The memory of records that are not stored yet, in bytes.</summary>
    public long BufferedBytes => _queue.Budget.TakenBytes;

    /// <summary>How many sends wait for memory.</summary>
    internal int WaitingCount => _queue.Budget.WaitingCount;

    /// <summary>Sends a record, and waits until it is stored.</summary>
    /// <typeparam name="T">The type of the value: text, bytes, or what <see cref="ValueSerializers"/> know.</typeparam>
    /// <param name="key">Records with equal keys go to one partition and keep their order; null for any partition.</param>
    /// <param name="value">The value; null for a tombstone.</param>
    /// <param name="cancellationToken">Ends the wait. The producer still sends the records that it has accepted.</param>
    /// <returns>Where it is stored.</returns>
    /// <exception cref="StreamServiceException">It is not stored, or not known to be.</exception>
    public Task<SendResult> SendAsync<T>(string? key, T? value, CancellationToken cancellationToken = default) =>
        SendAsync(new OutgoingRecord<T>(key, value), cancellationToken);

    /// <summary>Sends a record, and waits until it is stored.</summary>
    /// <typeparam name="T">The type of the value.</typeparam>
    /// <param name="record">The record.</param>
    /// <param name="cancellationToken">Ends the wait. The producer still sends the records that it has accepted.</param>
    /// <returns>Where it is stored.</returns>
    /// <exception cref="StreamServiceException">It is not stored, or not known to be.</exception>
    public Task<SendResult> SendAsync<T>(OutgoingRecord<T> record, CancellationToken cancellationToken = default)
    {
        if (ClientTelemetry.IsTraced)
            return SendTracedAsync(record, cancellationToken);
        var delivery = new SingleDelivery(activity: null);
        var adding = AddAsync(record, delivery, cancellationToken);
        if (!adding.IsCompletedSuccessfully)
            return EndSendAsync(adding, delivery, cancellationToken);
        return cancellationToken.CanBeCanceled ? delivery.Task.WaitAsync(cancellationToken) : delivery.Task;
    }

    /// <summary>Sends records in their order, and waits until it is known what became of each.</summary>
    /// <typeparam name="T">The type of the values.</typeparam>
    /// <param name="records">The records.</param>
    /// <param name="cancellationToken">Ends the wait. Records that were taken are sent all the same.</param>
    /// <returns>
    /// One result for each record, in order. A record that is not stored, or was not taken, has an error; nothing is thrown for it. Behind one that
    /// is too large, or cannot be encoded (<c>INVALID_RECORD</c>), the others are taken. When there is no such topic, or nobody answers, all later
    /// ones fail so, too. A gapless producer takes none behind one that it did not take.
    /// </returns>
    /// <exception cref="ObjectDisposedException">The producer is disposed.</exception>
    public async Task<IReadOnlyList<SendResult>> SendAsync<T>(
        IReadOnlyCollection<OutgoingRecord<T>> records, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(records);
        if (records.Count == 0)
            return [];
        var list = new SentList<T>(records);
        var delivery = new ManyDelivery(list.Count);
        await AddAsync(list, EncoderOf<T>(), delivery, cancellationToken).ConfigureAwait(false);
        return new SendResults(await delivery.Task.WaitAsync(cancellationToken).ConfigureAwait(false));
    }

    /// <summary>
    /// Adds a record to those that are sent, and waits only while there is no memory for it. It is the fastest way: <see cref="FlushAsync"/> tells
    /// whether all were stored.
    /// </summary>
    /// <typeparam name="T">The type of the value.</typeparam>
    /// <param name="record">The record.</param>
    /// <param name="cancellationToken">Ends the wait; then the record is not sent.</param>
    /// <exception cref="StreamServiceException">There is no such topic, the record is too large, or nobody answers.</exception>
    public ValueTask EnqueueAsync<T>(OutgoingRecord<T> record, CancellationToken cancellationToken = default) =>
        _queue.AddAsync(record, EncoderOf<T>(), delivery: null, 0, traceParent: null, cancellationToken);

    /// <summary>
    /// Adds a record to those that are sent, waits only while there is no memory for it, and tells what became of it once that is known. The records
    /// of a partition are told of in their order.
    /// </summary>
    /// <typeparam name="T">The type of the value.</typeparam>
    /// <param name="record">The record.</param>
    /// <param name="delivered">
    /// Is told, before a <see cref="FlushAsync"/> that was called meanwhile ends; a failure is in the result, and no flush throws it. It is called
    /// from any thread, and holds up the partition's next batch until it returns. What it throws is dropped.
    /// </param>
    /// <param name="cancellationToken">Ends the wait; then the record is not sent, and nothing is told of it.</param>
    /// <exception cref="StreamServiceException">There is no such topic, the record is too large, or nobody answers: nothing is told of it.</exception>
    public ValueTask EnqueueAsync<T>(OutgoingRecord<T> record, Action<SendResult> delivered, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(delivered);
        return _queue.AddAsync(record, EncoderOf<T>(), new ToldDelivery(delivered), 0, traceParent: null, cancellationToken);
    }

    /// <summary>Adds a record to those that are sent, as <see cref="EnqueueAsync{T}(OutgoingRecord{T}, CancellationToken)"/> does.</summary>
    /// <typeparam name="T">The type of the value.</typeparam>
    /// <param name="key">The key; null for any partition.</param>
    /// <param name="value">The value; null for a tombstone.</param>
    /// <param name="cancellationToken">Ends the wait; then the record is not sent.</param>
    /// <exception cref="StreamServiceException">There is no such topic, the record is too large, or nobody answers.</exception>
    public ValueTask EnqueueAsync<T>(string? key, T? value, CancellationToken cancellationToken = default) =>
        EnqueueAsync(new OutgoingRecord<T>(key, value), cancellationToken);

    /// <summary>
    /// Sends what has gathered, and waits until it is known what became of every record whose call was made before, awaited or not.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamServiceException">
    /// An enqueued record was not stored since the last flush. Of several failures this is the first.
    /// </exception>
    public Task FlushAsync(CancellationToken cancellationToken = default) => _queue.FlushAsync(cancellationToken);

    /// <summary>
    /// Sends everything that was taken, and waits until it is known what became of it. Nothing is taken any more. A call that is made meanwhile
    /// ends as the first one does; a later one does nothing.
    /// </summary>
    /// <exception cref="StreamServiceException">An enqueued record was not stored since the last flush.</exception>
    public ValueTask DisposeAsync() => _queue.DisposeAsync();

    private async Task<SendResult> SendTracedAsync<T>(OutgoingRecord<T> record, CancellationToken cancellationToken)
    {
        var activity = ClientTelemetry.BeginSend(Topic);
        var delivery = new SingleDelivery(activity);
        try
        {
            await _queue.AddAsync(record, EncoderOf<T>(), delivery, 0, activity?.Id, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            ClientTelemetry.Fail(activity, (exception as StreamServiceException)?.ErrorCode ?? exception.GetType().FullName!);
            ClientTelemetry.End(activity);
            throw;
        }

        return await delivery.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private static async Task<SendResult> EndSendAsync(ValueTask adding, SingleDelivery delivery, CancellationToken cancellationToken)
    {
        await adding.ConfigureAwait(false);
        return await delivery.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private ValueTask AddAsync<T>(in OutgoingRecord<T> record, SingleDelivery delivery, CancellationToken cancellationToken)
    {
        try
        {
            return _queue.AddAsync(record, EncoderOf<T>(), delivery, 0, traceParent: null, cancellationToken);
        }
        catch (Exception exception)
        {
            // There is no serializer for the type, which the task tells.
            return ValueTask.FromException(exception);
        }
    }

    // A list is one call: once it must wait, it has one place in the order of the calls.
    private async ValueTask AddAsync<T>(SentList<T> list, ValueEncoder<T> encoder, ManyDelivery delivery, CancellationToken cancellationToken)
    {
        StreamServiceException? failure = null;
        using var call = _queue.BeginList();
        for (var index = 0; index < list.Count;)
        {
            if (failure is not null)
            {
                delivery.Tell(index, 1, ResultOf(list[index], failure));
                index++;
                continue;
            }

            (var added, var exception) = await _queue.AddTogetherAsync(call, list, index, encoder, delivery, cancellationToken).ConfigureAwait(false);
            index += added;
            if (exception is null)
                continue;
            if (!IsOfARecord(exception, cancellationToken))
                ExceptionDispatchInfo.Throw(exception);
            // The records before it are on their way, and the caller is to learn what becomes of them.
            var error = exception as StreamServiceException
                ?? new StreamServiceException($"The record cannot be sent: {exception.Message}", exception) { ErrorCode = "INVALID_RECORD" };
            delivery.Tell(index, 1, ResultOf(list[index], error));
            failure = _queue.FailureBehind(error);
            index++;
        }
    }

    private ValueEncoder<T> EncoderOf<T>()
    {
        var changes = _serializers.Changes;
        if (Volatile.Read(ref _encoder) is ValueEncoder<T> known && known.Changes == changes)
            return known;
        var encoder = new ValueEncoder<T>(_serializers.Get<T>(), changes);
        Volatile.Write(ref _encoder, encoder);
        return encoder;
    }

    // Who gives up asks for no results.
    private static bool IsOfARecord(Exception exception, CancellationToken cancellationToken) =>
        !(exception is OperationCanceledException && cancellationToken.IsCancellationRequested);

    private SendResult ResultOf<T>(in OutgoingRecord<T> record, StreamServiceException error) =>
        new(Topic, record.Partition ?? -1, -1, record.Timestamp ?? _queue.Now) { Error = error };
}
