using System.Globalization;

namespace OrleansStream.Comparison.Processes;

/// <summary>How often the threads of a process were switched away from, as Linux counts it for each thread (proc(5), <c>status</c>).</summary>
/// <param name="Waits">
/// Switches of threads that had to wait (<c>voluntary_ctxt_switches</c>). Each that goes on later is woken first, so this is the count of threads
/// woken. NaN where there is no <c>/proc</c>.
/// </param>
/// <param name="Preemptions">
/// Switches of threads that would have gone on (<c>nonvoluntary_ctxt_switches</c>); NaN where there is no <c>/proc</c>.
/// </param>
internal readonly record struct ThreadSwitches(double Waits, double Preemptions)
{
    /// <summary>Not known.</summary>
    public static readonly ThreadSwitches Unknown = new(double.NaN, double.NaN);

    /// <summary>Both kinds.</summary>
    public double All => Waits + Preemptions;

    /// <summary>Counts them for each thread that a process has now.</summary>
    /// <param name="processId">The process.</param>
    /// <returns>By the thread's id; empty where there is no <c>/proc</c>.</returns>
    public static IReadOnlyDictionary<string, ThreadSwitches> ByThread(int processId)
    {
        var counts = new Dictionary<string, ThreadSwitches>();
        var folder = $"/proc/{processId}/task";
        if (!Directory.Exists(folder))
            return counts;
        foreach (var thread in Directory.EnumerateDirectories(folder))
        {
            try
            {
                counts[Path.GetFileName(thread)] = Parse(File.ReadLines(Path.Join(thread, "status")));
            }
            catch (IOException)
            {
                // It has ended meanwhile.
            }
        }

        return counts;
    }

    /// <summary>What was counted between two moments. Threads that ended meanwhile are not in it.</summary>
    /// <param name="before">The counts at the first.</param>
    /// <param name="after">The counts at the second.</param>
    public static ThreadSwitches Between(
        IReadOnlyDictionary<string, ThreadSwitches> before, IReadOnlyDictionary<string, ThreadSwitches> after)
    {
        if (before.Count == 0 || after.Count == 0)
            return Unknown;
        var (waits, preemptions) = (0.0, 0.0);
        foreach (var (thread, count) in after)
        {
            var earlier = before.GetValueOrDefault(thread);
            waits += count.Waits - earlier.Waits;
            preemptions += count.Preemptions - earlier.Preemptions;
        }

        return new ThreadSwitches(waits, preemptions);
    }

    /// <summary>Reads the lines of a thread's <c>status</c>.</summary>
    /// <param name="status">The lines.</param>
    public static ThreadSwitches Parse(IEnumerable<string> status)
    {
        var switches = default(ThreadSwitches);
        foreach (var line in status)
        {
            if (line.StartsWith("voluntary_ctxt_switches:", StringComparison.Ordinal))
                switches = switches with { Waits = Number(line) };
            else if (line.StartsWith("nonvoluntary_ctxt_switches:", StringComparison.Ordinal))
                switches = switches with { Preemptions = Number(line) };
        }

        return switches;
    }

    private static double Number(string line) => long.Parse(line.AsSpan(line.IndexOf(':') + 1).Trim(), CultureInfo.InvariantCulture);
}
