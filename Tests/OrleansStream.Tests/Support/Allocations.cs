using System.Diagnostics;

namespace OrleansStream.Tests.Support;

/// <summary>
/// What work allocates, measured so that nothing else counts: a pool that was trimmed and code that is not optimized yet only add to it, so
/// the least of several rounds is what the work itself costs.
/// </summary>
internal static class Allocations
{
    private const int RoundCount = 5;
    private const int RoundCountMax = 50;
    private static readonly TimeSpan RoundTimeMin = TimeSpan.FromMinutes(2);

    /// <summary>The least bytes that work allocates.</summary>
    /// <param name="work">The work; all of it runs on this thread.</param>
    public static long Of(Action work) => Enumerable.Range(0, RoundCount).Min(_ => Once(work));

    /// <summary>
    /// The least bytes that work allocates; no further round is run once they are few enough. A machine that is busy takes its time to optimize code,
    /// so there are rounds for a while.
    /// </summary>
    /// <param name="work">The work; all of it runs on this thread.</param>
    /// <param name="enoughBytes">How few that is.</param>
    public static long Of(Action work, long enoughBytes)
    {
        var least = long.MaxValue;
        var started = Stopwatch.GetTimestamp();
        for (var round = 0; least > enoughBytes && (round < RoundCountMax || Stopwatch.GetElapsedTime(started) < RoundTimeMin); round++)
            least = Math.Min(least, Once(work));
        return least;
    }

    /// <summary>Fails when requests of more records allocate a byte or more for each of them.</summary>
    /// <param name="handle">Handles requests, each of so many records; all of it runs on this thread.</param>
    /// <param name="requestCount">How many it handles.</param>
    public static void AssertNoneForARecordMore(Action<int> handle, int requestCount)
    {
        const int few = 10, many = 1_000;
        // What both share, such as pooled arrays of each size, is there after a first round.
        handle(few);
        handle(many);
        var forFew = Of(() => handle(few));
        var most = forFew + requestCount * (many - few) - 1;
        var forMany = Of(() => handle(many), most);
        var perRecord = (forMany - forFew) / (double)(requestCount * (many - few));
        Assert.True(forMany <= most, $"A record more costs {perRecord:F2} bytes; a request of {few} costs {forFew / requestCount}.");
    }

    private static long Once(Action work)
    {
        var thread = Environment.CurrentManagedThreadId;
        var before = GC.GetAllocatedBytesForCurrentThread();
        work();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(thread, Environment.CurrentManagedThreadId);
        return allocated;
    }
}
