using System.Collections.Concurrent;
using System.Diagnostics;

namespace OrleansStream.Tests.History;

/// <summary>
/// Every call that clients made of a topic, with start, end and outcome, as Jepsen has it. Safe to use by many clients at once; it is
/// judged by <see cref="HistoryJudge"/> when they are done.
/// </summary>
internal sealed class CallHistory
{
    private readonly ConcurrentQueue<HistoryCall> _calls = new();

    /// <summary>The calls so far, in the order of their starts as nearly as the clients' threads had it.</summary>
    public IReadOnlyList<HistoryCall> Calls => [.. _calls];

    /// <summary>A call is about to be made.</summary>
    public T Begin<T>(T call)
        where T : HistoryCall
    {
        call.Started = Stopwatch.GetTimestamp();
        return Add(call);
    }

    /// <summary>Adds a call whose times are set by whoever made it.</summary>
    public T Add<T>(T call)
        where T : HistoryCall
    {
        _calls.Enqueue(call);
        return call;
    }

    /// <summary>How many sent records ended so.</summary>
    public int Count(CallOutcome outcome) =>
        _calls.OfType<ProduceCall>().Sum(call => call.Results.Count(result => result.Outcome == outcome));
}
