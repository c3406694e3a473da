using System.Collections.Concurrent;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Appending;

/// <summary>The topics as requests were last planned by: a request names the version, so that its repeat is planned alike.</summary>
public sealed class TopicPlans
{
    private readonly ConcurrentDictionary<string, TopicMetadata> _topics = new(StringComparer.Ordinal);

    /// <summary>The topic as it was last known; null when nothing is known of it.</summary>
    /// <param name="name">The topic's name.</param>
    public TopicMetadata? Find(string name) => _topics.GetValueOrDefault(name);

    /// <summary>Takes note of a topic.</summary>
    /// <param name="topic">The topic as it is.</param>
    public void Learn(TopicMetadata topic)
    {
        // Names of topics that are gone would stay for ever; to learn the others again costs a call each.
        if (_topics.Count >= TopicLimits.TopicsMax)
            _topics.Clear();
        _topics[topic.Name] = topic;
    }
}
