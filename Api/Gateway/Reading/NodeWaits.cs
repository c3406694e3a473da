using OrleansStream.Errors;

namespace OrleansStream.Gateway.Reading;

/// <summary>
/// Counts and bounds the reads of this process that wait for records. Each of them is a call under way, which is repeated every few seconds, and one
/// connection may wait on the partitions of many topics.
/// </summary>
/// <remarks>Safe to call from any thread.</remarks>
/// <param name="countMax">The most reads.</param>
public sealed class NodeWaits(int countMax = ReadingLimits.WaitingReadsMax)
{
    private int _count;

    /// <summary>The count of reads that wait, or may wait at any time.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>The error for a read that may not wait.</summary>
    public StreamError Refusal => new(
        StreamErrorCode.ThrottlingQuotaExceeded,
        $"{Count} of at most {countMax} reads wait for records at this server, one for each partition on which a caller waits. Try again later.");

    /// <summary>Lets reads wait, if there is room for all of them.</summary>
    /// <param name="count">The count of reads.</param>
    public bool TryTake(int count) => TakeUpTo(count, least: count, partOfFree: 1) == count;

    /// <summary>Lets as many reads wait as one caller may have, so that other callers get some too.</summary>
    /// <param name="count">The count that the caller wants.</param>
    /// <returns>The count that may wait.</returns>
    public int TakeUpTo(int count) => TakeUpTo(count, least: 0, ReadingLimits.WaitingReadsPartOfFree);

    /// <summary>Gives back reads that no longer wait.</summary>
    /// <param name="count">The count of reads.</param>
    public void Return(int count) => Interlocked.Add(ref _count, -count);

    private int TakeUpTo(int count, int least, int partOfFree)
    {
        while (true)
        {
            var before = Count;
            var taken = Math.Min(count, (countMax - before) / partOfFree);
            if (taken < least)
                return 0;
            if (Interlocked.CompareExchange(ref _count, before + taken, before) == before)
                return taken;
        }
    }
}
