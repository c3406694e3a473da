using OrleansStream.Errors;
using OrleansStream.Log.Contract;

namespace OrleansStream.Tests.Simulation;

/// <summary>
/// Judges a partition by what its clients saw, as Jepsen judges Kafka: nothing of the log's inside is asked. A timeout or a
/// lost connection is unknown, never failed: such a payload may be stored once, or never.
/// </summary>
internal sealed class HistoryChecker(SimulationFindings findings, bool deletesByRetention = false, bool appendsMayTear = false)
{
    private readonly Dictionary<long, PayloadHistory> _payloads = [];
    private readonly SortedDictionary<long, SimulatedBatch> _seen = [];
    private readonly List<OwnerHistory> _owners = [];
    private readonly List<Search> _searches = [];
    private long _deleteAskedMax;
    private long _deleteDoneMax;

    /// <summary>The payloads that were acknowledged so far.</summary>
    public int AckedCount { get; private set; }

    /// <summary>A payload is about to be sent for the first time; those of one request share its number.</summary>
    /// <param name="payload">Its number; those of a producer grow.</param>
    /// <param name="count">How many records it has.</param>
    /// <param name="request">The request that it is in.</param>
    /// <param name="producer">Who sends it, in which epoch; null when nobody keeps its order.</param>
    public void Made(long payload, int count, long request, (long Id, short Epoch)? producer = null) =>
        _payloads.Add(payload, new PayloadHistory(count, request, producer));

    /// <summary>A try to store a payload begins.</summary>
    public void Sent(long payload) => _payloads[payload].Pending++;

    /// <summary>A try has ended without an answer.</summary>
    public void Lost(long payload)
    {
        _payloads[payload].Pending--;
        _payloads[payload].MayBeStored = true;
    }

    /// <summary>A try was answered by an owner, perhaps after the client gave up.</summary>
    /// <param name="payload">Which payload.</param>
    /// <param name="owner">Who answered.</param>
    /// <param name="acks">What the answer promises.</param>
    /// <param name="result">The answer.</param>
    /// <param name="offset">The payload's own offset in it.</param>
    public void Answered(long payload, OwnerHistory owner, LogAcks acks, LogAppendResult result, long offset)
    {
        var history = _payloads[payload];
        history.Pending--;
        if (result.Error is { } error)
            history.MayBeStored |= error.OutcomeUnknown || error.Code == StreamErrorCode.DuplicateSequenceNumber;
        else if (acks != LogAcks.Durable)
            history.MayBeStored = true;
        else
            Acked(payload, history, owner, offset);
    }

    /// <summary>An owner serves from now on.</summary>
    public OwnerHistory Opened(string name, LogState state)
    {
        var owner = new OwnerHistory(name, state);
        foreach (var other in _owners)
        {
            if (other.Epoch == owner.Epoch)
                Report("manifest", $"{other.Name} and {name} both serve in epoch {owner.Epoch}");
            CompareEnds(other, owner);
        }

        _owners.Add(owner);
        CheckBounds(owner, state.LogStartOffset, state.HighWatermark, default);
        return owner;
    }

    /// <summary>An owner told its bounds, in answer to something asked when it had told others.</summary>
    public void CheckBounds(OwnerHistory owner, long logStart, long highWatermark, (long LogStart, long HighWatermark) before)
    {
        if (highWatermark < before.HighWatermark)
            Report("watermark", $"{owner.Name} went back from {before.HighWatermark} to {highWatermark}");
        if (logStart < before.LogStart)
            Report("log start", $"{owner.Name} went back from {before.LogStart} to {logStart}");
        if (logStart > highWatermark)
            Report("log start", $"{owner.Name} has log start {logStart} above its high watermark {highWatermark}");
        if (!deletesByRetention && logStart > _deleteAskedMax)
            Report("log start", $"{owner.Name} has log start {logStart}; deletion was asked up to {_deleteAskedMax} only");
        owner.Raise(logStart, highWatermark);
        foreach (var other in _owners)
            CompareEnds(owner, other);
    }

    /// <summary>A fetch was answered.</summary>
    public void Fetched(OwnerHistory owner, long offset, LogFetchResult result, (long LogStart, long HighWatermark) before)
    {
        CheckBounds(owner, result.LogStartOffset, result.HighWatermark, before);
        if (result.Error is { } error)
        {
            var isOutside = offset < result.LogStartOffset || offset > before.HighWatermark;
            if (error.Code == StreamErrorCode.OffsetOutOfRange && (offset < 0 || !isOutside))
                Report("log start", $"{owner.Name} refused offset {offset} within {result.LogStartOffset}..{result.HighWatermark}");
            return;
        }

        if (offset >= 0 && result.Offset != offset)
            Report("contiguity", $"{owner.Name} resolved offset {offset} to {result.Offset}");
        if (SimulatedBatch.DecodeAll(result.Batches.Span) is { } batches)
            CheckFetch(owner, result, batches);
        else
            Report("contiguity", $"{owner.Name} returned bytes from {result.Offset} that are not whole batches");
    }

    /// <summary>A search by time was answered; it is judged once the whole log is known.</summary>
    public void Found(long timestamp, LogFindResult result, (long LogStart, long HighWatermark) before)
    {
        if (result.Error is null)
            _searches.Add(new Search(timestamp, result, before));
    }

    /// <summary>Deletion of all records below an offset was asked for.</summary>
    public void DeleteAsked(long beforeOffset) => _deleteAskedMax = Math.Max(_deleteAskedMax, beforeOffset);

    /// <summary>Deletion of all records below an offset was confirmed.</summary>
    public void DeleteDone(OwnerHistory owner, long beforeOffset)
    {
        _deleteDoneMax = Math.Max(_deleteDoneMax, beforeOffset);
        owner.Raise(Math.Max(owner.LogStart, beforeOffset), owner.HighWatermark);
        foreach (var other in _owners)
            CompareEnds(owner, other);
    }

    /// <summary>Judges the round by the whole log as it is at its end.</summary>
    public void Finish(IReadOnlyList<SimulatedBatch> log, long logStart, long highWatermark)
    {
        var final = new FinalLog(findings, log, logStart, highWatermark, appendsMayTear);
        final.CheckChain();
        final.CheckPayloads(_payloads);
        final.CheckSeen(_seen);
        final.CheckSequences();
        final.CheckOrder(_payloads);
        foreach (var search in _searches)
            final.CheckSearch(search);
        if (logStart < _deleteDoneMax)
            Report("log start", $"the log starts at {logStart}; records below {_deleteDoneMax} were deleted");
    }

    private void CheckFetch(OwnerHistory owner, LogFetchResult result, List<SimulatedBatch> batches)
    {
        if (batches.Count == 0 && result.Offset < result.HighWatermark)
            Report("watermark", $"{owner.Name} returned nothing at {result.Offset} below its high watermark {result.HighWatermark}");
        var next = batches.Count > 0 && batches[0].BaseOffset <= result.Offset && batches[0].NextOffset > result.Offset
            ? batches[0].BaseOffset
            : result.Offset;
        foreach (var batch in batches)
        {
            if (batch.IsFence)
                Report("fence", $"{owner.Name} returned a fence at {batch.BaseOffset}");
            else if (batch.BaseOffset != next)
                Report("contiguity", $"{owner.Name} returned {batch.BaseOffset} where {next} follows");
            next = batch.NextOffset;
            if (next > result.HighWatermark)
                Report("watermark", $"{owner.Name} returned {batch.BaseOffset} above its high watermark {result.HighWatermark}");
            See(batch);
        }
    }

    private void See(SimulatedBatch batch)
    {
        if (!_seen.TryAdd(batch.BaseOffset, batch) && _seen[batch.BaseOffset].Payload != batch.Payload)
        {
            Report(
                "ack", $"offset {batch.BaseOffset} held payload {_seen[batch.BaseOffset].Payload}, and now {batch.Payload}");
        }
    }

    private void Acked(long payload, PayloadHistory history, OwnerHistory owner, long offset)
    {
        if (history.AckedOffset >= 0 && history.AckedOffset != offset)
            Report("ack", $"payload {payload} was acknowledged at {history.AckedOffset} and at {offset}");
        if (history.AckedOffset < 0)
            AckedCount++;
        history.AckedOffset = offset;
        owner.AckedEnd = Math.Max(owner.AckedEnd, offset + history.Count);
        foreach (var other in _owners)
            CompareEnds(owner, other);
    }

    // Whatever an owner called durable, each later one must have found when it opened.
    private void CompareEnds(OwnerHistory one, OwnerHistory other)
    {
        var (older, newer) = one.Epoch < other.Epoch ? (one, other) : (other, one);
        if (older.Epoch < newer.Epoch && Math.Max(older.AckedEnd, older.HighWatermark) is var end && end > newer.OpenedAt)
            Report("watermark", $"{newer.Name} opened at {newer.OpenedAt}, and {older.Name} had come to {end}");
        if (older.Epoch < newer.Epoch && older.LogStart > newer.OpenedLogStart)
            Report("log start", $"{newer.Name} opened at log start {newer.OpenedLogStart}, and {older.Name} had come to {older.LogStart}");
    }

    private void Report(string check, string message) => findings.Report(check, message);
}

/// <summary>What is known of one payload. As long as it has no definite answer but failures it must not be visible.</summary>
internal sealed class PayloadHistory(int count, long request, (long Id, short Epoch)? producer = null)
{
    public (long Id, short Epoch)? Producer => producer;

    public int Count => count;

    public long Request => request;

    public int Pending { get; set; }

    public bool MayBeStored { get; set; }

    public long AckedOffset { get; set; } = -1;

    public bool HasFailed => Pending == 0 && !MayBeStored && AckedOffset < 0;
}

/// <summary>What an owner has told so far.</summary>
internal sealed class OwnerHistory(string name, LogState opened)
{
    public string Name => name;

    public int Epoch => opened.Epoch;

    public long OpenedAt => opened.HighWatermark;

    public long OpenedLogStart => opened.LogStartOffset;

    public long LogStart { get; private set; } = opened.LogStartOffset;

    public long HighWatermark { get; private set; } = opened.HighWatermark;

    public long AckedEnd { get; set; }

    /// <summary>The bounds told so far: an answer to what is asked now must not lie below them.</summary>
    public (long LogStart, long HighWatermark) Bounds => (LogStart, HighWatermark);

    public void Raise(long logStart, long highWatermark) =>
        (LogStart, HighWatermark) = (Math.Max(LogStart, logStart), Math.Max(HighWatermark, highWatermark));
}

/// <summary>A search by time and its answer.</summary>
internal readonly record struct Search(long Timestamp, LogFindResult Result, (long LogStart, long HighWatermark) Before);
