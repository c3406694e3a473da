using OrleansStream.Partitioning;
using OrleansStream.Topics;

namespace OrleansStream.Heat;

/// <summary>What one router sees of its topic's keys until it reports it. Only for use on one grain's scheduler.</summary>
/// <param name="topicName">The topic's name.</param>
/// <param name="grains">Reaches where reports go.</param>
/// <param name="time">The clock.</param>
internal sealed class RouterHeat(string topicName, IGrainFactory grains, TimeProvider time)
{
    private readonly SpaceSaving _keys = new(HeatLimits.Counters);
    private long _reportedAt = time.GetTimestamp();

    /// <summary>Counts a record.</summary>
    /// <param name="key">Its key.</param>
    public void Add(ReadOnlySpan<byte> key)
    {
        if (key.Length <= HeatLimits.KeyBytesMax)
            _keys.Add(key);
        else
            _keys.AddOthers(1);
    }

    /// <summary>Counts records without a key.</summary>
    public void AddKeyless() => _keys.AddOthers(1);

    /// <summary>Reports what was seen, when it is time. It does not wait: what is lost is only a few seconds of counting.</summary>
    /// <param name="topic">The topic.</param>
    public void ReportWhenDue(TopicMetadata topic)
    {
        if (_keys.Total == 0 || time.GetElapsedTime(_reportedAt) < HeatLimits.ReportPeriod)
            return;
        _reportedAt = time.GetTimestamp();
        var report = new HeatReport(
            topic.Id, topic.PartitionCount, _keys.Total,
            [.. _keys.Heaviest.Take(HeatLimits.ReportedKeysMax).Select(key => new HeatReportKey(key.Key, key.Weight, key.Error))]);
        _keys.Clear();
        grains.GetGrain<ITopicHeatGrain>(topicName).ReportAsync(report).Ignore();
    }
}
