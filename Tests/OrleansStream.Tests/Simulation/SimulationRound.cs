using OrleansStream.Storage;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Simulation;

/// <summary>What came of a round.</summary>
/// <param name="Seed">Its seed.</param>
/// <param name="Checks">The checks that found a violation.</param>
/// <param name="Violation">What was found, with the end of the trace; null when nothing was.</param>
/// <param name="Store">The kind of its store.</param>
/// <param name="TraceHash">A hash over all that happened.</param>
/// <param name="Acked">The payloads that were acknowledged.</param>
/// <param name="Opened">The times the log was opened.</param>
internal sealed record SimulationResult(
    ulong Seed, IReadOnlySet<string> Checks, string? Violation, StoreKind Store, ulong TraceHash, int Acked, int Opened);

/// <summary>
/// One round: a partition with its producers, readers and owners in a world that its seed makes, disturbed for a while, then
/// healed and judged. It runs on the calling thread alone, and takes no real time but for the work.
/// </summary>
internal sealed partial class SimulationRound
{
    private const string LogName = "0123456789abcdef0123456789abcdef/0";
    private readonly Mutation _mutation;
    private readonly SimulatedRandom _random;
    private readonly SimulatedTime _time = new();
    private readonly SimulationFindings _findings = new();
    private readonly SimulationTrace _trace;
    private readonly SimulationPlan _plan;
    private readonly SimulatedWorld _world;
    private readonly WorldChecker _worldChecker;
    private readonly HistoryChecker _checker;
    private readonly List<SimulatedOwner> _owners = [];
    private readonly List<SimulatedProducer> _producers = [];
    private int _opened;

    private SimulationRound(ulong seed, Mutation mutation, StoreKind? store)
    {
        _mutation = mutation;
        _random = new SimulatedRandom(seed);
        _trace = new SimulationTrace(_time);
        _plan = SimulationPlan.Draw(_random, store);
        _world = new SimulatedWorld(_time, _random, _plan.Limits, _findings);
        _worldChecker = new WorldChecker(_world, _findings, LogName);
        _checker = new HistoryChecker(_findings, _plan.DeletesByRetention, _plan.Store == StoreKind.Files);
        for (var i = -1; i < _plan.IdempotentProducers; i++)
            _producers.Add(new SimulatedProducer(_random, _checker, i < 0 ? -1 : 1_000 + i, hasSequences: mutation != Mutation.NoSequences));
    }

    /// <summary>Runs the round of a seed, with a mechanism taken out where one is named.</summary>
    public static SimulationResult Run(ulong seed, Mutation mutation = Mutation.None, StoreKind? store = null)
    {
        var round = new SimulationRound(seed, mutation, store);
        try
        {
            round.Disturb();
            if (round.GoesOn)
                round.HealAndJudge();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            round._findings.Report("progress", "the round failed: " + e);
        }

        var violation = round._findings.First is { } found
            ? $"seed {seed}: {found.Check}: {found.Message}\n{round._plan}\n{round._trace}"
            : null;
        var result = new SimulationResult(
            seed, round._findings.Checks, violation, round._plan.Store, round._trace.Hash, round._checker.AckedCount, round._opened);
        round.Leave();
        return result;
    }

    // One violation is enough, unless it is to be seen all that comes of a mechanism's loss.
    private bool GoesOn => _findings.First is null || _mutation != Mutation.None;

    // A dead process takes its memory with it; here the caches of its logs count against this process until they are closed.
    private void Leave()
    {
        foreach (var owner in _owners)
        {
            owner.Process.Kill();
            _ = owner.Log?.DisposeAsync().AsTask();
        }
    }

    private void Disturb()
    {
        Open();
        for (var step = 0; step < _plan.Steps && GoesOn; step++)
        {
            _time.RunUntil(_time.Elapsed + (_random.Chance(60) ? _random.Span(100, 20_000) : _random.Span(0, 12)));
            if (_random.Chance(_plan.Disturbance))
                DisturbOwners();
            else
                Use();
        }
    }

    private void Use()
    {
        if (PickOwner() is not { } owner)
        {
            Open();
            return;
        }

        switch (_random.Next(100))
        {
            case < 68:
                Produce(owner);
                break;
            case < 86:
                _ = FetchAsync(owner);
                break;
            case < 90:
                _ = FindAsync(owner);
                break;
            case < 96:
                _ = MaintainAsync(owner);
                break;
            default:
                _ = DeleteRecordsAsync(owner);
                break;
        }
    }

    private void DisturbOwners()
    {
        var owner = PickOwner();
        switch (_random.Next(100))
        {
            case < 35:
                for (var i = _random.Pick([1, 1, 1, 2, 3]); i > 0; i--)
                    Open();
                break;
            case < 60:
                Note(owner, "kill");
                owner?.Process.Kill();
                break;
            case < 78 when _plan.Store == StoreKind.Blobs:
                Note(owner, "pause");
                owner?.Process.Pause(_random.Span(100, 60_000));
                break;
            case < 92:
                if (owner is not null)
                    _ = CloseAsync(owner, _random.Chance(500));
                break;
            default:
                _trace.Add("world", "jump");
                _time.Jump(_random.Span(1_000, 600_000));
                break;
        }
    }

    // Clients mostly find the newest owner, and at times an old one that does not know yet.
    private SimulatedOwner? PickOwner()
    {
        var serving = _owners.FindAll(owner => owner.Serves);
        return serving.Count == 0 ? null : _random.Chance(700) ? serving[^1] : _random.Pick(serving);
    }

    private void Open()
    {
        SimulatedOwner? inSameProcess = null;
        if (_plan.Store == StoreKind.Files)
        {
            if (_owners.Exists(owner => owner.Process.IsAlive && (!owner.IsOver || owner.WaitingCount > 0)))
                return;
            inSameProcess = _owners.FindLast(owner => owner.Process.IsAlive);
        }

        var opening = MakeOwner(inSameProcess);
        opening.Link.Rates = _plan.Rates;
        if (_random.Chance(_plan.Crashes))
            opening.Link.CrashAfter(_random.Next(60));
        _ = OpenAsync(opening);
    }

    private SimulatedOwner MakeOwner(SimulatedOwner? inSameProcess)
    {
        var name = "owner-" + _owners.Count;
        SimulatedOwner owner;
        if (inSameProcess is null)
        {
            var isLocal = _plan.Store == StoreKind.Files;
            var process = new SimulatedProcess(_time, name);
            var link = new SimulatedLink(process, _time, _random, _trace, isLocal);
            var kind = _random.Pick([CrashKind.Process, CrashKind.Machine]);
            ISegmentStore segments = new SimulatedSegmentStore(_world, link) { CrashKind = kind };
            IDocumentStore documents = new SimulatedDocumentStore(_world, link);
            if (isLocal)
                process.Killed += () => CrashFiles(link, kind);
            if (_mutation != Mutation.None)
                segments = new MutatedSegmentStore(segments, _mutation);
            if (_mutation is Mutation.NoCompareAndSwap or Mutation.FreesBeforeManifest)
                documents = new MutatedDocumentStore(documents, segments, _mutation);
            owner = new SimulatedOwner(name, process, link, segments, documents);
        }
        else
        {
            owner = new SimulatedOwner(
                name, inSameProcess.Process, inSameProcess.Link, inSameProcess.Segments, inSameProcess.Documents);
        }

        _owners.Add(owner);
        return owner;
    }

    private void CrashFiles(SimulatedLink link, CrashKind kind)
    {
        link.Abandon();
        _world.Crash(kind);
    }

    private void Note(SimulatedOwner? owner, string what)
    {
        if (owner is not null)
            _trace.Add(owner.Name, what);
    }
}
