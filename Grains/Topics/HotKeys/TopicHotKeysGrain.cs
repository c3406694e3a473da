using System.Collections.Immutable;
using System.Text;
using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Topics.HotKeys;

/// <summary>Combines the reports of a topic's routers, and sets the topic's hot keys if its settings ask for their detection.</summary>
/// <remarks>
/// A detected key becomes a setting of the topic. So every router spreads the key from the same version of the topic on, and a repeated request goes
/// to the partitions of its first try.
/// </remarks>
[GrainType("topic-heat")]
internal sealed partial class TopicHotKeysGrain(TimeProvider time, RepeatedFailures failures, ILogger<TopicHotKeysGrain> logger)
    : Grain, ITopicHotKeysGrain
{
    private readonly SpaceSaving _keys = new(HotKeyLimits.Counters);
    private double _sentBytes;
    private double _storedBytes;
    private Guid _topicId;
    private int _partitionCount = 1;
    private long _heardAt = time.GetTimestamp();

    /// <inheritdoc/>
    public async Task ReportAsync(HotKeysReport report)
    {
        if (report.TopicId != _topicId)
        {
            _keys.Clear();
            _topicId = report.TopicId;
        }

        _partitionCount = report.PartitionCount;
        Age();
        double counted = 0;
        foreach (var key in report.Keys)
        {
            _keys.Add(key.Key.Span, key.Count, key.Error);
            counted += key.Count;
        }

        _keys.AddOthers(Math.Max(0, report.RecordCount - counted));
        _sentBytes += report.SentBytes;
        _storedBytes += report.StoredBytes;
        if (Hot().Any())
            await SetHotKeysAsync();
    }

    /// <inheritdoc/>
    public Task<HotKeysDescription> DescribeAsync()
    {
        Age();
        return Task.FromResult(new HotKeysDescription(
        [
            .. _keys.Heaviest.Take(HotKeyLimits.ShownKeysMax).Select(key => new HotKey(
                key.Key, KeyPartitioner.Choose(key.Key, _partitionCount), Math.Round(key.WeightMin / Math.Max(_keys.Total, 1), 4))),
        ])
        {
            CompressionRatio = _storedBytes >= 1 ? Math.Round(_sentBytes / _storedBytes, 2) : null,
        });
    }

    private void Age()
    {
        var now = time.GetTimestamp();
        var kept = Math.Exp(-(time.GetElapsedTime(_heardAt, now) / HotKeyLimits.Memory));
        _keys.Scale(kept);
        (_sentBytes, _storedBytes) = (_sentBytes * kept, _storedBytes * kept);
        _heardAt = now;
    }

    private IEnumerable<KeyWeight> Hot() => _keys.Total < HotKeyLimits.RecordsMin || _partitionCount < 2
        ? []
        : _keys.Heaviest.Where(key => key.WeightMin > _keys.Total * Math.Min(HotKeyLimits.HotShares / _partitionCount, 0.9));

    private async Task SetHotKeysAsync()
    {
        try
        {
            var grain = GrainFactory.GetGrain<ITopicGrain>(this.GetPrimaryKeyString());
            if ((await grain.GetAsync()).Topic is not { } topic || topic.Id != _topicId)
                return;
            var config = TopicConfig.From(topic.Config);
            if (!config.DetectsHotKeys)
                return;
            string[] found = [.. Hot().Select(key => key.Key).Where(HotKeyNames.CanName).Select(Encoding.UTF8.GetString)];
            string[] keys = [.. config.HotKeys.Union(found, StringComparer.Ordinal).Take(TopicLimits.HotKeysMax)];
            if (keys.Length == config.HotKeys.Length)
                return;
            LogDetected(topic.Name, keys.Length - config.HotKeys.Length);
            await grain.AlterAsync(new AlterTopicRequest(PartitionCount: null, ImmutableSortedDictionary.CreateRange<string, string?>(
                StringComparer.Ordinal, [new(HotKeyNames.Setting, HotKeyNames.Format(keys))])));
        }
        catch (Exception e) when (LostCalls.IsLost(e))
        {
            // The next report tries again.
            if (failures.IsToTell($"hot keys of topic {this.GetPrimaryKeyString()}", out var count))
                LogNotSet(e, this.GetPrimaryKeyString(), count);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Topic {Topic} has {Count} more hot keys from now on; its setting hot.keys names them")]
    private partial void LogDetected(string topic, int count);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The hot keys of topic {Topic} could not be set just now; failures since this was last said: {Failures}")]
    private partial void LogNotSet(Exception exception, string topic, int failures);
}
