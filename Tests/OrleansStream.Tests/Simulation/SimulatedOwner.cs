using OrleansStream.Log;
using OrleansStream.Storage;

namespace OrleansStream.Tests.Simulation;

/// <summary>One activation of the partition in one process, and the calls of clients that wait for it.</summary>
internal sealed class SimulatedOwner
{
    private readonly List<(Action Lost, string What)> _waiting = [];

    public SimulatedOwner(string name, SimulatedProcess process, SimulatedLink link, ISegmentStore segments, IDocumentStore documents)
    {
        (Name, Process, Link, Segments, Documents) = (name, process, link, segments, documents);
        process.Killed += LoseAll;
    }

    public string Name { get; }

    public SimulatedProcess Process { get; }

    public SimulatedLink Link { get; }

    public ISegmentStore Segments { get; }

    public IDocumentStore Documents { get; }

    public PartitionLog? Log { get; set; }

    public OwnerHistory? History { get; set; }

    /// <summary>True from when it began to close, or failed to open.</summary>
    public bool IsOver { get; set; }

    public bool Serves => Log is not null && !IsOver && Process.IsAlive;

    /// <summary>Calls that wait for an answer, or an opening or closing that is under way.</summary>
    public int WaitingCount => _waiting.Count;

    public string Waiting => string.Join(", ", _waiting.Select(call => call.What));

    /// <summary>Begins a call.</summary>
    /// <param name="lost">Runs when the process dies before it answers.</param>
    /// <param name="what">What the call is, for the report of one that is never answered.</param>
    /// <returns>To end it with: false when it was lost meanwhile.</returns>
    public Func<bool> Begin(Action lost, string what)
    {
        _waiting.Add((lost, what));
        return () => _waiting.Remove((lost, what));
    }

    private void LoseAll()
    {
        IsOver = true;
        var lost = _waiting.ToArray();
        _waiting.Clear();
        foreach (var (action, _) in lost)
            action();
    }
}
