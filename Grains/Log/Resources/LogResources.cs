using OrleansStream.Log.Contract;
using OrleansStream.Rates;

namespace OrleansStream.Log.Resources;

/// <summary>
/// The memory and the reads that all logs of a process share: their sum is bounded, and no few logs can take it from the others.
/// </summary>
/// <remarks>Safe to call from any thread. A log gives back what it holds when it ends.</remarks>
/// <param name="time">The clock.</param>
/// <param name="pendingBytesMax">The most bytes that all logs hold and that are not durable yet.</param>
/// <param name="cacheBytesMax">The most bytes that all logs keep to read from memory.</param>
/// <param name="coldReadsMax">The reads from the store that all logs have under way at once.</param>
/// <param name="appends">The appends that all logs begin a second; null for as many as the store takes.</param>
public sealed class LogResources(
    TimeProvider time, long pendingBytesMax = LogLimits.PendingBytesMaxOfProcess,
    long cacheBytesMax = LogLimits.CacheBytesMaxOfProcess, int coldReadsMax = LogLimits.ColdReadsMax, AppendBudget? appends = null)
{
    private readonly Lock _gate = new();
    private readonly RateMeter _drained = new(time, LogLimits.DrainRateWindow);
    private long _pendingBytes;
    private long _cacheBytes;

    /// <summary>The bytes that are not durable yet, over all logs.</summary>
    public long PendingBytes => Interlocked.Read(ref _pendingBytes);

    /// <summary>The bytes kept to read from memory, over all logs.</summary>
    public long CacheBytes => Interlocked.Read(ref _cacheBytes);

    /// <summary>The reads from the store.</summary>
    internal ColdReads ColdReads { get; } = new(coldReadsMax, LogLimits.ColdReadsWaitingMax);

    /// <summary>The appends that all logs begin a second; null where they are not bounded.</summary>
    internal AppendBudget? Appends => appends;

    /// <summary>Takes room for an append.</summary>
    /// <param name="lengthBytes">Its bytes.</param>
    /// <param name="ownBytes">What its log holds already.</param>
    /// <returns>
    /// False when the process has none, or when the log would hold more than its part of what is free. The part shrinks as room
    /// does (the dynamic thresholds of shared switch buffers; Choudhury and Hahne, 1998), so however many logs are stuck,
    /// something is left for one that is not.
    /// </returns>
    internal bool TryTakePending(int lengthBytes, long ownBytes)
    {
        lock (_gate)
        {
            var free = pendingBytesMax - _pendingBytes;
            if (lengthBytes > free || (ownBytes > 0 && ownBytes + lengthBytes > free / LogLimits.PendingShareDivisor))
                return false;

            _pendingBytes += lengthBytes;
            return true;
        }
    }

    /// <summary>Gives back the room of appends that were answered.</summary>
    internal void ReturnPending(long lengthBytes)
    {
        lock (_gate)
        {
            _pendingBytes -= lengthBytes;
            _drained.Add(lengthBytes);
        }
    }

    /// <summary>How long what is pending takes at the pace of the last seconds; null when nothing was drained in them.</summary>
    internal TimeSpan? DrainTime()
    {
        lock (_gate)
        {
            var seconds = _pendingBytes / _drained.PerSecond;
            return seconds < LogLimits.AppendWaitMax.TotalSeconds ? TimeSpan.FromSeconds(seconds) : null;
        }
    }

    /// <summary>Takes room for bytes to keep in memory.</summary>
    /// <returns>False when there is none: then they are read from the store.</returns>
    internal bool TryKeep(long lengthBytes)
    {
        if (Interlocked.Add(ref _cacheBytes, lengthBytes) <= cacheBytesMax)
            return true;

        Interlocked.Add(ref _cacheBytes, -lengthBytes);
        return false;
    }

    /// <summary>Gives back the room of bytes that are kept no more.</summary>
    internal void Forget(long lengthBytes) => Interlocked.Add(ref _cacheBytes, -lengthBytes);
}
