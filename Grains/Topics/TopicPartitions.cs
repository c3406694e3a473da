using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.Partitions;

namespace OrleansStream.Topics;

/// <summary>
/// Tells the partitions of a topic of its change. None of these calls fails: what a partition was not told, it learns in another way.
/// </summary>
/// <param name="grains">Reaches the partitions.</param>
/// <param name="time">Times the wait for the partitions.</param>
/// <param name="failures">Counts repeated failures.</param>
/// <param name="logger">The log of the topics' grains.</param>
internal sealed partial class TopicPartitions(IGrainFactory grains, TimeProvider time, RepeatedFailures failures, ILogger<TopicGrain> logger)
{
    /// <summary>Sends the topic's settings. A partition that did not get them learns them from the next append, or when it opens.</summary>
    /// <param name="topic">The topic, stored as it is now.</param>
    public Task ConfigureAsync(TopicMetadata topic) => TellAsync(topic, partition => partition.ConfigureAsync(topic));

    /// <summary>Deletes the records. The catalogue later frees those of partitions that do not answer now.</summary>
    /// <param name="topic">The topic, which exists no longer.</param>
    public Task DeleteAsync(TopicMetadata topic) => TellAsync(topic, partition => partition.DeleteAsync());

    private async Task TellAsync(TopicMetadata topic, Func<IPartitionGrain, ValueTask> tell)
    {
        try
        {
            await Task.WhenAll(Enumerable.Range(0, topic.PartitionCount).Select(partition => tell(Partition(topic, partition)).AsTask()))
                .WaitAsync(TopicGrainLimits.PartitionsWaitMax, time);
        }
        catch (Exception e)
        {
            if (failures.IsToTell($"tell partitions of topic {topic.Name}", out var count))
                LogNotTold(e, topic.Name, count);
        }
    }

    private IPartitionGrain Partition(TopicMetadata topic, int partition) =>
        grains.GetGrain<IPartitionGrain>(new PartitionKey(topic.Id, partition).ToString());

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Not every partition of topic {Topic} could be told of its change; failures since this was last said: {Failures}")]
    private partial void LogNotTold(Exception exception, string topic, int failures);
}
