using OrleansStream.Rates;

namespace OrleansStream.Gateway.Admission;

/// <summary>The memory that the bodies of this process's requests take, and its bound.</summary>
/// <remarks>Safe to call from any thread. Full, it refuses; nothing that was let in is given up.</remarks>
/// <param name="time">The clock.</param>
/// <param name="bytesMax">The most bytes.</param>
/// <param name="partOfFree">What may be taken at once: all that is free, or half of it, a third, and so on.</param>
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

    /// <summary>The most bytes.</summary>
    public long BytesMax => bytesMax;

    /// <summary>True when more than half is taken: then whoever is slow holds what others are about to need.</summary>
    public bool IsHalfTaken => Bytes > bytesMax / 2;

    /// <summary>The clock.</summary>
    public TimeProvider Time => time;

    /// <summary>Takes memory, when there is as much.</summary>
    /// <param name="bytes">How much.</param>
    public bool TryTake(long bytes)
    {
        lock (_gate)
            return TryTakeLocked(bytes);
    }

    /// <summary>Takes memory, and waits for it where there is not as much. Those who wait get it in the order in which they came.</summary>
    /// <param name="bytes">How much.</param>
    /// <param name="wait">How long to wait at most.</param>
    /// <returns>False when there was not as much all the time.</returns>
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
            // It may have been given just now.
            lock (_gate)
                return !_waiters.Remove(waiter);
        }
    }

    /// <summary>Gives memory back.</summary>
    /// <param name="bytes">How much.</param>
    public void Return(long bytes)
    {
        lock (_gate)
        {
            _bytes -= bytes;
            _drained.Add(bytes);
            while (_waiters.First is { Value: var first } && TryTakeLocked(first.Bytes))
            {
                _waiters.RemoveFirst();
                first.Taken.SetResult();
            }
        }
    }

    /// <summary>How long what is in use takes to be given back, at the pace of the last seconds; the longest there is when nothing came back in them.</summary>
    public TimeSpan DrainTime()
    {
        lock (_gate)
        {
            var seconds = _bytes / _drained.PerSecond;
            return seconds < AdmissionLimits.RetryAfterMax.TotalSeconds ? TimeSpan.FromSeconds(seconds) : AdmissionLimits.RetryAfterMax;
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
