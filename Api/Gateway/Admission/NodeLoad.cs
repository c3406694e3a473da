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

    /// <summary>The clock.</summary>
    public TimeProvider Time => time;

    /// <summary>Takes memory, when there is as much.</summary>
    /// <param name="bytes">How much.</param>
    public bool TryTake(long bytes)
    {
        lock (_gate)
        {
            if (bytes > (bytesMax - _bytes) / partOfFree)
                return false;
            _bytes += bytes;
            return true;
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
}
