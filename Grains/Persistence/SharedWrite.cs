using Orleans.Storage;
using OrleansStream.Errors;
using OrleansStream.Storage;

namespace OrleansStream.Persistence;

/// <summary>
/// Writes a grain's state, one write at a time: all who changed it while a write was under way share the next. Only for use on
/// one grain's scheduler.
/// </summary>
/// <param name="what">The state's name, for messages.</param>
/// <param name="write">Writes the state as it is when it is called, with the etag of the last write.</param>
/// <param name="read">Reads the stored state's etag.</param>
/// <param name="fail">Told once when what is stored is in doubt, or another's: the activation must go away.</param>
internal sealed class SharedWrite(string what, Func<Task> write, Func<Task<bool>> read, Action<Exception> fail)
{
    // How long a caller waits before it asks the next activation.
    private const int RetryAfterMs = 200;

    private long _version;
    private long _writtenVersion;
    private Task? _work;
    private StreamError? _failure;

    /// <summary>The count of writes so far.</summary>
    public int WriteCount { get; private set; }

    /// <summary>Says that the state has changed.</summary>
    public void Changed() => _version++;

    /// <summary>Ends when all that has changed until now is durable.</summary>
    /// <exception cref="StreamException">It could not be made so; the activation goes away.</exception>
    public async Task FlushAsync()
    {
        var needed = _version;
        while (_writtenVersion < needed)
        {
            ThrowIfFailed();
            await JoinAsync(WriteAsync);
        }

        ThrowIfFailed();
    }

    /// <summary>Ends when it is known that the stored state is still this activation's.</summary>
    /// <exception cref="StreamException">It is not, or that cannot be known; the activation goes away.</exception>
    public async Task ConfirmAsync()
    {
        ThrowIfFailed();
        await JoinAsync(ReadAsync);
        ThrowIfFailed();
    }

    /// <summary>Refuses all work once the state is in doubt.</summary>
    /// <exception cref="StreamException">It is.</exception>
    public void ThrowIfFailed()
    {
        if (_failure is not null)
            throw new StreamException(_failure);
    }

    // Whatever is under way is waited for: a write that began before the change does not hold it, so callers ask again.
    private Task JoinAsync(Func<Task> start)
    {
        if (_work is not { IsCompleted: false })
            _work = RunAsync(start);
        return _work;
    }

    private async Task RunAsync(Func<Task> work)
    {
        try
        {
            await work();
        }
        catch (Exception exception)
        {
            var e = StateFailure.CauseOf(exception);
            var isUnknown = e is not (InconsistentStateException or StoreFullException);
            _failure = new StreamError(
                StreamErrorCode.CoordinatorNotAvailable,
                e is InconsistentStateException ? $"{what} is with another server by now. Try again." : $"{what} could not be stored: {e.Message}")
            {
                OutcomeUnknown = isUnknown,
                RetryAfterMs = RetryAfterMs,
            };
            fail(e);
        }
    }

    private async Task WriteAsync()
    {
        var version = _version;
        WriteCount++;
        await write();
        _writtenVersion = version;
    }

    private async Task ReadAsync()
    {
        if (!await read())
            throw new InconsistentStateException($"{what} was written by another activation.");
    }
}
