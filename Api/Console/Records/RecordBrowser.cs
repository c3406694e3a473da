using System.Globalization;
using System.Text.Json;
using OrleansStream.Contracts;
using OrleansStream.WebConsole.Calls;

namespace OrleansStream.WebConsole.Records;

/// <summary>Reads the records of some partitions in the order of their times, page by page: the newest first, or from a place on.</summary>
/// <remarks>
/// Within a partition records come in the order of their offsets, whatever their times. It reads by offset and not as a consumer, so it disturbs no
/// group, and an empty partition costs no waiting. With a filter the service looks at the records, and a page has what was found when it ended. Of
/// very many partitions it reads <see cref="BrowsingLimits.PartitionsTogether"/> to their ends, and then as many others: to merge all would ask each
/// before anything is shown.
/// </remarks>
/// <param name="api">Calls the service on behalf of whoever has signed in.</param>
/// <param name="topic">The topic's name.</param>
/// <param name="isNewestFirst">True from the end backwards; false from the start on.</param>
/// <param name="filter">Chooses records.</param>
public sealed class RecordBrowser(StreamApi api, string topic, bool isNewestFirst, RecordFilter filter)
{
    private const int SearchedRecords = 10_000;
    private const int FewestRecords = 10;
    private const int FetchBytes = 256 * 1024;
    private const int SearchedBytes = 2 * 1024 * 1024;

    // Those that have records.
    private readonly List<Lane> _lanes = [];
    private int _first;

    /// <summary>The records that were looked at.</summary>
    public long Scanned { get; private set; }

    /// <summary>The records that there are to look at, since it was opened.</summary>
    public long Total { get; private set; }

    /// <summary>The partitions that have records.</summary>
    public int Partitions => _lanes.Count;

    /// <summary>True when all were looked at.</summary>
    public bool IsAtEnd => _lanes.Skip(_first).All(lane => lane.IsAtEnd);

    /// <summary>The partitions that cannot be read now, and why.</summary>
    public List<string> Unavailable { get; } = [];

    /// <summary>Finds out where the partitions begin and end.</summary>
    /// <param name="partition">Only this one; null for all.</param>
    /// <param name="offset">Where to begin in it; null for its start.</param>
    /// <param name="time">The time at which to begin in each; null for the start.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ApiException">The service refused.</exception>
    public async Task OpenAsync(int? partition, long? offset, DateTimeOffset? time, CancellationToken cancellationToken)
    {
        var answer = await api.GetAsync($"topics/{Text.Escape(topic)}/partitions", ApiJsonContext.Api.PartitionListAnswer, cancellationToken);
        Unavailable.AddRange(answer.Partitions.Where(one => one.Error is not null).Select(one => $"Partition {one.Partition}: {one.Error!.Detail}"));
        var wanted = answer.Partitions.Where(one => one.Error is null && (partition is null || one.Partition == partition)).ToList();
        foreach (var one in wanted)
        {
            var start = Math.Max(offset ?? 0, one.LogStartOffset ?? 0);
            if (one.HighWatermark is { } end && start < end)
                _lanes.Add(new Lane(one.Partition, start, end) { Time = time });
        }

        Total = _lanes.Sum(lane => lane.End - lane.Start);
    }

    /// <summary>Reads the next records.</summary>
    /// <param name="count">How many of them.</param>
    /// <param name="progress">Told whenever more was read.</param>
    /// <param name="cancellationToken">Ends it; what was found and not given yet comes with the next page.</param>
    /// <returns>The records; fewer than asked at the end, or after <see cref="BrowsingLimits.ScannedMax"/> were looked at.</returns>
    /// <exception cref="ApiException">The service refused.</exception>
    public async Task<IReadOnlyList<BrowsedRecord>> ReadAsync(int count, Action progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(progress);
        var found = new List<BrowsedRecord>();
        var until = Scanned + BrowsingLimits.ScannedMax;
        while (found.Count < count)
        {
            var lanes = _lanes.GetRange(_first, Math.Min(BrowsingLimits.PartitionsTogether, _lanes.Count - _first));
            await ForEachAsync(lanes.FindAll(lane => lane.Time is not null), lane => SeekAsync(lane, cancellationToken), cancellationToken);
            var empty = lanes.FindAll(lane => lane is { Records.Count: 0, IsAtEnd: false });
            if (empty.Count > 0 && Scanned < until)
            {
                var share = filter.IsEmpty ? Math.Max(FewestRecords, count / lanes.Count) : SearchedRecords;
                await ForEachAsync(empty, lane => FillAsync(lane, share, cancellationToken), cancellationToken);
                progress();
                continue;
            }

            // A search that has looked at enough shows what it has found, also where another partition might still have a newer one.
            var next = lanes.Where(lane => lane.Records.Count > 0)
                .Aggregate((Lane?)null, (best, lane) => best is null || IsBefore(lane.Records.Peek(), best.Records.Peek()) ? lane : best);
            if (next is not null)
                found.Add(next.Records.Dequeue());
            else if (empty.Count == 0 && _first + lanes.Count < _lanes.Count)
                _first += lanes.Count;
            else
                break;
        }

        return found;
    }

    private bool IsBefore(BrowsedRecord one, BrowsedRecord other) =>
        isNewestFirst ? one.Timestamp > other.Timestamp : one.Timestamp < other.Timestamp;

    private async Task SeekAsync(Lane lane, CancellationToken cancellationToken)
    {
        var text = lane.Time!.Value.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fff", CultureInfo.InvariantCulture) + "Z";
        using var answer = await api.ReadAsync(
            $"topics/{Text.Escape(topic)}/partitions/{lane.Partition}/records?limit=1&timestamp={Text.Escape(text)}", cancellationToken);
        var first = BrowsedRecord.ReadAll(answer.RootElement);
        var place = first.Count > 0 ? first[0].Offset : lane.End;
        Total -= place - lane.Start;
        lane.Start = lane.Next = place;
        lane.Time = null;
    }

    // Backwards, a stretch may come in several answers, as each has a bound in bytes; the stretch is whole before any of it is shown.
    private async Task FillAsync(Lane lane, int share, CancellationToken cancellationToken)
    {
        var from = isNewestFirst ? Math.Max(lane.Start, lane.Last - share) : lane.Next;
        var end = isNewestFirst ? lane.Last : Math.Min(lane.End, lane.Next + share);
        var records = new List<BrowsedRecord>();
        for (var next = from; next < end;)
        {
            using var answer = await FetchAsync(lane.Partition, next, end, cancellationToken);
            records.AddRange(BrowsedRecord.ReadAll(answer.RootElement).Where(record => record.Offset < end));
            var after = Math.Min(end, answer.RootElement.GetProperty("next_offset").GetInt64());
            Scanned += Math.Max(0, after - next);
            if (after <= next)
                break;
            next = after;
            if (!isNewestFirst)
            {
                end = next;
                break;
            }
        }

        if (isNewestFirst)
        {
            records.Reverse();
            lane.Last = from;
        }
        else
        {
            lane.Next = end;
        }

        foreach (var record in records)
            lane.Records.Enqueue(record);
    }

    private Task<JsonDocument> FetchAsync(int partition, long from, long end, CancellationToken cancellationToken) => api.ReadAsync(
        $"topics/{Text.Escape(topic)}/partitions/{partition}/records?offset={from}&before={end}&limit={end - from}&max_bytes={(filter.IsEmpty ? FetchBytes : SearchedBytes)}{filter.Query}",
        cancellationToken);

    private static Task ForEachAsync(IReadOnlyList<Lane> lanes, Func<Lane, Task> work, CancellationToken cancellationToken) => Parallel.ForEachAsync(
        lanes, new ParallelOptions { MaxDegreeOfParallelism = BrowsingLimits.AskedAtOnce, CancellationToken = cancellationToken },
        async (lane, _) => await work(lane));

    /// <summary>A partition, and how far it was read.</summary>
    private sealed class Lane(int partition, long start, long end)
    {
        public int Partition { get; } = partition;

        public long Start { get; set; } = start;

        /// <summary>The time at which its records begin, until its place was found; null for all of them.</summary>
        public DateTimeOffset? Time { get; set; }

        public long End { get; } = end;

        /// <summary>Where to read on.</summary>
        public long Next { get; set; } = start;

        /// <summary>Where to read on backwards: the offset after the last that is still to be read.</summary>
        public long Last { get; set; } = end;

        /// <summary>What was read, and not given yet.</summary>
        public Queue<BrowsedRecord> Records { get; } = new();

        // One of the two ways is never gone.
        public bool IsAtEnd => Records.Count == 0 && (Next >= End || Last <= Start);
    }
}
