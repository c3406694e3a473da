using System.Diagnostics;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.History;

// What readers and observers saw.
internal sealed partial class HistoryJudge
{
    // How long an owner's last proof of ownership counts (the log's OwnershipProofAge), and a second for the way.
    private static readonly long StaleTicks = 6 * Stopwatch.Frequency;

    private void CheckFetches()
    {
        var seen = new Dictionary<Place, SeenRecord>();
        var acks = AcksByPartition();
        foreach (var fetch in calls.OfType<FetchCall>().Where(fetch => fetch.Outcome == CallOutcome.Ok))
        {
            CheckRun(fetch);
            CheckMissed(fetch, acks);
            foreach (var record in fetch.Records)
            {
                var place = new Place(fetch.Partition, record.Offset);
                if (!seen.TryAdd(place, record) && seen[place] != record)
                    Find($"{place} was {seen[place].Id}, then {record.Id} or other bytes");
            }
        }

        foreach (var (place, record) in seen)
        {
            var partition = content[place.Partition];
            if (place.Offset < partition.LogStartOffset)
                continue;
            var index = place.Offset - partition.LogStartOffset;
            if (index >= partition.Records.Count || partition.Records[(int)index] != record)
                Find($"{record.Id} was read at {place}, and is not there any more");
        }
    }

    private void CheckRun(FetchCall fetch)
    {
        var next = fetch.Offset;
        foreach (var record in fetch.Records)
        {
            if (record.Offset != next)
            {
                Find($"{fetch.Client} was given offset {record.Offset} of {fetch.Partition} where {next} follows");
                break;
            }

            next++;
        }

        if (next > fetch.HighWatermark)
            Find($"{fetch.Client} was given offset {next - 1} of {fetch.Partition} above the high watermark {fetch.HighWatermark}");
        if (fetch.NextOffset != next)
            Find($"{fetch.Client} was told to read on at {fetch.NextOffset} of {fetch.Partition} where {next} follows");
    }

    // What was acknowledged before a read began is there for it: an answer without anything is wrong then, waited for or not.
    private void CheckMissed(FetchCall fetch, List<(long Ended, long Offset)>[] acks)
    {
        if (fetch.Records.Count > 0)
            return;
        var before = fetch.Started - (mayBeStale ? StaleTicks : 0);
        var partition = acks[fetch.Partition];
        var count = partition.BinarySearch((before, long.MinValue)) is var found && found < 0 ? ~found : found;
        if (count > 0 && partition[count - 1].Offset >= fetch.Offset)
        {
            Find($"{fetch.Client} was given nothing at {fetch.Offset} of {fetch.Partition}, "
                + $"and {partition[count - 1].Offset} had been acknowledged");
        }
    }

    // Per partition when acknowledgements came, each with the highest offset acknowledged until then.
    private List<(long Ended, long Offset)>[] AcksByPartition()
    {
        var acks = Array.ConvertAll(new int[content.Count], _ => new List<(long Ended, long Offset)>());
        foreach (var sending in _sendings.Values)
        {
            if (sending.Acked is { } place)
                acks[place.Partition].Add((sending.Ended, place.Offset));
        }

        foreach (var partition in acks)
        {
            partition.Sort();
            for (var i = 1; i < partition.Count; i++)
                partition[i] = (partition[i].Ended, Math.Max(partition[i].Offset, partition[i - 1].Offset));
        }

        return acks;
    }

    private void CheckBounds()
    {
        var bounds = calls.OfType<DescribeCall>().Where(call => call.Outcome == CallOutcome.Ok)
            .SelectMany(call => call.Partitions.Select(partition => new Told(call, partition)))
            .Concat(calls.OfType<FetchCall>().Where(call => call.Outcome == CallOutcome.Ok).Select(call => new Told(
                call, new PartitionBounds(call.Partition, call.LogStartOffset, call.HighWatermark, LeaderEpoch: -1, Leader: ""))))
            .ToLookup(told => told.Bounds.Partition);
        for (var partition = 0; partition < content.Count; partition++)
        {
            Told[] told = [.. bounds[partition]];
            CheckEnd(partition, told);
            CheckEpochs(partition, told);
            // Each leader by itself never goes back; one that was replaced may not know, so only of one at a time all answers are in order.
            var lines = mayBeStale ? told.Where(t => t.Bounds.LeaderEpoch >= 0).GroupBy(t => t.Bounds.LeaderEpoch) : told.GroupBy(_ => 0);
            foreach (var line in lines)
                CheckNeverBack(partition, [.. line]);
        }
    }

    private void CheckEnd(int partition, Told[] told)
    {
        if (told.Length == 0)
            return;
        var (highWatermark, logStart) = (told.Max(t => t.Bounds.HighWatermark), told.Max(t => t.Bounds.LogStartOffset));
        if (highWatermark > content[partition].EndOffset)
            Find($"the high watermark of {partition} was {highWatermark}, and the log ends at {content[partition].EndOffset}");
        if (logStart > content[partition].LogStartOffset)
            Find($"the log start of {partition} was {logStart}, and is {content[partition].LogStartOffset}");
    }

    // One owner an epoch; and what an owner had called durable, each later one has found.
    private void CheckEpochs(int partition, Told[] told)
    {
        var highWatermark = 0L;
        foreach (var epoch in told.Where(t => t.Bounds.LeaderEpoch >= 0).GroupBy(t => t.Bounds.LeaderEpoch).OrderBy(epoch => epoch.Key))
        {
            if (epoch.Select(t => t.Bounds.Leader).Distinct(StringComparer.Ordinal).Count() > 1)
                Find($"{partition} has two leaders in epoch {epoch.Key}: {string.Join(" and ", epoch.Select(t => t.Bounds.Leader).Distinct())}");
            var least = epoch.Min(t => t.Bounds.HighWatermark);
            if (least < highWatermark)
                Find($"the high watermark of {partition} went back from {highWatermark} to {least} in epoch {epoch.Key}");
            highWatermark = Math.Max(highWatermark, epoch.Max(t => t.Bounds.HighWatermark));
        }
    }

    // An answer to what was asked when another answer was there already does not lie below it.
    private void CheckNeverBack(int partition, Told[] told)
    {
        Told[] byEnd = [.. told.OrderBy(t => t.Call.Ended)];
        var (ended, highWatermark, logStart) = (0, 0L, 0L);
        foreach (var later in told.OrderBy(t => t.Call.Started))
        {
            for (; byEnd[ended].Call.Ended < later.Call.Started; ended++)
            {
                highWatermark = Math.Max(highWatermark, byEnd[ended].Bounds.HighWatermark);
                logStart = Math.Max(logStart, byEnd[ended].Bounds.LogStartOffset);
            }

            if (later.Bounds.HighWatermark < highWatermark)
                Find($"the high watermark of {partition} went back from {highWatermark} to {later.Bounds.HighWatermark}");
            if (later.Bounds.LogStartOffset < logStart)
                Find($"the log start of {partition} went back from {logStart} to {later.Bounds.LogStartOffset}");
        }
    }

    private readonly record struct Told(HistoryCall Call, PartitionBounds Bounds);
}
