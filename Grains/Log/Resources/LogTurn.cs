namespace OrleansStream.Log.Resources;

/// <summary>
/// Lets one operation through at a time, in the order they came. Whoever leaves runs the next one on its own thread. The continuations of a semaphore
/// run on the thread pool; these never do, so a log runs wholly on the threads of its store and its callers.
/// </summary>
internal sealed class LogTurn
{
    private readonly Lock _gate = new();
    private readonly Queue<TaskCompletionSource> _waiting = new();
    private bool _isTaken;

    /// <summary>Waits for the turn. Each entry must be followed by one <see cref="Leave"/>.</summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="OperationCanceledException">The caller gave up and has not taken the turn.</exception>
    public async ValueTask EnterAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        TaskCompletionSource waiter;
        lock (_gate)
        {
            if (!_isTaken)
            {
                _isTaken = true;
                return;
            }

            _waiting.Enqueue(waiter = new TaskCompletionSource());
        }

        using (cancellationToken.UnsafeRegister(
            static (waiter, token) => ((TaskCompletionSource)waiter!).TrySetCanceled(token), waiter))
        {
            await waiter.Task.ConfigureAwait(false);
        }
    }

    /// <summary>Gives the turn to the next operation that has not given up.</summary>
    public void Leave()
    {
        TaskCompletionSource? next;
        do
        {
            lock (_gate)
            {
                if (!_waiting.TryDequeue(out next))
                {
                    _isTaken = false;
                    return;
                }
            }
        }
        while (!next.TrySetResult());
    }
}
