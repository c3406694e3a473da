using OrleansStream.Log.Contract;

namespace OrleansStream.Tests.Simulation;

// The end of a round: every fault is healed, a last owner opens, and the whole log is read and judged.
internal sealed partial class SimulationRound
{
    private const int OpeningsMax = 4;
    private static readonly TimeSpan AnswerWaitMax = TimeSpan.FromSeconds(150);
    private static readonly TimeSpan ServeWaitMax = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan LateRequestsMax = TimeSpan.FromSeconds(120);

    private void HealAndJudge()
    {
        _trace.Add("world", "heal");
        _isHealed = true;
        foreach (var owner in _owners)
        {
            owner.Link.Rates = FaultRates.None;
            owner.Link.CrashAfter(int.MaxValue);
            owner.Process.Resume();
        }

        if (_random.Chance(500))
            _time.RunUntil(_time.Elapsed + LateRequestsMax);
        WaitForAnswers();
        if (_plan.Store == StoreKind.Files)
            EndProcesses();
        if (_findings.First is null && Serve() is { } last)
            Judge(last);
    }

    private void WaitForAnswers()
    {
        var allAnswered = _time.RunUntil(
            () => _findings.First is not null || _owners.TrueForAll(owner => owner.WaitingCount == 0),
            _time.Elapsed + AnswerWaitMax);
        if (!allAnswered)
        {
            SimulatedOwner owner = _owners.Find(owner => owner.WaitingCount > 0)!;
            _findings.Report("progress", $"calls to {owner.Name} ({owner.Waiting}) are not answered {AnswerWaitMax} after healing");
        }
    }

    private void EndProcesses()
    {
        foreach (var owner in _owners)
        {
            if (!owner.Process.IsAlive)
                continue;
            if (_random.Chance(500))
                owner.Process.Kill();
            else if (owner.Serves)
                _ = CloseAsync(owner, exits: true);
            else
                Exit(owner);
            _time.RunUntil(() => !owner.Process.IsAlive, _time.Elapsed + AnswerWaitMax);
            Exit(owner);
        }
    }

    // Late requests of others may still land and fence an opening, each at most once.
    private SimulatedOwner? Serve()
    {
        for (var i = 0; i < OpeningsMax; i++)
        {
            var owner = MakeOwner(null);
            _ = OpenAsync(owner);
            _time.RunUntil(() => owner.Serves || owner.IsOver || _findings.First is not null, _time.Elapsed + ServeWaitMax);
            if (owner.Serves)
                return owner;
            if (!owner.IsOver)
                break;
        }

        _findings.Report("progress", $"nobody serves {ServeWaitMax} after healing");
        return null;
    }

    private void Judge(SimulatedOwner last)
    {
        long acked = _checker.AckedCount;
        Produce(last, new SimulatedProducer(_random, _checker, -1));
        if (!_time.RunUntil(() => last.WaitingCount == 0 || _findings.First is not null, _time.Elapsed + ServeWaitMax)
            || _checker.AckedCount == acked)
        {
            _findings.Report("progress", $"{last.Name} stores nothing {ServeWaitMax} after it opened");
        }

        var state = last.Log!.State;
        if (ReadAll(last, state) is not { } log)
            return;
        _checker.Finish(log, state.LogStartOffset, state.HighWatermark);
        var stored = _worldChecker.ReadLog();
        stored.RemoveAll(batch => batch.NextOffset <= state.LogStartOffset);
        if (!stored.SequenceEqual(log))
            _findings.Report("crash prefix", $"the bytes hold {stored.Count} batches, the log returns {log.Count} or others");
    }

    private void Produce(SimulatedOwner owner, SimulatedProducer producer) =>
        _ = SendAsync(owner, producer, producer.Next(NowMs, ref _nextPayload)!, LogAcks.Durable, null);

    private List<SimulatedBatch>? ReadAll(SimulatedOwner owner, LogState state)
    {
        var log = new List<SimulatedBatch>();
        for (var next = state.LogStartOffset; next < state.HighWatermark;)
        {
            LogFetchResult? answer = null;
            var offset = next;
            _ = AskAsync(owner, "fetch", async () =>
            {
                answer = await owner.Log!.FetchAsync(offset, _random.Between(1, 4_000), TimeSpan.Zero).ConfigureAwait(false);
                return () => { };
            });
            _time.RunUntil(() => answer is not null || _findings.First is not null, _time.Elapsed + ServeWaitMax);
            if (answer is not { Error: null } fetched
                || SimulatedBatch.DecodeAll(fetched.Batches.Span) is not { Count: > 0 } batches)
            {
                _findings.Report("log start", $"the log cannot be read at {next} of {state}: {answer}");
                return null;
            }

            log.AddRange(batches);
            next = batches[^1].NextOffset;
        }

        return log;
    }
}
