using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Storage;
using OrleansStream.Topics;

namespace OrleansStream.Partitions;

/// <summary>Opens the logs of partitions that this silo leads, lets others find them while they are open, and deletes logs.</summary>
/// <param name="segments">Where the segments are.</param>
/// <param name="documents">Where the manifests are.</param>
/// <param name="time">The clock of the logs; it also times their opening.</param>
/// <param name="resources">What the logs share.</param>
/// <param name="instruments">Measures the open logs.</param>
/// <param name="open">Maintains the open logs, and lets callers in this process find them.</param>
/// <param name="failures">Counts repeated failures.</param>
/// <param name="logger">The log of the partitions' grains.</param>
internal sealed partial class PartitionLogs(
    ISegmentStore segments, IDocumentStore documents, TimeProvider time, LogResources resources, PartitionInstruments instruments,
        OpenPartitions open,
    RepeatedFailures failures, ILogger<PartitionGrain> logger)
{
    /// <summary>Takes a partition's log over.</summary>
    /// <param name="key">The partition.</param>
    /// <param name="topic">Its topic.</param>
    /// <param name="owner">The new owner; each activation needs a text of its own.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <exception cref="LogFencedException">Another owner took it over meanwhile.</exception>
    /// <exception cref="LogCorruptException">Durable bytes are damaged.</exception>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    /// <exception cref="StoreFullException">The store has no room for the fence.</exception>
    public async Task<OpenPartition> OpenAsync(PartitionKey key, TopicMetadata topic, string owner, CancellationToken cancellationToken)
    {
        var options = PartitionConversions.ToLogOptions(TopicConfig.From(topic.Config));
        var beganAt = time.GetTimestamp();
        var log = await PartitionLog.OpenAsync(key.ToString(), owner, options, segments, documents, time, resources, cancellationToken);
        instruments.Opened(time.GetElapsedTime(beganAt));
        return new OpenPartition(key, topic, log, logger);
    }

    /// <summary>Lets others find an open partition until its log ends.</summary>
    /// <param name="led">The partition.</param>
    /// <param name="move">Moves it to another silo; called from any thread.</param>
    /// <param name="stay">Keeps its grain from being deactivated as unused; called from any thread.</param>
    /// <returns>How the log ended, once it has and nobody finds it any more.</returns>
    public async Task<LogEnd> ShowAsync(OpenPartition led, Action<SiloAddress> move, Action stay)
    {
        instruments.Add(led.TopicName, led.Key.Partition, led.Log);
        open.Add(
            led, home =>
            {
                instruments.Moved();
                move(home);
            },
            stay);
        var end = await led.Log.Ended;
        instruments.Remove(led.Log, end);
        open.Remove(led.Log);
        if (end != LogEnd.Closed && failures.IsToTell($"log of partition {led.Key}", out var count))
            LogEnded(led.Key, end, count);
        return end;
    }

    /// <summary>Frees all bytes of a log whose topic is gone; repeating it is harmless.</summary>
    /// <param name="key">The partition.</param>
    /// <param name="cancellationToken">Ends the try. Bytes that are not freed yet are freed when the call is repeated.</param>
    /// <exception cref="StreamException">The store cannot be reached; try again.</exception>
    public async Task DeleteAsync(PartitionKey key, CancellationToken cancellationToken)
    {
        try
        {
            await PartitionLog.DeleteAsync(key.ToString(), segments, documents, cancellationToken);
        }
        catch (StoreUnavailableException e)
        {
            throw new StreamException(PartitionErrors.NotOpened(e));
        }
    }

    [LoggerMessage(
        Level = LogLevel.Information, Message = "The log of partition {Partition} ended: {End}; so often since this was last said: {Times}")]
    private partial void LogEnded(PartitionKey partition, LogEnd end, int times);
}
