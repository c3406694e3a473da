using OrleansStream.Partitions;
using OrleansStream.Storage;

namespace OrleansStream.Topics;

/// <summary>Frees the stored bytes of deleted topics. For use on a grain's scheduler only.</summary>
/// <param name="grains">Reaches the partitions.</param>
/// <param name="segments">Where their segments are.</param>
/// <param name="documents">Where their manifests are.</param>
internal sealed class DeletedTopicBytes(IGrainFactory grains, ISegmentStore segments, IDocumentStore documents)
{
    /// <summary>
    /// Frees the bytes of a topic's partitions, <see cref="TopicGrainLimits.DeletionsAtOnce"/> at a time. Repeating it is harmless.
    /// </summary>
    /// <param name="topic">The topic.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    public Task FreeAsync(DeletedTopic topic, CancellationToken cancellationToken) => Parallel.ForEachAsync(
        Enumerable.Range(0, topic.PartitionCount),
        new ParallelOptions
        {
            MaxDegreeOfParallelism = TopicGrainLimits.DeletionsAtOnce,
            TaskScheduler = TaskScheduler.Current,
            CancellationToken = cancellationToken,
        },
        (partition, token) => grains.GetGrain<IPartitionGrain>(new PartitionKey(topic.Id, partition).ToString()).DeleteAsync(token));

    /// <summary>Whether the store has any bytes of a topic.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    public async Task<bool> AreLeftAsync(DeletedTopic topic, CancellationToken cancellationToken) =>
        await segments.ListAsync($"{topic.Id:N}/", cancellationToken).AnyAsync(cancellationToken)
        || await documents.ListAsync($"{topic.Id:N}/", cancellationToken).AnyAsync(cancellationToken);
}
