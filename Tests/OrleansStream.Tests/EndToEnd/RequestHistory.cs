namespace OrleansStream.Tests.EndToEnd;

/// <summary>A record's identity: which producer sent it, as which of its own. A producer's numbers grow.</summary>
internal readonly record struct Sending(int Producer, long Number);

/// <summary>How a request ended for a record.</summary>
internal enum SendingOutcome
{
    /// <summary>No answer, or one that says so: it may be stored once, or never.</summary>
    Unknown,

    /// <summary>Stored, says the service.</summary>
    Acked,

    /// <summary>Not stored, says the service; or the request never reached it.</summary>
    Failed,
}

/// <summary>What is known of one record that was sent.</summary>
/// <param name="Request">The request that it was in.</param>
/// <param name="Started">When that began; any clock that never goes back.</param>
internal sealed record SendingHistory(long Request, long Started)
{
    public SendingOutcome Outcome { get; set; }

    public Place Place { get; set; }

    public long Ended { get; set; } = long.MaxValue;
}

/// <summary>
/// What clients saw of a topic over its crashes, and the judgement whether a log can explain it. Safe to use by many clients.
/// </summary>
internal sealed class RequestHistory
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Sending, SendingHistory> _sendings = [];
    private readonly Dictionary<Place, Sending> _seen = [];
    private readonly Dictionary<int, long> _watermarks = [];
    private readonly List<string> _findings = [];

    /// <summary>How many records ended so.</summary>
    public int Count(SendingOutcome outcome)
    {
        lock (_lock)
            return _sendings.Values.Count(sending => sending.Outcome == outcome);
    }

    /// <summary>A record is about to be sent. Until it is told otherwise its outcome is unknown.</summary>
    public void Sent(Sending id, long request, long started)
    {
        lock (_lock)
            _sendings.Add(id, new SendingHistory(request, started));
    }

    /// <summary>A record's outcome was answered.</summary>
    public void Answered(Sending id, SendingOutcome outcome, Place place, long ended)
    {
        lock (_lock)
        {
            var sending = _sendings[id];
            (sending.Outcome, sending.Place) = (outcome, place);
            if (outcome == SendingOutcome.Acked)
                sending.Ended = ended;
        }
    }

    /// <summary>A reader was given a record.</summary>
    public void Seen(Place place, Sending id)
    {
        lock (_lock)
        {
            if (!_seen.TryAdd(place, id) && _seen[place] != id)
                _findings.Add($"{place} was {_seen[place]}, then {id}");
        }
    }

    /// <summary>The one observer of a partition's high watermark was given it.</summary>
    public void WatermarkSeen(int partition, long highWatermark)
    {
        lock (_lock)
        {
            if (highWatermark < _watermarks.GetValueOrDefault(partition))
                _findings.Add($"the high watermark of {partition} went back from {_watermarks[partition]} to {highWatermark}");
            _watermarks[partition] = highWatermark;
        }
    }

    /// <summary>Judges the history by the whole log.</summary>
    /// <param name="log">Per partition its records from offset 0 on.</param>
    /// <returns>What is wrong, in words; empty when nothing is.</returns>
    public IReadOnlyList<string> Check(IReadOnlyList<IReadOnlyList<(long Offset, Sending Id)>> log)
    {
        lock (_lock)
        {
            var findings = new List<string>(_findings);
            var places = new Dictionary<Sending, Place>();
            for (var partition = 0; partition < log.Count; partition++)
            {
                CheckOffsets(partition, log[partition], findings);
                CheckOrder(partition, log[partition], findings);
                foreach (var (offset, id) in log[partition])
                {
                    if (!_sendings.ContainsKey(id))
                        findings.Add($"{new Place(partition, offset)} holds {id}, which nobody sent");
                    if (!places.TryAdd(id, new Place(partition, offset)))
                        findings.Add($"{id} is doubled: at {places[id]} and at {new Place(partition, offset)}");
                }
            }

            CheckOutcomes(places, findings);
            CheckReads(places, findings);
            return findings;
        }
    }

    private void CheckOffsets(int partition, IReadOnlyList<(long Offset, Sending Id)> records, List<string> findings)
    {
        for (var i = 0; i < records.Count; i++)
        {
            if (records[i].Offset != i)
            {
                findings.Add($"offsets of {partition} are not dense: {records[i].Offset} where {i} follows");
                break;
            }
        }

        if (_watermarks.GetValueOrDefault(partition) > records.Count)
            findings.Add($"the high watermark of {partition} was {_watermarks[partition]}, and {records.Count} records are left");
    }

    // Within a partition a producer's records keep its order, and what was acknowledged before another request began stays before it.
    private void CheckOrder(int partition, IReadOnlyList<(long Offset, Sending Id)> records, List<string> findings)
    {
        var numbers = new Dictionary<int, long>();
        foreach (var (offset, id) in records)
        {
            if (numbers.TryGetValue(id.Producer, out var before) && before >= id.Number)
                findings.Add($"{id} at {new Place(partition, offset)} is reordered: {before} is before it");
            numbers[id.Producer] = id.Number;
        }

        var firstEnd = long.MaxValue;
        for (var i = records.Count - 1; i >= 0; i--)
        {
            if (!_sendings.TryGetValue(records[i].Id, out var sending))
                continue;
            if (sending.Started > firstEnd)
                findings.Add($"{records[i].Id} at {new Place(partition, records[i].Offset)} is before one that ended before it began");
            firstEnd = Math.Min(firstEnd, sending.Ended);
        }
    }

    private void CheckOutcomes(Dictionary<Sending, Place> places, List<string> findings)
    {
        foreach (var (id, sending) in _sendings)
        {
            var isThere = places.TryGetValue(id, out var place);
            if (sending.Outcome == SendingOutcome.Acked && !isThere)
                findings.Add($"{id} is lost: it was acknowledged at {sending.Place}");
            else if (sending.Outcome == SendingOutcome.Acked && place != sending.Place)
                findings.Add($"{id} was acknowledged at {sending.Place}, and is at {place}");
            else if (sending.Outcome == SendingOutcome.Failed && isThere)
                findings.Add($"{id} failed for certain, and is at {place}");
        }
    }

    private void CheckReads(Dictionary<Sending, Place> places, List<string> findings)
    {
        foreach (var (place, id) in _seen)
        {
            if (!places.TryGetValue(id, out var now) || now != place)
                findings.Add($"{id} was read at {place}, and is not there any more");
        }
    }
}
