using System.Text;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Simulation;

/// <summary>
/// What happened in a round: a hash over all of it, which tells whether two runs of a seed were the same, and the newest
/// entries, which tell a person what led to a violation.
/// </summary>
internal sealed class SimulationTrace(SimulatedTime time, int kept = SimulationTrace.EntriesKept)
{
    private const int EntriesKept = 160;
    private readonly Entry[] _entries = new Entry[kept];

    public long Count { get; private set; }

    public ulong Hash { get; private set; } = 14_695_981_039_346_656_037;

    /// <summary>Notes one event. Both texts are constants or names from the round, never made for the occasion.</summary>
    public void Add(string who, string what, long first = 0, long second = 0, long third = 0)
    {
        _entries[Count++ % kept] = new Entry(time.Elapsed, who, what, first, second, third);
        Mix((ulong)time.Elapsed.Ticks);
        foreach (var c in who)
            Mix(c);
        foreach (var c in what)
            Mix(c);
        Mix((ulong)first);
        Mix((ulong)second);
        Mix((ulong)third);
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        for (var i = Math.Max(0, Count - kept); i < Count; i++)
        {
            var (at, who, what, first, second, third) = _entries[i % kept];
            text.AppendLine($"  {at.TotalMilliseconds,12:F3} ms  {who,-10} {what} {first} {second} {third}");
        }

        return text.ToString();
    }

    private void Mix(ulong value) => Hash = (Hash ^ value) * 1_099_511_628_211;

    private readonly record struct Entry(TimeSpan At, string Who, string What, long First, long Second, long Third);
}

/// <summary>What a round found that must never happen. The first is the one to look at: others may follow from it.</summary>
internal sealed class SimulationFindings
{
    /// <summary>The row of the protocol's table that was broken first, and how; null when nothing was.</summary>
    public (string Check, string Message)? First { get; private set; }

    /// <summary>Every row of the table that was broken.</summary>
    public HashSet<string> Checks { get; } = [];

    public void Report(string check, string message)
    {
        First ??= (check, message);
        Checks.Add(check);
    }
}
