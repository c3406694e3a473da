using OrleansStream.Storage;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Simulation;

/// <summary>How often what goes wrong between a process and its store, in permille of the requests.</summary>
internal sealed record FaultRates(
    int LostRequest, int LostReply, int LateRequest, int FailedAfterEffect, int FailedBeforeEffect, int Slow, int ReadFailure,
    int Broken = 0, int StoreFull = 0, int StaleRead = 0)
{
    public static readonly FaultRates None = new(0, 0, 0, 0, 0, 0, 0);
    public static readonly FaultRates Calm = new(2, 2, 2, 3, 3, 5, 3, StaleRead: 5);
    public static readonly FaultRates Rough = new(15, 20, 15, 25, 25, 20, 15, StaleRead: 30);
    public static readonly FaultRates Stormy = new(50, 60, 50, 60, 60, 40, 40, StaleRead: 60);
    public static readonly FaultRates Medium = new(0, 0, 0, 0, 0, 10, 8, Broken: 6, StoreFull: 6);
    public static readonly FaultRates BadMedium = new(0, 0, 0, 0, 0, 30, 30, Broken: 25, StoreFull: 25);
}

/// <summary>
/// The way from one process to the shared world and back. It decides for each request when it takes effect, whether it does,
/// and what the process learns of it; and it kills the process around a request when the round wants a crash there.
/// </summary>
internal sealed class SimulatedLink(
    SimulatedProcess process, SimulatedTime time, SimulatedRandom random, SimulationTrace trace, bool isLocal)
{
    private const double LateMsMax = 90_000;
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(10);
    private readonly List<UnderWay> _underWay = [];
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private int _callsUntilCrash = int.MaxValue;

    public FaultRates Rates { get; set; } = FaultRates.None;

    public SimulatedRandom Random => random;

    public SimulatedProcess Process => process;

    /// <summary>True when the store is a part of the process, as files are: no request is lost, and none outlives the process.</summary>
    public bool IsLocal => isLocal;

    /// <summary>Kills the process at the call with that number from now, before, during or after its effect.</summary>
    public void CrashAfter(int calls) => _callsUntilCrash = calls;

    /// <summary>Sends a request that reads.</summary>
    /// <param name="what">Its name, for the trace.</param>
    /// <param name="subject">What it is about, for the trace.</param>
    /// <param name="effect">What it does in the world; its answer goes back.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public ValueTask<T> ReadAsync<T>(string what, int subject, Func<T> effect, CancellationToken cancellationToken)
    {
        var call = new SimulatedCall<T>(what, effect, Unavailable<T>, cancelsAsUnknown: false);
        if (!Begin(call, what, subject, cancellationToken))
            return call.Result;
        var fails = random.Chance(Rates.ReadFailure + Rates.LostRequest + Rates.LostReply);
        if (fails)
            process.Post(random.Chance(300) ? RequestTimeout : random.Span(0.2, 20), () => call.FailUnknown());
        else
            process.Post(Latency() + Latency(), () => call.TakeEffectAndReply());
        return call.Result;
    }

    /// <summary>Sends a request that changes something.</summary>
    /// <param name="what">Its name, for the trace.</param>
    /// <param name="subject">What it is about, for the trace.</param>
    /// <param name="effect">What it does in the world; its answer goes back.</param>
    /// <param name="unknown">Answers when the outcome is not known: a value, or null to throw.</param>
    /// <param name="torn">What a crash in the middle leaves, where that is not just all or nothing.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    public ValueTask<T> WriteAsync<T>(
        string what, int subject, Func<T> effect, Func<T>? unknown, Action? torn, CancellationToken cancellationToken)
    {
        var call = new SimulatedCall<T>(what, effect, unknown ?? Unavailable<T>, cancelsAsUnknown: true);
        if (!Begin(call, what, subject, cancellationToken))
            return call.Result;
        if (isLocal)
            SendLocally(call, torn);
        else
            SendRemotely(call);
        return call.Result;
    }

    /// <summary>Ends what was under way in a process that was killed: each write took effect, or did not, or was torn.</summary>
    public void Abandon()
    {
        foreach (var write in _underWay)
        {
            if (write.Torn is not null)
                write.Torn();
            else if (random.Chance(500))
                write.Effect();
        }

        _underWay.Clear();
    }

    private static T Unavailable<T>() => throw new StoreUnavailableException("the store did not answer");

    private bool Begin<T>(SimulatedCall<T> call, string what, int subject, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (Environment.CurrentManagedThreadId != _thread)
            throw new InvalidOperationException(what + " was called on another thread than the round's");
        if (!process.IsAlive)
            return false;
        trace.Add(process.Name, what, subject);
        call.CancelWith(cancellationToken);
        if (_callsUntilCrash-- > 0)
            return true;

        var moment = random.Next(3);
        trace.Add(process.Name, "crash", moment);
        if (moment == 0)
            process.Kill();
        else
            time.Schedule(random.Span(0, 2), process.Kill);
        return moment != 0;
    }

    private void SendLocally<T>(SimulatedCall<T> call, Action? torn)
    {
        var write = new UnderWay(() => call.TakeEffect(), torn);
        _underWay.Add(write);
        process.Post(Latency(), () =>
        {
            _underWay.Remove(write);
            call.TakeEffect();
            call.Reply();
        });
    }

    private void SendRemotely<T>(SimulatedCall<T> call)
    {
        var fate = random.Next(1000);
        if (Falls(ref fate, Rates.LostRequest))
        {
            process.Post(RequestTimeout, () => call.FailUnknown());
        }
        else if (Falls(ref fate, Rates.LateRequest))
        {
            process.Post(RequestTimeout, () => call.FailUnknown());
            time.Schedule(RequestTimeout + random.Span(0, LateMsMax), () => Land(call, "lands late"));
        }
        else if (Falls(ref fate, Rates.LostReply))
        {
            time.Schedule(Latency(), () => Land(call, "reply lost"));
            process.Post(random.Chance(500) ? RequestTimeout : random.Span(5, 50), () => call.FailUnknown());
        }
        else if (Falls(ref fate, Rates.FailedAfterEffect))
        {
            var there = Latency();
            time.Schedule(there, () => Land(call, "500, done"));
            process.Post(there + Latency(), () => call.FailUnknown());
        }
        else if (Falls(ref fate, Rates.FailedBeforeEffect))
        {
            process.Post(Latency() + Latency(), () => call.FailUnknown());
        }
        else
        {
            var there = Latency();
            time.Schedule(there, () => call.TakeEffect());
            process.Post(there + Latency(), () => call.Reply());
        }
    }

    private void Land<T>(SimulatedCall<T> call, string how)
    {
        trace.Add(process.Name, how);
        call.TakeEffect();
    }

    private TimeSpan Latency() => random.Chance(Rates.Slow) ? random.Span(100, 8_000) : random.Span(0.1, 2);

    private static bool Falls(ref int fate, int permille)
    {
        fate -= permille;
        return fate < 0;
    }

    private sealed record UnderWay(Action Effect, Action? Torn);
}

/// <summary>One request: it takes effect at most once, and is answered at most once, in either order.</summary>
internal sealed class SimulatedCall<T>(string what, Func<T> effect, Func<T> unknown, bool cancelsAsUnknown)
{
    // Continuations run at once, inside the event that answers: that keeps a round on one thread.
    private readonly TaskCompletionSource<T> _result = new();
    private CancellationTokenRegistration _cancellation;
    private Func<T>? _answer;

    public ValueTask<T> Result => new(_result.Task);

    public bool IsAnswered => _result.Task.IsCompleted;

    public void CancelWith(CancellationToken cancellationToken)
    {
        if (cancellationToken.CanBeCanceled)
        {
            _cancellation = cancellationToken.Register(() =>
            {
                if (cancelsAsUnknown)
                    FailUnknown();
                else
                    _result.TrySetCanceled(cancellationToken);
            });
        }
    }

    public void TakeEffect()
    {
        try
        {
            var value = effect();
            _answer ??= () => value;
        }
        catch (Exception e) when (e is SegmentNotFoundException or ArgumentException or StoreUnavailableException)
        {
            _answer ??= () => throw e;
        }
    }

    public void Reply() => Answer(_answer ?? throw new InvalidOperationException(what + " has not taken effect"));

    public void TakeEffectAndReply()
    {
        if (IsAnswered)
            return;
        TakeEffect();
        Reply();
    }

    public void FailUnknown() => Answer(unknown);

    private void Answer(Func<T> answer)
    {
        if (IsAnswered)
            return;
        _cancellation.Dispose();
        T value;
        try
        {
            value = answer();
        }
        catch (Exception e) when (e is SegmentNotFoundException or ArgumentException or StoreUnavailableException)
        {
            _result.TrySetException(e);
            return;
        }

        _result.TrySetResult(value);
    }
}
