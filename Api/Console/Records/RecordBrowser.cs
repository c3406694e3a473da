using System.Globalization;
using OrleansStream.Contracts;
using OrleansStream.WebConsole.Calls;

namespace OrleansStream.WebConsole.Records;

/// <summary>Reads the records of some partitions in the order of their times, page by page: the newest first, or from a place on.</summary>
/// <remarks>
/// Within a partition records come in the order of their offsets, whatever their times. It reads by offset and not as a consumer, so it disturbs no
/// group, and an empty partition costs no waiting.
/// </remarks>
/// <param name="api">The service.</param>
/// <param name="topic">The topic.</param>
/// <param name="isNewestFirst">True from the end backwards; false from the start on.</param>
public sealed class RecordBrowser(StreamApi api, string topic, bool isNewestFirst)
{
    /// <summary>The most records that one page looks at, before it asks whether to search on.</summary>
    public const int ScannedMax = 20_000;

    /// <summary>The partitions that are asked at once.</summary>
    public const int AskedAtOnce = 6;

    private const int FetchRecords = 500;
    private const int FewestRecords = 10;
    private const int FetchBytes = 256 * 1024;

    private readonly List<Lane> _lanes = [];

    /// <summary>The records that were looked at.</summary>
    public long Scanned { get; private set; }

    /// <summary>The records that there are to look at, since it was opened.</summary>
    public long Total { get; private set; }

    /// <summary>True when all were looked at.</summary>
    public bool IsAtEnd => _lanes.All(lane => lane.IsAtEnd);

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
            var end = one.HighWatermark ?? 0;
            _lanes.Add(new Lane(one.Partition, Math.Min(start, end), end));
        }

        if (time is { } from)
            await ForEachAsync(_lanes, lane => SeekAsync(lane, from, cancellationToken), cancellationToken);
        Total = _lanes.Sum(lane => lane.End - lane.Start);
    }

    /// <summary>Reads the next records that a filter takes.</summary>
    /// <param name="count">How many.</param>
    /// <param name="filter">The filter.</param>
    /// <param name="progress">Told whenever more was read.</param>
    /// <param name="cancellationToken">Ends it; what was found so far is lost.</param>
    /// <returns>The records; fewer than asked at the end, or after <see cref="ScannedMax"/> were looked at.</returns>
    /// <exception cref="ApiException">The service refused.</exception>
    public async Task<IReadOnlyList<BrowsedRecord>> ReadAsync(int count, RecordFilter filter, Action progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentNullException.ThrowIfNull(progress);
        var found = new List<BrowsedRecord>();
        var until = Scanned + ScannedMax;
        while (found.Count < count && Scanned < until)
        {
            Lane[] empty = [.. _lanes.Where(lane => lane is { Records.Count: 0, IsAtEnd: false })];
            if (empty.Length > 0)
            {
                var share = filter.IsEmpty ? Math.Max(FewestRecords, count / Math.Max(1, _lanes.Count)) : FetchRecords;
                await ForEachAsync(empty, lane => FillAsync(lane, share, cancellationToken), cancellationToken);
                progress();
                continue;
            }

            var next = _lanes.Where(lane => lane.Records.Count > 0)
                .Aggregate((Lane?)null, (best, lane) => best is null || IsBefore(lane.Records.Peek(), best.Records.Peek()) ? lane : best);
            if (next is null)
                break;
            var record = next.Records.Dequeue();
            Scanned += record.NextOffset - record.Offset;
            if (filter.IsEmpty || filter.Takes(record))
                found.Add(record);
        }

        return found;
    }

    private bool IsBefore(BrowsedRecord one, BrowsedRecord other) => isNewestFirst ? one.Timestamp > other.Timestamp : one.Timestamp < other.Timestamp;

    private async Task SeekAsync(Lane lane, DateTimeOffset time, CancellationToken cancellationToken)
    {
        var text = time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fff", CultureInfo.InvariantCulture) + "Z";
        using var answer = await api.ReadAsync(
            $"topics/{Text.Escape(topic)}/partitions/{lane.Partition}/records?limit=1&timestamp={Text.Escape(text)}", cancellationToken);
        var first = BrowsedRecord.ReadAll(answer.RootElement);
        lane.Start = lane.Next = first.Count > 0 ? first[0].Offset : lane.End;
    }

    // Backwards, a stretch may come in several answers, as each has a bound in bytes; the stretch is whole before any of it is shown.
    private async Task FillAsync(Lane lane, int share, CancellationToken cancellationToken)
    {
        var from = isNewestFirst ? Math.Max(lane.Start, lane.Last - share) : lane.Next;
        var end = isNewestFirst ? lane.Last : Math.Min(lane.End, lane.Next + share);
        var records = new List<BrowsedRecord>();
        for (var next = from; next < end;)
        {
            using var answer = await api.ReadAsync(
                $"topics/{Text.Escape(topic)}/partitions/{lane.Partition}/records?offset={next}&limit={end - next}&max_bytes={FetchBytes}", cancellationToken);
            records.AddRange(BrowsedRecord.ReadAll(answer.RootElement).Where(record => record.Offset < end));
            var after = answer.RootElement.GetProperty("next_offset").GetInt64();
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

    private static Task ForEachAsync(IReadOnlyList<Lane> lanes, Func<Lane, Task> work, CancellationToken cancellationToken) => Parallel.ForEachAsync(
        lanes, new ParallelOptions { MaxDegreeOfParallelism = AskedAtOnce, CancellationToken = cancellationToken }, async (lane, _) => await work(lane));

    /// <summary>A partition, and how far it was read.</summary>
    private sealed class Lane(int partition, long start, long end)
    {
        public int Partition { get; } = partition;

        public long Start { get; set; } = start;

        public long End { get; } = end;

        /// <summary>Where to read on.</summary>
        public long Next { get; set; } = start;

        /// <summary>Where to read on backwards: the offset after the last that is still to be read.</summary>
        public long Last { get; set; } = end;

        /// <summary>What was read, and not looked at yet.</summary>
        public Queue<BrowsedRecord> Records { get; } = new();

        // One of the two ways is never gone.
        public bool IsAtEnd => Records.Count == 0 && (Next >= End || Last <= Start);
    }
}
