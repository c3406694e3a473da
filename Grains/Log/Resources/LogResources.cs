using OrleansStream.Log.Contract;
using OrleansStream.Randomness;
using OrleansStream.Rates;

namespace OrleansStream.Log.Resources;

/// <summary>
/// The memory and the reads from the store that all logs of a process share. Both are bounded, and a few logs cannot take all of them.
/// </summary>
/// <remarks>Safe to call from any thread. A log that ends gives back what it holds.</remarks>
/// <param name="time">Measures how fast pending bytes become durable.</param>
/// <param name="pendingBytesMax">The most bytes, over all logs, that are not durable yet.</param>
/// <param name="cacheBytesMax">The most bytes, over all logs, that are kept in memory for readers.</param>
/// <param name="coldReadsMax">The reads from the store that all logs have under way at once.</param>
/// <param name="appends">Bounds the appends that all logs begin in a second; null for as many as the store takes.</param>
/// <param name="random">Where the ids of segments come from; null for <see cref="RandomSource.System"/>.</param>
public sealed class LogResources(
    TimeProvider time, long pendingBytesMax = LogLimits.PendingBytesMaxOfProcess,
    long cacheBytesMax = LogLimits.CacheBytesMaxOfProcess, int coldReadsMax = LogLimits.ColdReadsMax, AppendBudget? appends = null,
    RandomSource? random = null)
{
    private readonly Lock _gate = new();
    private readonly RateMeter _drained = new(time, LogLimits.DrainRateWindow);
    private long _pendingBytes;
    private long _cacheBytes;

    /// <summary>The bytes that are not durable yet, over all logs.</summary>
    public long PendingBytes => Interlocked.Read(ref _pendingBytes);

    /// <summary>The bytes kept in memory for readers, over all logs.</summary>
    public long CacheBytes => Interlocked.Read(ref _cacheBytes);

    /// <summary>Bounds the reads from the store.</summary>
    internal ColdReads ColdReads { get; } = new(coldReadsMax, LogLimits.ColdReadsWaitingMax);

    /// <summary>Bounds the appends that all logs begin in a second; null when there is no bound.</summary>
    internal AppendBudget? Appends => appends;

    /// <summary>Where the ids of segments come from.</summary>
    internal RandomSource Random { get; } = random ?? RandomSource.System;

    /// <summary>Takes room for an append.</summary>
    /// <param name="lengthBytes">The bytes of the append.</param>
    /// <param name="ownBytes">The bytes that its log holds already.</param>
    /// <returns>
    /// False when the process has no room, or when the log would hold more than its share of the free room. The share shrinks with the free room (the
    /// dynamic thresholds of shared switch buffers; Choudhury and Hahne, 1998). So some room is left for a healthy log, however many others are
    /// stuck.
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

    /// <summary>Gives back the room of answered appends.</summary>
    internal void ReturnPending(long lengthBytes)
    {
        lock (_gate)
        {
            _pendingBytes -= lengthBytes;
            _drained.Add(lengthBytes);
        }
    }

    /// <summary>How long the pending bytes take at the pace of the last seconds; null when that is not known, or too long to say.</summary>
    internal TimeSpan? DrainTime()
    {
        lock (_gate)
        {
            var seconds = _pendingBytes / _drained.PerSecond;
            return seconds < LogLimits.AppendWaitMax.TotalSeconds ? TimeSpan.FromSeconds(seconds) : null;
        }
    }

    /// <summary>Takes room for bytes to keep in memory.</summary>
    /// <returns>False when there is no room. The bytes are then read from the store when somebody asks for them.</returns>
    internal bool TryKeep(long lengthBytes)
    {
        if (Interlocked.Add(ref _cacheBytes, lengthBytes) <= cacheBytesMax)
            return true;

        Interlocked.Add(ref _cacheBytes, -lengthBytes);
        return false;
    }

    /// <summary>Gives back the room of bytes that are no longer kept.</summary>
    internal void Forget(long lengthBytes) => Interlocked.Add(ref _cacheBytes, -lengthBytes);
}
