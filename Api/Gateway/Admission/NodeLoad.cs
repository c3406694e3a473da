using OrleansStream.Rates;

namespace OrleansStream.Gateway.Admission;

/// <summary>The memory that the bodies of requests take in this process, and its bound.</summary>
/// <remarks>Safe to call from any thread. When it is full, it refuses new requests; requests that were admitted go on.</remarks>
/// <param name="time">Times waits for memory, and the rate at which it becomes free.</param>
/// <param name="bytesMax">The most bytes.</param>
/// <param name="partOfFree">The part of the free memory that may be taken at once: 1 for all of it, 2 for half of it, and so on.</param>
public class NodeLoad(TimeProvider time, long bytesMax = AdmissionLimits.RequestBytesInFlightMax, int partOfFree = 1)
{
    private readonly Lock _gate = new();
    private readonly RateMeter _drained = new(time, AdmissionLimits.DrainRateWindow);
    private readonly LinkedList<Waiter> _waiters = new();
    private long _bytes;

    /// <summary>The bytes in use.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
                return _bytes;
        }
    }

    /// <summary>The count of callers that wait for memory.</summary>
    internal int WaitingCount
    {
        get
        {
            lock (_gate)
                return _waiters.Count;
        }
    }

    /// <summary>The most bytes.</summary>
    public long BytesMax => bytesMax;

    /// <summary>True when more than half is taken. A slow caller then holds memory that others will soon need.</summary>
    public bool IsHalfTaken => Bytes > bytesMax / 2;

    /// <summary>The clock that waits are timed by.</summary>
    public TimeProvider Time => time;

    /// <summary>Takes memory if there is enough.</summary>
    /// <param name="bytes">How many bytes.</param>
    public bool TryTake(long bytes)
    {
        lock (_gate)
            return TryTakeLocked(bytes);
    }

    /// <summary>Takes memory, and waits for it if there is too little. Callers that wait get it in the order in which they came.</summary>
    /// <param name="bytes">How many bytes.</param>
    /// <param name="wait">How long to wait at most.</param>
    /// <returns>False when there was too little all the time.</returns>
    public async ValueTask<bool> TakeAsync(long bytes, TimeSpan wait)
    {
        var waiter = new Waiter(bytes);
        lock (_gate)
        {
            if (_waiters.Count == 0 && TryTakeLocked(bytes))
                return true;
            _waiters.AddLast(waiter);
        }

        try
        {
            await waiter.Taken.Task.WaitAsync(wait, time);
            return true;
        }
        catch (TimeoutException)
        {
            lock (_gate)
            {
                // The memory may have been given to it at the same moment.
                if (!_waiters.Remove(waiter))
                    return true;
                // If it was the first, there may be enough for those behind it, which ask for less.
                ServeLocked();
                return false;
            }
        }
    }

    /// <summary>Gives memory back.</summary>
    /// <param name="bytes">How many bytes.</param>
    public void Return(long bytes)
    {
        lock (_gate)
        {
            _bytes -= bytes;
            _drained.Add(bytes);
            ServeLocked();
        }
    }

    /// <summary>
    /// The time until the memory in use is returned, at the rate of the last seconds; <see cref="AdmissionLimits.RetryAfterMax"/> at most.
    /// </summary>
    public TimeSpan DrainTime()
    {
        lock (_gate)
        {
            var seconds = _bytes / _drained.PerSecond;
            return seconds < AdmissionLimits.RetryAfterMax.TotalSeconds ? TimeSpan.FromSeconds(seconds) : AdmissionLimits.RetryAfterMax;
        }
    }

    private void ServeLocked()
    {
        while (_waiters.First is { Value: var first } && TryTakeLocked(first.Bytes))
        {
            _waiters.RemoveFirst();
            first.Taken.SetResult();
        }
    }

    private bool TryTakeLocked(long bytes)
    {
        if (bytes > (bytesMax - _bytes) / partOfFree)
            return false;
        _bytes += bytes;
        return true;
    }

    private sealed class Waiter(long bytes)
    {
        public long Bytes => bytes;

        public TaskCompletionSource Taken { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
