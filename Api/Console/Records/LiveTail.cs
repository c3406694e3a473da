using OrleansStream.Contracts;
using OrleansStream.WebConsole.Calls;

namespace OrleansStream.WebConsole.Records;

/// <summary>
/// Follows a topic live, and shows as many of its records as a person can see: of a fast topic it takes samples, and counts the rest.
/// </summary>
/// <remarks>
/// Each round asks where the partitions end, and reads the newest few of what has come. So a round costs the same, however fast the topic is.
/// </remarks>
/// <param name="api">Calls the service on behalf of whoever has signed in.</param>
/// <param name="topic">The topic's name.</param>
/// <param name="partition">Only this partition; null for all.</param>
/// <param name="filter">Chooses records among those that are read.</param>
/// <param name="time">Measures the rate at which records come.</param>
public sealed class LiveTail(StreamApi api, string topic, int? partition, RecordFilter filter, TimeProvider time)
{
    private const int FetchBytes = 128 * 1024;

    private readonly Dictionary<int, long> _ends = [];
    private long _lastRound;
    private int _turn;

    /// <summary>The records that have come since it was opened.</summary>
    public long Arrived { get; private set; }

    /// <summary>The records of these that were read; the filter chose among them.</summary>
    public long Read { get; private set; }

    /// <summary>The records that came a second, in the last round.</summary>
    public double PerSecond { get; private set; }

    /// <summary>The topic's ends, by partition.</summary>
    public IReadOnlyDictionary<int, long> Ends => _ends;

    /// <summary>Runs rounds until it is ended. While the service does not answer, or says that it will later, it tries on.</summary>
    /// <param name="show">Takes what has come, the newest first.</param>
    /// <param name="tell">Told after each round what keeps it from going on; null for nothing.</param>
    /// <param name="ended">Ends it.</param>
    /// <exception cref="ApiException">The service refused for good.</exception>
    /// <exception cref="OperationCanceledException">It was ended.</exception>
    public async Task FollowAsync(Action<IReadOnlyList<BrowsedRecord>> show, Action<ApiException?> tell, CancellationToken ended)
    {
        ArgumentNullException.ThrowIfNull(show);
        ArgumentNullException.ThrowIfNull(tell);
        while (true)
        {
            try
            {
                show(await RunAsync(ended));
                tell(null);
            }
            catch (ApiException exception) when (exception.IsPassing)
            {
                tell(exception);
            }

            await Task.Delay(BrowsingLimits.RoundPeriod, time, ended);
        }
    }

    /// <summary>Runs one round. The first finds out where the partitions end, and reads nothing.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The newest of what has come, the newest first.</returns>
    /// <exception cref="ApiException">The service refused.</exception>
    public async Task<IReadOnlyList<BrowsedRecord>> RunAsync(CancellationToken cancellationToken)
    {
        var answer = await api.GetAsync($"topics/{Text.Escape(topic)}/partitions", ApiJsonContext.Api.PartitionListAnswer, cancellationToken);
        var isFirst = _ends.Count == 0;
        var came = new List<(int Partition, long From, long End)>();
        foreach (var one in answer.Partitions.Where(one => one.HighWatermark is not null && (partition is null || one.Partition == partition)))
        {
            // A topic that was made anew under the name begins at 0 again.
            var known = _ends.GetValueOrDefault(one.Partition, isFirst ? one.HighWatermark!.Value : 0);
            if (one.HighWatermark > known)
                came.Add((one.Partition, Math.Max(known, one.LogStartOffset ?? 0), one.HighWatermark.Value));
            _ends[one.Partition] = one.HighWatermark!.Value;
        }

        var arrived = came.Sum(one => one.End - one.From);
        PerSecond = isFirst ? 0 : arrived / Math.Max(0.001, time.GetElapsedTime(_lastRound).TotalSeconds);
        _lastRound = time.GetTimestamp();
        Arrived += arrived;
        if (came.Count == 0)
            return [];
        // Of many partitions each round reads others.
        var chosen = came.Skip(_turn++ * BrowsingLimits.RoundPartitionsMax % came.Count).Take(BrowsingLimits.RoundPartitionsMax).ToList();
        var share = BrowsingLimits.RoundRecordsMax / chosen.Count;
        var read = new List<BrowsedRecord>();
        await Parallel.ForEachAsync(
            chosen, new ParallelOptions { MaxDegreeOfParallelism = BrowsingLimits.AskedAtOnce, CancellationToken = cancellationToken },
            async (one, cancelled) =>
            {
                var from = Math.Max(one.From, one.End - share);
                using var records = await api.ReadAsync(
                    $"topics/{Text.Escape(topic)}/partitions/{one.Partition}/records?offset={from}&before={one.End}&limit={one.End - from}&max_bytes={FetchBytes}{filter.Query}", cancelled);
                lock (read)
                {
                    read.AddRange(BrowsedRecord.ReadAll(records.RootElement));
                    Read += records.RootElement.GetProperty("next_offset").GetInt64() - from;
                }
            });
        return [.. read.OrderByDescending(record => record.Timestamp).ThenByDescending(record => record.Offset)];
    }
}
