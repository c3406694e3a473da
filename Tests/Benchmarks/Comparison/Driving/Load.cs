using System.Diagnostics;

namespace OrleansStream.Comparison.Driving;

/// <summary>What one run of load gave.</summary>
/// <param name="RecordsPerSecond">Records that were answered for.</param>
/// <param name="BytesPerSecond">Payload bytes that were answered for.</param>
/// <param name="P50Ms">The median time to an answer, in milliseconds.</param>
/// <param name="P99Ms">The time to an answer that one in a hundred exceeds.</param>
/// <param name="DriverCpu">The cores that this process used meanwhile.</param>
/// <param name="ServerCpu">The cores that the driven process used meanwhile; NaN when it is not asked for.</param>
/// <param name="Records">All records answered for, the warm-up's too: what the store must hold.</param>
internal sealed record LoadResult(
    double RecordsPerSecond, double BytesPerSecond, double P50Ms, double P99Ms, double DriverCpu, double ServerCpu, long Records)
{
    /// <summary>What the driven process allocated for each record, in bytes; NaN when it was not watched.</summary>
    public double AllocatedBytesPerRecord { get; init; } = double.NaN;
}

/// <summary>How load is made.</summary>
/// <param name="Port">Where the server listens on this machine.</param>
/// <param name="Connections">How many connections.</param>
/// <param name="Window">The requests without an answer that each may have.</param>
/// <param name="NewExchange">Makes what a connection asks, by its number.</param>
internal sealed record LoadPlan(int Port, int Connections, int Window, Func<int, Exchange> NewExchange)
{
    /// <summary>Runs before what counts.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(0.7);

    /// <summary>What counts.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>No more requests a second than this; infinite for as many as go.</summary>
    public double RequestsPerSecondMax { get; init; } = double.PositiveInfinity;

    /// <summary>The processor time of the driven process so far; null when it is not asked for.</summary>
    public Func<TimeSpan>? ServerTime { get; init; }

    /// <summary>What the driven process has allocated so far, in bytes; null when it is not watched.</summary>
    public Func<long>? ServerAllocated { get; init; }
}

/// <summary>Closed-loop load from one thread: it costs a fraction of what it drives, and says how much.</summary>
internal static class Load
{
    private const int PollMs = 50;
    private const int PacedPollMs = 1;
    private static readonly TimeSpan DrainMax = TimeSpan.FromSeconds(30);

    /// <summary>Runs a plan. Every answer is checked; the first that is no success ends it.</summary>
    /// <param name="plan">The plan.</param>
    /// <exception cref="UnexpectedAnswerException">An answer was no success, or did not come.</exception>
    public static LoadResult Run(LoadPlan plan)
    {
        using var connections = new ConnectionSet(plan);
        var tally = new Tally();
        RunFor(plan, connections, tally, plan.WarmUp);
        var warmUpRecords = tally.Records;
        tally.Restart();
        var serverBefore = plan.ServerTime?.Invoke() ?? default;
        var allocatedBefore = plan.ServerAllocated?.Invoke() ?? 0;
        var driverBefore = Environment.CpuUsage.TotalTime;
        var began = Stopwatch.GetTimestamp();
        RunFor(plan, connections, tally, plan.Duration);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var driver = Environment.CpuUsage.TotalTime - driverBefore;
        var server = plan.ServerTime is null ? double.NaN : (plan.ServerTime() - serverBefore).TotalSeconds / seconds;
        var allocated = plan.ServerAllocated is null ? double.NaN : plan.ServerAllocated() - allocatedBefore;
        if (tally.Answers == 0)
            throw new UnexpectedAnswerException($"No answer came in {seconds:F1} s.");

        var latencies = tally.SortedLatenciesMs();
        var (records, bytes) = (tally.Records, tally.Bytes);
        Drain(connections, tally);
        return new LoadResult(
            records / seconds, bytes / seconds, Statistics.Percentile(latencies, 0.5), Statistics.Percentile(latencies, 0.99),
            driver.TotalSeconds / seconds, server, warmUpRecords + tally.Records)
        {
            AllocatedBytesPerRecord = allocated / Math.Max(1, records),
        };
    }

    private static void RunFor(LoadPlan plan, ConnectionSet connections, Tally tally, TimeSpan duration)
    {
        var isPaced = !double.IsPositiveInfinity(plan.RequestsPerSecondMax);
        var began = Stopwatch.GetTimestamp();
        long begun = 0;
        while (Stopwatch.GetElapsedTime(began) is var elapsed && elapsed < duration)
        {
            begun += connections.Send(isPaced ? (long)(elapsed.TotalSeconds * plan.RequestsPerSecondMax) - begun : int.MaxValue);
            connections.Receive(tally, isPaced ? PacedPollMs : PollMs);
        }
    }

    // What is under way is answered for before the sockets close, so that the store can be compared with the count.
    private static void Drain(ConnectionSet connections, Tally tally)
    {
        var began = Stopwatch.GetTimestamp();
        while (connections.HasOutstanding)
        {
            if (Stopwatch.GetElapsedTime(began) > DrainMax)
                throw new UnexpectedAnswerException($"Answers were still missing after {DrainMax.TotalSeconds:F0} s.");
            connections.Send(0);
            connections.Receive(tally, PollMs);
        }
    }
}
