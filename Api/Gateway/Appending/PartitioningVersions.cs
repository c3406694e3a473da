using System.Collections.Concurrent;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Appending;

/// <summary>
/// The versions of topics by which requests were last partitioned. A request names its version, so that a repeat is partitioned alike.
/// </summary>
public sealed class PartitioningVersions
{
    private readonly ConcurrentDictionary<string, TopicMetadata> _topics = new(StringComparer.Ordinal);

    /// <summary>The version of a topic that was learnt last; null when none was.</summary>
    /// <param name="name">The topic's name.</param>
    public TopicMetadata? Find(string name) => _topics.GetValueOrDefault(name);

    /// <summary>Takes note of a topic.</summary>
    /// <param name="topic">The topic as it is.</param>
    public void Learn(TopicMetadata topic)
    {
        // Without this, the names of deleted topics would stay for ever. Learning a topic again costs one call.
        if (_topics.Count >= TopicLimits.TopicsMax)
            _topics.Clear();
        _topics[topic.Name] = topic;
    }
}
