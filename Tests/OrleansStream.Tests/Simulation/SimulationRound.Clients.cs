using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Storage;

namespace OrleansStream.Tests.Simulation;

// What clients do with an owner, and how its answers reach the checker.
internal sealed partial class SimulationRound
{
    private long _nextPayload;
    private bool _isHealed;

    private long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private void Produce(SimulatedOwner owner)
    {
        var producer = _random.Pick(_producers);
        if (producer.Next(NowMs, ref _nextPayload) is not { } request)
            return;
        var acks = !producer.IsIdempotent && _random.Chance(100)
            ? _random.Pick([LogAcks.Ordered, LogAcks.Admitted])
            : LogAcks.Durable;
        long? condition = !producer.IsIdempotent && _random.Chance(150) ? owner.History!.HighWatermark : null;
        _ = SendAsync(owner, producer, request, acks, condition);
    }

    private async Task SendAsync(
        SimulatedOwner owner, SimulatedProducer producer, SimulatedRequest request, LogAcks acks, long? condition)
    {
        foreach (var payload in request.Payloads)
            _checker.Sent(payload);
        request.Waiting++;
        var isOver = false;
        void Settle(LogAppendResult? result)
        {
            if (!isOver)
                producer.Settled(request, result);
            isOver = true;
        }

        var end = owner.Begin(() =>
        {
            foreach (var payload in request.Payloads)
                _checker.Lost(payload);
            Settle(null);
        }, "append");
        _time.Schedule(_random.Span(500, 40_000), () => Settle(null));
        LogAppendResult result;
        var deadline = !_isHealed && _random.Chance(150)
            ? new CancellationTokenSource(_random.Span(1, 5_000), owner.Process)
            : null;
        try
        {
            result = await owner.Log!.AppendAsync(request.Bytes, acks, condition, cancellationToken: deadline?.Token ?? default)
                .ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _findings.Report("classification", $"{owner.Name} threw from an append: {e}");
            return;
        }

        if (!end())
            return;
        _trace.Add(owner.Name, "answer", request.Number, result.BaseOffset, (long)(result.Error?.Code ?? 0));
        if (result.Error is null && condition is { } expected && acks != LogAcks.Admitted && result.BaseOffset != expected)
            _findings.Report("contiguity", $"{owner.Name} stored at {result.BaseOffset} what was to be at {expected} only");
        var offset = result.BaseOffset;
        for (var i = 0; i < request.Payloads.Length; offset += request.Counts[i++])
            _checker.Answered(request.Payloads[i], owner.History!, acks, result, offset);
        Settle(result);
    }

    private async Task FetchAsync(SimulatedOwner owner)
    {
        var before = owner.History!.Bounds;
        var offset = _random.Next(10) switch
        {
            0 => -1,
            1 => -2,
            2 => before.HighWatermark + _random.Next(3),
            _ => _random.Between((int)Math.Max(0, before.LogStart - 1), (int)before.HighWatermark),
        };
        var wait = _random.Chance(300) ? _random.Span(1, 15_000) : TimeSpan.Zero;
        await AskAsync(owner, "fetch", async () =>
        {
            var result = await owner.Log!.FetchAsync(offset, _random.Between(1, 2_000), wait).ConfigureAwait(false);
            return () => _checker.Fetched(owner.History!, offset, result, before);
        }).ConfigureAwait(false);
    }

    private async Task FindAsync(SimulatedOwner owner)
    {
        var before = owner.History!.Bounds;
        var timestamp = NowMs - _random.Next(60_000) + 5_000;
        await AskAsync(owner, "find", async () =>
        {
            var result = await owner.Log!.FindOffsetAsync(timestamp).ConfigureAwait(false);
            return () => _checker.Found(timestamp, result, before);
        }).ConfigureAwait(false);
    }

    private async Task MaintainAsync(SimulatedOwner owner) =>
        await AskAsync(owner, "maintain", async () =>
        {
            await owner.Log!.MaintainAsync().ConfigureAwait(false);
            return () => CheckState(owner);
        }).ConfigureAwait(false);

    private async Task DeleteRecordsAsync(SimulatedOwner owner)
    {
        var (logStart, highWatermark) = owner.History!.Bounds;
        long beforeOffset = _random.Chance(100) ? -1 : _random.Between((int)logStart, (int)highWatermark + 1);
        _checker.DeleteAsked(beforeOffset < 0 ? long.MaxValue : beforeOffset);
        await AskAsync(owner, "delete", async () =>
        {
            var error = await owner.Log!.DeleteRecordsAsync(beforeOffset).ConfigureAwait(false);
            return () =>
            {
                if (error is null)
                    _checker.DeleteDone(owner.History!, beforeOffset < 0 ? highWatermark : beforeOffset);
            };
        }).ConfigureAwait(false);
    }

    // The answer is judged only while the process lives; a store that cannot be reached is no fault of the log's.
    private async Task AskAsync(SimulatedOwner owner, string what, Func<Task<Action>> ask)
    {
        var end = owner.Begin(() => { }, what);
        Action? judge = null;
        try
        {
            judge = await ask().ConfigureAwait(false);
        }
        catch (Exception e) when (e is StoreUnavailableException or StoreFullException or LogFencedException)
        {
            _trace.Add(owner.Name, "failed to " + what);
        }
        catch (Exception e)
        {
            _findings.Report("classification", $"{owner.Name} threw from a {what}: {e}");
        }

        if (end() && judge is not null)
        {
            _trace.Add(owner.Name, what);
            judge();
        }
    }

    private void CheckState(SimulatedOwner owner)
    {
        var state = owner.Log!.State;
        _checker.CheckBounds(owner.History!, state.LogStartOffset, state.HighWatermark, owner.History!.Bounds);
    }

    private async Task OpenAsync(SimulatedOwner owner)
    {
        _trace.Add(owner.Name, "open");
        var end = owner.Begin(() => { }, "open");
        PartitionLog? log = null;
        try
        {
            log = await PartitionLog.OpenAsync(
                LogName, owner.Name, _plan.Options, owner.Segments, owner.Documents, owner.Process).ConfigureAwait(false);
        }
        catch (Exception e) when (e is StoreUnavailableException or LogFencedException or StoreFullException)
        {
            _trace.Add(owner.Name, e is LogFencedException ? "fenced at open" : "failed to open");
        }
        catch (Exception e)
        {
            _findings.Report("crash prefix", $"{owner.Name} cannot open: {e}");
        }

        if (!end() || log is null)
        {
            owner.IsOver = true;
            return;
        }

        _opened++;
        var state = log.State;
        _trace.Add(owner.Name, "opened", state.Epoch, state.LogStartOffset, state.HighWatermark);
        owner.Log = log;
        owner.History = _checker.Opened(owner.Name, state);
        var why = await log.Ended.ConfigureAwait(false);
        if (!owner.Process.IsAlive)
            return;
        _trace.Add(owner.Name, "ended", (long)why);
        owner.IsOver = true;
        if (why is LogEnd.Offline && _plan.Rates.Broken == 0)
            _findings.Report("progress", $"{owner.Name} went offline without cause: {log.EndDetail}");
        if (why is LogEnd.Deleted)
            _findings.Report("progress", $"{owner.Name} takes the topic for deleted: {log.EndDetail}");
    }

    private async Task CloseAsync(SimulatedOwner owner, bool exits)
    {
        Note(owner, "close");
        owner.IsOver = true;
        var end = owner.Begin(() => { }, "close");
        try
        {
            await owner.Log!.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _findings.Report("classification", $"{owner.Name} threw from closing: {e}");
        }

        // A process ends once its last call is answered: closing answers them all.
        if (end() && exits && owner.WaitingCount == 0)
            Exit(owner);
    }

    private void Exit(SimulatedOwner owner)
    {
        if (owner.Process.IsAlive && _plan.Store == StoreKind.Files)
            _world.Restart(CrashKind.Process);
        owner.Process.Exit();
    }
}
