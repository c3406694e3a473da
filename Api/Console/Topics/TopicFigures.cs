using OrleansStream.Contracts;
using OrleansStream.WebConsole.Calls;

namespace OrleansStream.WebConsole.Topics;

/// <summary>What a topic holds, added up over its partitions.</summary>
/// <param name="Partitions">The count of its partitions.</param>
/// <param name="Records">The records that can be read.</param>
/// <param name="SizeBytes">The bytes of its segments.</param>
/// <param name="InPerSecond">Records appended a second, over the last minute; null when the user may not see it.</param>
/// <param name="Unavailable">The partitions whose state could not be had.</param>
public sealed record TopicFigures(int Partitions, long Records, long SizeBytes, double? InPerSecond, int Unavailable)
{
    /// <summary>Asks for the figures of a topic.</summary>
    /// <param name="api">Calls the service on behalf of whoever has signed in.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="withRates">True to ask for rates, which needs the right to read.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="ApiException">The service refused.</exception>
    public static async Task<TopicFigures> ReadAsync(StreamApi api, string topic, bool withRates, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(api);
        var path = $"topics/{Text.Escape(topic)}";
        var partitions = await api.GetAsync($"{path}/partitions", ApiJsonContext.Api.PartitionListAnswer, cancellationToken);
        var load = withRates ? await api.GetAsync($"{path}/load", ApiJsonContext.Api.TopicLoadAnswer, cancellationToken) : null;
        return new TopicFigures(
            partitions.Partitions.Count, partitions.Partitions.Sum(one => one.HighWatermark - one.LogStartOffset ?? 0), partitions.SizeBytes,
            load?.Partitions.Sum(one => one.In?.RecordsPerSecond1m ?? 0), partitions.Partitions.Count(one => one.Error is not null));
    }
}
