using System.Diagnostics;
using OrleansStream.Comparison.Processes;

namespace OrleansStream.Comparison.Driving;

/// <summary>What one run of load gave.</summary>
/// <param name="RecordsPerSecond">Records that were answered for.</param>
/// <param name="BytesPerSecond">Payload bytes that were answered for.</param>
/// <param name="P50Ms">The median time to an answer, in milliseconds.</param>
/// <param name="P99Ms">The time to an answer that one in a hundred exceeds.</param>
/// <param name="Records">All records answered for, the warm-up's too: what the store must hold.</param>
internal sealed record LoadResult(double RecordsPerSecond, double BytesPerSecond, double P50Ms, double P99Ms, long Records)
{
    /// <summary>The requests that were answered; NaN when they are not known.</summary>
    public double RequestsPerSecond { get; init; } = double.NaN;

    /// <summary>What this process used meanwhile.</summary>
    public ProcessUsage Driver { get; init; } = ProcessUsage.Unknown;

    /// <summary>What the driven process used meanwhile; unknown when it is not watched.</summary>
    public ProcessUsage Driven { get; init; } = ProcessUsage.Unknown;

    /// <summary>
    /// What was allocated for each record, in bytes: by the driven process, or by a client in this one. NaN when it was not watched.
    /// </summary>
    public double AllocatedBytesPerRecord { get; init; } = double.NaN;

    /// <summary>The records of a request.</summary>
    public double RecordsPerRequest => RecordsPerSecond / RequestsPerSecond;

    /// <summary>What the driven process spends on so many records.</summary>
    /// <param name="records">The records: those of one of its requests, or of one of those that it is compared with.</param>
    public EventCost DrivenCost(double records) => Driven.Per(RecordsPerSecond / records);

    /// <summary>What driver and driven process together spend on a request.</summary>
    public EventCost CostOfBothSides => Driver.Per(RequestsPerSecond) + Driven.Per(RequestsPerSecond);
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

    /// <summary>The driven process; null when it is not watched.</summary>
    public ChildProcess? Driven { get; init; }

    /// <summary>What the driven process has allocated so far, in bytes; null when it does not tell.</summary>
    public Func<long>? DrivenAllocated { get; init; }
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
        var driven = plan.Driven is { } process ? UsageMeter.Of(process) : null;
        var allocatedBefore = plan.DrivenAllocated?.Invoke() ?? 0;
        var driver = UsageMeter.OfDriver();
        var began = Stopwatch.GetTimestamp();
        RunFor(plan, connections, tally, plan.Duration);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var driverUsage = driver.Read();
        var drivenUsage = driven?.Read() ?? ProcessUsage.Unknown;
        var allocated = plan.DrivenAllocated is null ? double.NaN : plan.DrivenAllocated() - allocatedBefore;
        if (tally.Answers == 0)
            throw new UnexpectedAnswerException($"No answer came in {seconds:F1} s.");

        var latencies = tally.SortedLatenciesMs();
        var (answers, records, bytes) = (tally.Answers, tally.Records, tally.Bytes);
        Drain(connections, tally);
        return new LoadResult(
            records / seconds, bytes / seconds, Statistics.Percentile(latencies, 0.5), Statistics.Percentile(latencies, 0.99),
            warmUpRecords + tally.Records)
        {
            RequestsPerSecond = answers / seconds,
            Driver = driverUsage,
            Driven = drivenUsage,
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
