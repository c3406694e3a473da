using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.History;

/// <summary>What a partition holds when all is over, read through the API or from the store's bytes.</summary>
/// <param name="LogStartOffset">The first offset that is kept.</param>
/// <param name="Records">All from there on.</param>
internal sealed record PartitionContent(long LogStartOffset, IReadOnlyList<SeenRecord> Records)
{
    /// <summary>The end of what is durable.</summary>
    public long EndOffset => Records.Count == 0 ? LogStartOffset : Records[^1].Offset + 1;
}

/// <summary>
/// Judges whether a topic's content can explain what its clients saw of it, by the checks that Jepsen makes of Kafka: nothing of the service's
/// inside is asked.
/// </summary>
/// <remarks>
/// A sent record may be in several calls, as when a producer repeats it under its identity: then it is there at most once all the same.
/// A producer's numbers are in order in each partition. One whose records are open must not go on under the same number
/// line unless its repetitions are recognised.
/// </remarks>
/// <param name="calls">The history.</param>
/// <param name="content">The content of each partition.</param>
/// <param name="mayBeStale">
/// True where two owners may serve a partition at once, as in a cluster: the older may still show the older prefix, and may say that nothing
/// is new for as long as its last proof of ownership counts.
/// </param>
internal sealed partial class HistoryJudge(IReadOnlyList<HistoryCall> calls, IReadOnlyList<PartitionContent> content, bool mayBeStale)
{
    private readonly List<string> _findings = [];
    private readonly Dictionary<Sending, SendingHistory> _sendings = [];
    private readonly Dictionary<Sending, Place> _places = [];

    /// <summary>Judges.</summary>
    /// <returns>What is wrong, in words; empty when nothing is.</returns>
    public static IReadOnlyList<string> Judge(
        IReadOnlyList<HistoryCall> calls, IReadOnlyList<PartitionContent> content, bool mayBeStale = false)
    {
        var judge = new HistoryJudge(calls, content, mayBeStale);
        judge.GatherSendings();
        judge.CheckContent();
        judge.CheckOutcomes();
        judge.CheckFetches();
        judge.CheckBounds();
        return judge._findings;
    }

    private void Find(string finding) => _findings.Add(finding);

    private void GatherSendings()
    {
        foreach (var call in calls.OfType<ProduceCall>())
        {
            for (var i = 0; i < call.Records.Count; i++)
            {
                var (id, sent) = call.Records[i];
                if (!_sendings.TryGetValue(id, out var sending))
                    _sendings.Add(id, sending = new SendingHistory(sent, call.Started));
                sending.Started = Math.Min(sending.Started, call.Started);
                sending.MayBeThere |= call.Results[i].Outcome != CallOutcome.Failed;
                if (call.Results[i] is { Outcome: CallOutcome.Ok } acked)
                    Acknowledge(id, sending, acked.Place, call.Ended);
            }
        }
    }

    private void Acknowledge(Sending id, SendingHistory sending, Place place, long ended)
    {
        if (sending.Acked is { } before && before != place)
            Find($"{id} was acknowledged at {before} and at {place}");
        sending.Acked = place;
        sending.Ended = Math.Min(sending.Ended, ended);
    }

    private void CheckContent()
    {
        for (var partition = 0; partition < content.Count; partition++)
        {
            var records = content[partition].Records;
            for (var i = 0; i < records.Count; i++)
            {
                var place = new Place(partition, records[i].Offset);
                if (records[i].Offset != content[partition].LogStartOffset + i)
                    Find($"offsets of {partition} are not dense: {records[i].Offset} where {content[partition].LogStartOffset + i} follows");
                if (!_sendings.TryGetValue(records[i].Id, out var sending))
                    Find($"{place} holds {records[i].Id}, which nobody sent");
                else if (sending.Content != records[i].Content)
                    Find($"{place} holds other bytes than {records[i].Id} was sent with");
                if (!_places.TryAdd(records[i].Id, place))
                    Find($"{records[i].Id} is doubled: at {_places[records[i].Id]} and at {place}");
            }

            CheckOrder(partition, records);
        }
    }

    // Within a partition a producer's records keep its order, and what was acknowledged before another request began stays before it.
    private void CheckOrder(int partition, IReadOnlyList<SeenRecord> records)
    {
        var numbers = new Dictionary<int, long>();
        foreach (var record in records)
        {
            if (numbers.TryGetValue(record.Id.Producer, out var before) && before > record.Id.Number)
                Find($"{record.Id} at {new Place(partition, record.Offset)} is reordered: {before} is before it");
            numbers[record.Id.Producer] = record.Id.Number;
        }

        var firstEnd = long.MaxValue;
        for (var i = records.Count - 1; i >= 0; i--)
        {
            if (!_sendings.TryGetValue(records[i].Id, out var sending))
                continue;
            if (sending.Started > firstEnd)
                Find($"{records[i].Id} at {new Place(partition, records[i].Offset)} is before one that ended before it began");
            firstEnd = Math.Min(firstEnd, sending.Ended);
        }
    }

    private void CheckOutcomes()
    {
        foreach (var (id, sending) in _sendings)
        {
            var isThere = _places.TryGetValue(id, out var place);
            if (sending.Acked is { } acked && !isThere && acked.Offset >= content[acked.Partition].LogStartOffset)
                Find($"{id} is lost: it was acknowledged at {acked}");
            else if (sending.Acked is { } elsewhere && isThere && place != elsewhere)
                Find($"{id} was acknowledged at {elsewhere}, and is at {place}");
            else if (!sending.MayBeThere && isThere)
                Find($"{id} failed for certain, and is at {place}");
        }
    }

    /// <summary>What is known of one record over all calls that it was in.</summary>
    private sealed class SendingHistory(uint content, long started)
    {
        public uint Content => content;

        public long Started { get; set; } = started;

        /// <summary>The first acknowledgement.</summary>
        public long Ended { get; set; } = long.MaxValue;

        public Place? Acked { get; set; }

        public bool MayBeThere { get; set; }
    }
}
