using OrleansStream.Errors;
using OrleansStream.Log.Contract;

namespace OrleansStream.Tests.Simulation;

/// <summary>One request of a producer: it is sent again, byte for byte, until its outcome is known or it is given up.</summary>
internal sealed class SimulatedRequest(long number, byte[] bytes, long[] payloads, int[] counts, int firstSequence)
{
    public long Number => number;

    public byte[] Bytes => bytes;

    public long[] Payloads => payloads;

    public int[] Counts => counts;

    public int FirstSequence => firstSequence;

    /// <summary>Tries whose answer the client still waits for.</summary>
    public int Waiting { get; set; }

    /// <summary>True once some try may have stored it without saying so.</summary>
    public bool MayBeStored { get; set; }

    public int Tries { get; set; }
}

/// <summary>
/// A producer as a client library is: an idempotent one keeps up to five batches in flight, sends each again until it is
/// acknowledged, and takes a new epoch when it gives up; a plain one sends once and forgets.
/// </summary>
/// <param name="random">Its choices.</param>
/// <param name="checker">Learns what it makes.</param>
/// <param name="id">Its producer id; negative for a plain one.</param>
/// <param name="hasSequences">False takes the sequences out of what it sends, so that the log cannot compare them.</param>
internal sealed class SimulatedProducer(SimulatedRandom random, HistoryChecker checker, long id, bool hasSequences = true)
{
    private const int InFlightMax = 5;
    private const int BatchRecordsMax = 3;
    private static readonly TimeSpan TimestampSpread = TimeSpan.FromSeconds(20);
    private readonly List<SimulatedRequest> _window = [];
    private short _epoch;
    private int _nextSequence;
    private bool _isStopped;

    // A log that remembers nothing of a producer takes any sequence first (KIP-360), so a client sends its very first batch alone.
    private bool _isKnown = id < 0;

    public bool IsIdempotent => id >= 0;

    /// <summary>The request to send now, or null to send nothing.</summary>
    /// <param name="nowMs">The time its records are dated around.</param>
    /// <param name="nextPayload">Gives each payload and each request its number.</param>
    public SimulatedRequest? Next(long nowMs, ref long nextPayload)
    {
        if (_isStopped)
            return null;
        if (_window.Find(request => request.Waiting == 0) is { } idle)
        {
            if (random.Chance(40) && _window.TrueForAll(request => request.Waiting == 0))
                return GiveUp(nowMs, ref nextPayload);
            if (!_isKnown || !random.Chance(30) || _window.Count == InFlightMax)
                return idle;
        }

        return _window.Count == (_isKnown ? InFlightMax : 1) ? null : Make(nowMs, ref nextPayload);
    }

    /// <summary>A try was answered, or is not waited for any longer when there is no result.</summary>
    public void Settled(SimulatedRequest request, LogAppendResult? result)
    {
        request.Waiting--;
        var isUnknown = result is not { } known || known.Error is { OutcomeUnknown: true };
        request.MayBeStored |= isUnknown;
        var error = result?.Error?.Code;
        _isKnown |= result is { Error: null };
        if (!IsIdempotent || (!isUnknown && error is null or StreamErrorCode.DuplicateSequenceNumber))
            _window.Remove(request);
        else if (error == StreamErrorCode.InvalidProducerEpoch)
            _isStopped |= !isUnknown && _window.Contains(request);
    }

    // What failed for certain is never sent again: it must not be seen by anybody. Its sequence goes to the next batch. What
    // may be stored stands between: only a new epoch makes the way free.
    private SimulatedRequest GiveUp(long nowMs, ref long nextPayload)
    {
        if (_window.Count == 1 && !_window[0].MayBeStored)
        {
            _nextSequence = _window[0].FirstSequence;
        }
        else
        {
            _epoch++;
            _nextSequence = 0;
        }

        _window.Clear();
        return Make(nowMs, ref nextPayload);
    }

    private SimulatedRequest Make(long nowMs, ref long nextPayload)
    {
        var batches = random.Chance(200) ? 2 : 1;
        var number = nextPayload;
        var payloads = new long[batches];
        var counts = new int[batches];
        byte[] bytes = [];
        var firstSequence = _nextSequence;
        for (var i = 0; i < batches; i++)
        {
            payloads[i] = nextPayload++;
            counts[i] = random.Between(1, BatchRecordsMax);
            checker.Made(payloads[i], counts[i], number, IsIdempotent ? (id, _epoch) : null);
            var timestamp = nowMs - random.Next((int)TimestampSpread.TotalMilliseconds);
            bytes = [.. bytes, .. IsIdempotent && hasSequences
                ? SimulatedBatch.Encode(payloads[i], counts[i], timestamp, id, _epoch, _nextSequence)
                : SimulatedBatch.Encode(payloads[i], counts[i], timestamp)];
            _nextSequence += counts[i];
        }

        var request = new SimulatedRequest(number, bytes, payloads, counts, firstSequence);
        if (IsIdempotent)
            _window.Add(request);
        return request;
    }
}
