namespace OrleansStream.Log.Resources;

/// <summary>
/// Lets one operation at a time through, in the order they came. Whoever leaves runs the next one on: unlike a semaphore's, its
/// continuations never go to the thread pool, so a log runs wholly on the threads of its store and its callers.
/// </summary>
internal sealed class LogTurn
{
    private readonly Lock _gate = new();
    private readonly Queue<TaskCompletionSource> _waiting = new();
    private bool _isTaken;

    /// <summary>Waits for the turn; each entry is followed by one <see cref="Leave"/>.</summary>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <exception cref="OperationCanceledException">It was given up; the turn was not taken.</exception>
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

    /// <summary>Gives the turn to the next one that still wants it.</summary>
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
