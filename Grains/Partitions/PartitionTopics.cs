using OrleansStream.Topics;

namespace OrleansStream.Partitions;

/// <summary>Finds the topics of partitions, by asking their owners.</summary>
/// <param name="grains">Reaches the catalogue and the topics.</param>
internal sealed class PartitionTopics(IGrainFactory grains)
{
    /// <summary>Finds the topic of a partition.</summary>
    /// <param name="key">The partition.</param>
    /// <returns>The topic; null when there is none with the id, or its name now belongs to another.</returns>
    public async Task<TopicMetadata?> FindAsync(PartitionKey key)
    {
        var name = await grains.GetGrain<ITopicCatalogGrain>(ITopicCatalogGrain.Key).FindNameAsync(key.TopicId);
        if (name is null)
            return null;
        var topic = (await grains.GetGrain<ITopicGrain>(name).GetAsync()).Topic;
        return topic?.Id == key.TopicId ? topic : null;
    }
}
