namespace OrleansStream.Client.Producing;

/// <summary>
/// The memory of a producer. Who asks for more than is free waits until a part of all is free; who asks first is served first.
/// </summary>
/// <param name="bytesMax">The most bytes that are taken at once.</param>
internal sealed class MemoryBudget(long bytesMax)
{
    private readonly object _gate = new();
    private readonly LinkedList<Waiter> _waiters = new();
    private readonly long _wakesAt = bytesMax - bytesMax / ProducerLimits.FreeShareToWake;
    private long _taken;
    private volatile int _waiting;

    /// <summary>The bytes that are taken.</summary>
    public long TakenBytes => Interlocked.Read(ref _taken);

    /// <summary>How many wait.</summary>
    public int WaitingCount => _waiting;

    /// <summary>Takes memory, and waits until there is some.</summary>
    /// <param name="bytes">How much; more than there is in all waits until all is free.</param>
    /// <param name="cancellationToken">Ends the wait; then nothing is taken.</param>
    /// <returns>How much was taken, to be given back.</returns>
    public ValueTask<long> TakeAsync(long bytes, CancellationToken cancellationToken)
    {
        Waiter waiter;
        lock (_gate)
        {
            if (TryTake(bytes, out var taken))
                return new ValueTask<long>(taken);
            bytes = Math.Min(bytes, bytesMax);
            waiter = new Waiter(bytes);
            _waiters.AddLast(waiter);
            _waiting = _waiters.Count;
        }

        return new ValueTask<long>(WaitAsync(waiter, cancellationToken));
    }

    /// <summary>Takes memory if there is some, and nobody waits for it.</summary>
    /// <param name="bytes">How much; more than there is in all is had when all is free.</param>
    /// <param name="taken">How much was taken, to be given back.</param>
    public bool TryTake(long bytes, out long taken)
    {
        taken = Math.Min(bytes, bytesMax);
        // Without a lock, for it is asked for each record. Who begins to wait meanwhile is served as soon as memory is given back.
        while (_waiting == 0)
        {
            var before = Volatile.Read(ref _taken);
            if (before + taken > bytesMax)
                return false;
            if (Interlocked.CompareExchange(ref _taken, before + taken, before) == before)
                return true;
        }

        return false;
    }

    /// <summary>Gives memory back.</summary>
    /// <param name="bytes">How many bytes.</param>
    public void Give(long bytes)
    {
        lock (_gate)
        {
            Interlocked.Add(ref _taken, -bytes);
            ServeWaiters();
        }
    }

    // A caller that waits is woken once there is room for many records. To wake it for each stored batch would take much of the processor's time.
    private void ServeWaiters()
    {
        while (_waiters.First is { } first)
        {
            var before = Volatile.Read(ref _taken);
            if (before > _wakesAt || before + first.Value.Bytes > bytesMax)
                return;
            // Who has not seen that somebody waits may still take some.
            if (Interlocked.CompareExchange(ref _taken, before + first.Value.Bytes, before) != before)
                continue;
            _waiters.RemoveFirst();
            _waiting = _waiters.Count;
            first.Value.Served.SetResult(first.Value.Bytes);
        }
    }

    private async Task<long> WaitAsync(Waiter waiter, CancellationToken cancellationToken)
    {
        using var registration = cancellationToken.UnsafeRegister(
            static state =>
            {
                (var budget, var waiter, var token) = ((MemoryBudget, Waiter, CancellationToken))state!;
                lock (budget._gate)
                {
                    // Served meanwhile: then it has the memory.
                    if (!budget._waiters.Remove(waiter))
                        return;
                    budget._waiting = budget._waiters.Count;
                    // The next ones may ask for less.
                    budget.ServeWaiters();
                }

                waiter.Served.SetCanceled(token);
            },
            (this, waiter, cancellationToken));
        return await waiter.Served.Task.ConfigureAwait(false);
    }

    private sealed class Waiter(long bytes)
    {
        public long Bytes => bytes;

        public TaskCompletionSource<long> Served { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
