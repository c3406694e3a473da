using OrleansStream.Client.Administration;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Records;
using OrleansStream.Client.Serialization;

namespace OrleansStream.Client.Consuming;

/// <summary>
/// Reads topics as a member of a consumer group, with <c>await foreach</c> or by <see cref="RunAsync"/>. A record is committed after it was worked
/// on, so each is delivered at least once. Restarts of the service's nodes, and moves of partitions, are waited out.
/// </summary>
/// <typeparam name="T">The type of the records' values: text, bytes, or what <see cref="ValueSerializers"/> know.</typeparam>
public sealed partial class StreamConsumer<T> : IAsyncEnumerable<ConsumedRecord<T>>
{
    private readonly ServiceConnection _connection;
    private readonly ISerializer<T> _serializer;
    private readonly ConsumerOptions _options;
    private readonly IReadOnlyList<string> _topics;
    private readonly ConsumerControl _control = new();
    private readonly WorkScope _work = new();
    private GroupMember? _member;

    internal StreamConsumer(
        ServiceConnection connection, ISerializer<T> serializer, string group, IReadOnlyList<string> topics, ConsumerOptions options)
    {
        options.Validate();
        if (topics.Count == 0)
            throw new ArgumentException("A consumer reads at least one topic.", nameof(topics));
        (_connection, _serializer, Group, _topics, _options) = (connection, serializer, group, topics, options);
    }

    /// <summary>The group.</summary>
    public string Group { get; }

    /// <summary>The member's partitions; empty while it does not run.</summary>
    public IReadOnlyList<TopicPartition> Assignment => Volatile.Read(ref _member)?.Assignment ?? [];

    /// <summary>The records of the member's partitions behind those that were delivered, as of the last poll; null before the first.</summary>
    public long? Lag => Volatile.Read(ref _member)?.Lag;

    /// <summary>The member got partitions, from which records come next.</summary>
    public event EventHandler<PartitionsEventArgs>? PartitionsAssigned;

    /// <summary>The member handed partitions over; all that it was done with of them is committed.</summary>
    public event EventHandler<PartitionsEventArgs>? PartitionsRevoked;

    /// <summary>
    /// Partitions were taken from the member, as nothing was heard of it for longer than its lease; or it ended, and could not commit all that it was
    /// done with or could not hand them over, so that others get them when its lease ends. What it was delivered of them and had not committed is
    /// delivered to others, too.
    /// </summary>
    public event EventHandler<PartitionsEventArgs>? PartitionsLost;

    /// <summary>
    /// Offsets of the member's partitions cannot be read by anybody, and are passed over: their records are lost to the group. The log is told, too,
    /// and they are counted. A handler that throws ends the consumer with its exception, and the offsets come again; it may be called from several
    /// threads at once.
    /// </summary>
    public event EventHandler<UnreadableOffsetsEventArgs>? OffsetsUnreadable;

    /// <summary>True while it is paused.</summary>
    public bool IsPaused => _control.IsPaused;

    /// <summary>
    /// Has no more records delivered until <see cref="Resume"/>. The member keeps its partitions. Records that it was given already are worked on.
    /// </summary>
    public void Pause() => _control.IsPaused = true;

    /// <summary>Goes on after <see cref="Pause"/>.</summary>
    public void Resume() => _control.IsPaused = false;

    /// <summary>
    /// Has the group go on from another place of its topics. The service moves the offsets of a group without members only, so the member leaves for
    /// a moment; with other members it is refused. It is done once the records of the last answer are worked on, or when the consumer has ended. So
    /// a handler, or the body of <c>await foreach</c>, cannot wait for it: it leaves the loop first, or has another task ask. Seeks are done in the
    /// order in which they are asked.
    /// </summary>
    /// <remarks>
    /// Not every such caller can be told apart. The body of a loop over another sequence that is made from this one, such as by <c>Where</c>, waits
    /// until its token ends, and so does a handler of <see cref="PartitionsAssigned"/> and its like. A member with an id of its own
    /// (<see cref="ConsumerOptions.MemberId"/>) that does not know whether it has joined cannot leave: its seek waits until somebody answers.
    /// </remarks>
    /// <param name="position">The place.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InvalidOperationException">A handler asks, or the body of <c>await foreach</c>.</exception>
    /// <exception cref="StreamServiceException">
    /// The group has other members (<c>NON_EMPTY_GROUP</c>), or nobody answers. What is done with is committed before, which is tried for 10 s.
    /// </exception>
    public Task SeekAsync(GroupPosition position, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(position);
        return _work.IsWithin
            ? throw new InvalidOperationException(
                "A seek waits until the records of the answer are worked on, so whoever works on one of them cannot wait for it. "
                + "Leave the loop first, or ask from a task that the handler or the loop's body did not begin.")
            : SeekFromOutsideAsync(position, cancellationToken);
    }

    /// <summary>
    /// The records as they come. A record is done with when the next one is asked for, or <see cref="ConsumedRecord{T}.Complete"/> is called; a whole
    /// answer is committed at a time. When the loop is left, what is done with is committed and the partitions are handed over.
    /// </summary>
    /// <param name="cancellationToken">Ends the loop with an <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="StreamServiceException">The service refuses, and waiting does not help.</exception>
    /// <exception cref="PartitionsHandlerException">A handler of partition changes threw.</exception>
    public IAsyncEnumerator<ConsumedRecord<T>> GetAsyncEnumerator(CancellationToken cancellationToken = default) =>
        _work.Within(EnumerateAsync(cancellationToken));

    /// <summary>
    /// Has a handler work on the records until it is told to stop. A record is committed after its handler has returned. When it is told to
    /// stop, it waits for the running handlers, commits their records, hands the partitions over, and ends the task without an exception. The commit
    /// may take 10 s and the handing over 5 s; what was not told by then, others get when the lease ends.
    /// </summary>
    /// <param name="handler">
    /// Works on a record. Its token is cancelled when the record's partition is lost. What becomes of a record whose handler throws is set by
    /// <see cref="ConsumerOptions.OnFailure"/>.
    /// </param>
    /// <param name="stop">Tells it to stop.</param>
    /// <exception cref="StreamServiceException">The service refuses, and waiting does not help.</exception>
    /// <exception cref="PartitionsHandlerException">A handler of partition changes threw.</exception>
    public Task RunAsync(Func<ConsumedRecord<T>, CancellationToken, Task> handler, CancellationToken stop = default) =>
        RunToEndAsync(handler, stop, CancellationToken.None);

    /// <summary>Has a handler work on the records until it is told to stop.</summary>
    /// <param name="handler">Works on a record.</param>
    /// <param name="stop">Tells it to stop.</param>
    /// <param name="abandon">Has it end at once: handlers are told as of a loss, nothing is committed, and the lease ends by itself.</param>
    internal async Task RunToEndAsync(Func<ConsumedRecord<T>, CancellationToken, Task> handler, CancellationToken stop, CancellationToken abandon)
    {
        ArgumentNullException.ThrowIfNull(handler);
        using var member = Join();
        // Whoever has abandoned an answer must not poll again: the poll would commit what nobody has worked on.
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop, abandon);
        AnswerProgress? progress = null;
        try
        {
            while (!over.IsCancellationRequested)
            {
                progress?.Close();
                await PollAsync(member, over.Token).ConfigureAwait(false);
                progress?.End();
                var current = progress = new AnswerProgress(member);
                if (member.Records.Count == 0)
                    continue;
                var lease = new HeldLease(member, current, abandon, abandon);
                await using (lease.ConfigureAwait(false))
                {
                    var work = new AnswerWork<T>(
                        member, current, _options, _work, handler, (index, token) => ReadAsync(member, current, index, token));
                    await work.RunAsync(lease.Lost, stop).ConfigureAwait(false);
                    if (abandon.IsCancellationRequested)
                        current.End();
                }
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // Told to stop.
        }
        finally
        {
            await LeaveAsync(member, progress, abandon).ConfigureAwait(false);
        }
    }

    private async Task SeekFromOutsideAsync(GroupPosition position, CancellationToken cancellationToken)
    {
        var request = _control.Ask(position);
        try
        {
            if (await request.Ended.WaitAsync(cancellationToken).ConfigureAwait(false))
                return;
            await request.Turn.BeginAsync(cancellationToken).ConfigureAwait(false);
            await ResetAsync(position, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            // Who gives up may leave it to the consumer, which still does it in its turn.
            _ = request.Ended.ContinueWith(
                ended =>
                {
                    // Nobody else looks at it any more.
                    _ = ended.Exception;
                    request.Turn.End();
                },
                CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private async IAsyncEnumerator<ConsumedRecord<T>> EnumerateAsync(CancellationToken cancellationToken)
    {
        using var member = Join();
        AnswerProgress? progress = null;
        try
        {
            while (true)
            {
                // Whoever is told of partitions works on no record.
                _work.Leave();
                progress?.Close();
                await PollAsync(member, cancellationToken).ConfigureAwait(false);
                progress?.End();
                progress = new AnswerProgress(member);
                var lease = new HeldLease(member, progress, cancellationToken, abandon: CancellationToken.None);
                await using (lease.ConfigureAwait(false))
                {
                    for (var i = 0; i < member.Records.Count && !lease.Lost.IsCancellationRequested; i++)
                    {
                        if (await ReadAsync(member, progress, i, cancellationToken).ConfigureAwait(false) is not { } record)
                            continue;
                        yield return record;
                        progress.Complete(i);
                    }
                }

                cancellationToken.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            await LeaveAsync(member, progress, CancellationToken.None).ConfigureAwait(false);
        }
    }
}
