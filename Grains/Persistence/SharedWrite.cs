using Orleans.Storage;
using OrleansStream.Errors;
using OrleansStream.Storage;

namespace OrleansStream.Persistence;

/// <summary>
/// Writes a grain's state, one write at a time. All callers that changed the state during a write share the next one. For use on one grain's
/// scheduler only.
/// </summary>
/// <param name="what">The state's name, for messages.</param>
/// <param name="write">Writes the current state, with the etag of the last write.</param>
/// <param name="read">Reads whether the stored state still has this activation's etag.</param>
/// <param name="fail">Called once, when the stored state is in doubt or is another activation's. The activation must then deactivate.</param>
internal sealed class SharedWrite(string what, Func<Task> write, Func<Task<bool>> read, Action<Exception> fail)
{
    private long _version;
    private long _writtenVersion;
    private Task? _work;
    private StreamError? _failure;

    /// <summary>The count of writes so far.</summary>
    public int WriteCount { get; private set; }

    /// <summary>Notes that the state has changed.</summary>
    public void Changed() => _version++;

    /// <summary>Completes when all changes until now are durable.</summary>
    /// <exception cref="StreamException">The changes could not be stored; the activation deactivates.</exception>
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

    /// <summary>Completes when it is certain that the stored state is still this activation's.</summary>
    /// <exception cref="StreamException">It is not, or this cannot be known; the activation deactivates.</exception>
    public async Task ConfirmAsync()
    {
        ThrowIfFailed();
        await JoinAsync(ReadAsync);
        ThrowIfFailed();
    }

    /// <summary>Throws once the state is in doubt.</summary>
    /// <exception cref="StreamException">It is in doubt.</exception>
    public void ThrowIfFailed()
    {
        if (_failure is not null)
            throw new StreamException(_failure);
    }

    // Waits for the work under way. A write that began before the change does not contain it, so callers then join again.
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
                e is InconsistentStateException ? $"{what} is now on another server. Try again." : $"{what} could not be stored: {e.Message}")
            {
                OutcomeUnknown = isUnknown,
                RetryAfterMs = PersistenceLimits.RetryAfterMs,
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
