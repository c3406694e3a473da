using OrleansStream.Errors;

namespace OrleansStream.Gateway.Reading;

/// <summary>
/// The reads of this process that wait for records, and their bound. Each is a call under way that is made again every few seconds, and one connection
/// may wait on the partitions of many topics.
/// </summary>
/// <remarks>Safe for any thread.</remarks>
/// <param name="countMax">The most reads.</param>
public sealed class NodeWaits(int countMax = ReadingLimits.WaitingReadsMax)
{
    private int _count;

    /// <summary>The reads that wait, or may at any time.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Why a read is refused that may not wait.</summary>
    public StreamError Refusal => new(
        StreamErrorCode.ThrottlingQuotaExceeded,
        $"{Count} reads wait for records at this server, of at most {countMax}: one for each partition that is waited on. Try again later.");

    /// <summary>Lets reads wait, when there is room for all of them.</summary>
    /// <param name="count">How many.</param>
    public bool TryTake(int count) => TakeUpTo(count, least: count, partOfFree: 1) == count;

    /// <summary>Lets as many reads wait as one caller gets: others need some, too.</summary>
    /// <param name="count">How many are wanted.</param>
    /// <returns>How many may.</returns>
    public int TakeUpTo(int count) => TakeUpTo(count, least: 0, ReadingLimits.WaitingReadsPartOfFree);

    /// <summary>Notes that reads wait no more.</summary>
    /// <param name="count">How many.</param>
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
