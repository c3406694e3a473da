namespace OrleansStream.Tests.Simulation;

/// <summary>The whole log as it is once every fault is healed, and what must be true of it.</summary>
internal sealed class FinalLog(
    SimulationFindings findings, IReadOnlyList<SimulatedBatch> log, long logStart, long highWatermark,
    bool appendsMayTear)
{
    /// <summary>Offsets are dense from the log start to the high watermark, and leaders' epochs never go back.</summary>
    public void CheckChain()
    {
        var next = log.Count > 0 ? Math.Min(log[0].BaseOffset, logStart) : logStart;
        var epoch = 0;
        foreach (var batch in log)
        {
            if (batch.BaseOffset != next)
                findings.Report("contiguity", $"the log goes on at {batch.BaseOffset} where {next} follows");
            if (batch.LeaderEpoch < epoch)
                findings.Report("fence", $"offset {batch.BaseOffset} is of epoch {batch.LeaderEpoch}, behind epoch {epoch}");
            next = batch.NextOffset;
            epoch = batch.LeaderEpoch;
        }

        if (next != highWatermark)
            findings.Report("contiguity", $"the log ends at {next}, its high watermark is {highWatermark}");
    }

    /// <summary>Acknowledged payloads are there, once, at their offsets; failed ones are not; a request is there in whole.</summary>
    public void CheckPayloads(Dictionary<long, PayloadHistory> payloads)
    {
        var places = new Dictionary<long, long>();
        var requests = new Dictionary<long, long>();
        foreach (var batch in log)
        {
            if (!payloads.TryGetValue(batch.Payload, out var history))
                findings.Report("ack", $"offset {batch.BaseOffset} holds payload {batch.Payload}, which nobody sent");
            else if (history.HasFailed)
                findings.Report("classification", $"payload {batch.Payload} failed for certain, and is at {batch.BaseOffset}");
            else
                requests[history.Request] = batch.BaseOffset;
            if (!places.TryAdd(batch.Payload, batch.BaseOffset))
            {
                findings.Report(
                    "sequences", $"payload {batch.Payload} is at {places[batch.Payload]} and again at {batch.BaseOffset}");
            }
        }

        foreach (var (payload, history) in payloads)
        {
            if (history.AckedOffset >= logStart && places.GetValueOrDefault(payload, -1) is var place && place != history.AckedOffset)
            {
                findings.Report(
                    "ack", $"payload {payload} was acknowledged at {history.AckedOffset}, and is "
                        + (place < 0 ? "lost" : $"at {place}"));
            }

            // A crash may leave the first batches of an append that was never answered.
            if (!appendsMayTear && requests.GetValueOrDefault(history.Request, -1) > logStart + history.Count && !places.ContainsKey(payload))
                findings.Report("one payload", $"request {history.Request} is stored in part: payload {payload} is missing");
        }
    }

    /// <summary>What was ever returned to a reader is there still.</summary>
    public void CheckSeen(SortedDictionary<long, SimulatedBatch> seen)
    {
        var there = log.ToDictionary(batch => batch.BaseOffset, batch => batch.Payload);
        foreach (var (offset, batch) in seen)
        {
            if (batch.NextOffset > logStart && there.GetValueOrDefault(offset, -1) != batch.Payload)
                findings.Report("watermark", $"payload {batch.Payload} was read at {offset}, and is not there any more");
        }
    }

    /// <summary>What a producer sent later stands behind what it sent before, as long as it gave nothing up.</summary>
    public void CheckOrder(Dictionary<long, PayloadHistory> payloads)
    {
        var last = new Dictionary<(long, short), long>();
        foreach (var batch in log)
        {
            if (!payloads.TryGetValue(batch.Payload, out var history) || history.Producer is not { } producer)
                continue;
            if (last.TryGetValue(producer, out var before) && before > batch.Payload)
                findings.Report("order", $"payload {batch.Payload} at {batch.BaseOffset} stands behind payload {before}, which was sent later");
            last[producer] = batch.Payload;
        }
    }

    /// <summary>Each producer's sequences follow each other within an epoch, and its epochs follow each other.</summary>
    public void CheckSequences()
    {
        var producers = new Dictionary<long, (short Epoch, int Next)>();
        foreach (var batch in log)
        {
            if (batch.ProducerId < 0)
                continue;
            var isKnown = producers.TryGetValue(batch.ProducerId, out var state);
            if (isKnown && batch.ProducerEpoch < state.Epoch)
            {
                findings.Report(
                    "sequences", $"producer {batch.ProducerId} is back at epoch {batch.ProducerEpoch} at {batch.BaseOffset}");
            }

            var expected = isKnown && batch.ProducerEpoch == state.Epoch ? state.Next
                : isKnown || logStart == 0 ? 0
                : batch.BaseSequence;
            if (batch.BaseSequence != expected)
            {
                findings.Report(
                    "sequences", $"producer {batch.ProducerId} has sequence {batch.BaseSequence} at {batch.BaseOffset}, not {expected}");
            }

            producers[batch.ProducerId] = (batch.ProducerEpoch, batch.BaseSequence + batch.Count);
        }
    }

    /// <summary>A search by time gave the first record of that time, as far as the log still tells.</summary>
    public void CheckSearch(Search search)
    {
        var from = Math.Max(search.Before.LogStart, logStart);
        foreach (var batch in log)
        {
            for (var i = 0; i < batch.Count; i++)
            {
                var offset = batch.BaseOffset + i;
                if (offset < from || batch.Timestamp + i < search.Timestamp)
                    continue;
                CheckFirst(search, offset, batch.Timestamp + i);
                return;
            }
        }

        if (search.Result.TimestampMs >= 0 && search.Result.Offset >= logStart)
            findings.Report("contiguity", $"time {search.Timestamp} was found at {search.Result.Offset}, and is nowhere");
    }

    // The answer may have come before the record that is first now, and then it is the end as it was.
    private void CheckFirst(Search search, long first, long timestamp)
    {
        var (_, found, foundTimestamp) = search.Result;
        var isFirst = found == first && (foundTimestamp == timestamp || foundTimestamp < 0);
        var wasEnd = foundTimestamp < 0 && found <= first && found >= search.Before.HighWatermark;
        var wasDeleted = found < logStart;
        if (!isFirst && !wasEnd && !wasDeleted)
        {
            findings.Report(
                "contiguity", $"time {search.Timestamp} was found at {found} ({foundTimestamp}), and is at {first} ({timestamp})");
        }
    }
}
