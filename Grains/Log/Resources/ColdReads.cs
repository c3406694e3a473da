namespace OrleansStream.Log.Resources;

/// <summary>Bounds how many reads go to the store at once, and how many wait for a place. Reads wait in the order they came.</summary>
/// <remarks>As in <see cref="LogTurn"/>, whoever leaves runs the next one on its own thread.</remarks>
internal sealed class ColdReads(int readsMax, int waitingMax)
{
    private readonly Lock _gate = new();
    private readonly Queue<TaskCompletionSource> _waiting = new();
    private int _underWay;

    /// <summary>Waits for a place. Each entry must be followed by one <see cref="Leave"/>.</summary>
    /// <exception cref="ColdReadsBusyException">Too many wait already.</exception>
    public ValueTask EnterAsync()
    {
        lock (_gate)
        {
            if (_underWay < readsMax)
            {
                _underWay++;
                return ValueTask.CompletedTask;
            }

            if (_waiting.Count >= waitingMax)
                throw new ColdReadsBusyException($"{_underWay} reads of older data are under way and {waitingMax} wait.");

            var waiter = new TaskCompletionSource();
            _waiting.Enqueue(waiter);
            return new ValueTask(waiter.Task);
        }
    }

    /// <summary>Gives the place to the read that has waited longest.</summary>
    public void Leave()
    {
        TaskCompletionSource? next;
        lock (_gate)
        {
            if (!_waiting.TryDequeue(out next))
                _underWay--;
        }

        next?.SetResult();
    }
}

/// <summary>As many reads of older data are under way and waiting as are allowed, so nothing was read. Trying again helps.</summary>
internal sealed class ColdReadsBusyException(string message) : Exception(message);
