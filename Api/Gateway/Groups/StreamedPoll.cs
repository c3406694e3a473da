using OrleansStream.Errors;

namespace OrleansStream.Gateway.Groups;

/// <summary>What a poll's stream must send next.</summary>
public enum PollStreamStep
{
    /// <summary>An answer. <see cref="GroupPoll.DeliverAsync"/> delivers its records.</summary>
    Answer,

    /// <summary>A sign of life, because there was nothing to read.</summary>
    Nothing,

    /// <summary>That the node had no memory for an answer. The stream reads again a moment later.</summary>
    NoMemory,

    /// <summary>That partitions are to move. The stream is over.</summary>
    Rebalance,

    /// <summary>Why the stream is over: <see cref="StreamedPoll.Error"/>.</summary>
    Error,
}

/// <summary>
/// A poll with a stream of answers. The stream itself commits nothing, because it does not know what its reader has processed. It ends when
/// partitions are to move. The reader's next poll, with the cursor of the last answer that it has processed, then tells where the next owner starts.
/// </summary>
public sealed class StreamedPoll
{
    private readonly GroupPoll _poll;
    private readonly TimeProvider _time;
    private readonly string _member;
    private PollStreamStep? _last;

    internal StreamedPoll(GroupPoll poll, TimeProvider time, string member) => (_poll, _time, _member) = (poll, time, member);

    /// <summary>Why the stream is over, after the step <see cref="PollStreamStep.Error"/>.</summary>
    public StreamError? Error { get; private set; }

    /// <summary>Reads until there is something to send. The first answer comes at once and tells the assignment, with or without records.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="OperationCanceledException">The stream was cancelled.</exception>
    public async Task<PollStreamStep> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            var step = await ReadAsync(cancellationToken);
            _last = step;
            return step;
        }
        catch (Exception exception) when (LostCalls.IsLost(exception, cancellationToken) || exception is StreamException)
        {
            Error = (exception as StreamException)?.Error
                ?? new StreamError(StreamErrorCode.CoordinatorNotAvailable, $"The group of member '{_member}' is moving. Try again.");
            return PollStreamStep.Error;
        }
    }

    private async Task<PollStreamStep> ReadAsync(CancellationToken cancellationToken)
    {
        if (_poll.HasNews)
            return PollStreamStep.Rebalance;
        if (_last == PollStreamStep.NoMemory)
            await Task.Delay(PollLimits.PollMemoryRetry, _time, cancellationToken);
        var isFirst = _last is null;
        if (await _poll.ReadAsync(isFirst ? 0 : PollLimits.PollStreamWaitMs, endsOnNews: true, cancellationToken) is { } refused)
        {
            Error = refused.Error;
            return PollStreamStep.Error;
        }

        if (!isFirst && !_poll.HasAnswer)
            return PollStreamStep.Nothing;
        return _poll.TryBeginDelivery() ? PollStreamStep.Answer : PollStreamStep.NoMemory;
    }
}
