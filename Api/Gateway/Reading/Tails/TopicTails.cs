using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Partitions;
using OrleansStream.Security;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Reading.Tails;

/// <summary>Opens the live tails of this process, and keeps them to <see cref="ReadingLimits.TailsMax"/>. Safe for any thread.</summary>
/// <param name="access">Decides who may.</param>
/// <param name="grains">The way to the grains.</param>
/// <param name="routes">The way to the topics' partitions.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="waits">The node's reads that wait.</param>
/// <param name="lost">Repeats reads that are lost.</param>
/// <param name="time">Times heartbeats and outages.</param>
public sealed class TopicTails(
    AccessControl access, IGrainFactory grains, TopicRoutes routes, NodeAnswers node, NodeWaits waits, LostReads lost, TimeProvider time)
{
    private int _count;

    /// <summary>Finds where every partition of a topic is to be read from.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="start">Where to start.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The tail, which counts until it is disposed.</returns>
    /// <exception cref="StreamException">The topic, or one of its partitions, cannot be read; or there are too many tails, or too many reads that wait.</exception>
    /// <exception cref="OrleansException">The call was lost each time.</exception>
    /// <exception cref="TimeoutException">Nobody answered.</exception>
    public async ValueTask<TopicTail> OpenAsync(Caller caller, string topic, TailStart start, CancellationToken cancellationToken)
    {
        access.DemandTopic(caller, AccessOperations.Read, topic);
        if (Interlocked.Increment(ref _count) > ReadingLimits.TailsMax)
        {
            Release();
            throw new StreamException(new StreamError(
                StreamErrorCode.ThrottlingQuotaExceeded, $"There are {ReadingLimits.TailsMax} live tails here already. Try again later."));
        }

        var tailWaits = new TailWaits(waits);
        try
        {
            (var topicId, var positions) = await lost.RepeatAsync(() => FindPositionsAsync(topic, start, tailWaits, cancellationToken), cancellationToken);
            return new TopicTail(
                grains.GetGrain<ITopicGrain>(topic), routes, topic, topicId, positions, start.Place, new AnswerLoad(node), tailWaits, time, Release,
                () => access.FindRefusal(caller, AccessOperations.Read, topic));
        }
        catch
        {
            tailWaits.Dispose();
            Release();
            throw;
        }
    }

    private void Release() => Interlocked.Decrement(ref _count);

    private async ValueTask<(Guid TopicId, long[] Positions)> FindPositionsAsync(
        string topic, TailStart start, TailWaits tailWaits, CancellationToken cancellationToken)
    {
        var description = await routes.Router(topic).DescribeAsync(cancellationToken);
        if (description.Topic is not { } found)
            throw new StreamException(description.Error!);
        if (!tailWaits.TryWaitOn(description.Partitions.Length))
            throw new StreamException(tailWaits.Refusal);
        var positions = new long[description.Partitions.Length];
        foreach (var partition in description.Partitions)
            positions[partition.Partition] = await FindPositionAsync(topic, found.Id, partition, start, cancellationToken);
        return (found.Id, positions);
    }

    private async ValueTask<long> FindPositionAsync(
        string topic, Guid topicId, PartitionDescription partition, TailStart start, CancellationToken cancellationToken)
    {
        if (start.Place is { } place)
        {
            // A partition that the place does not know came into being after it: all its records are new. So are those of another topic.
            var isOfThisTopic = place.TopicId is null || place.TopicId == topicId;
            return isOfThisTopic && place.Offsets.TryGetValue(partition.Partition, out var offset) ? offset : 0;
        }

        if (start.TimestampMs is { } timestampMs)
        {
            var found = await routes.Router(topic).FindOffsetAsync(partition.Partition, timestampMs, cancellationToken);
            if (found.Error is null && found.TopicId != topicId)
                throw new StreamException(new StreamError(StreamErrorCode.NotLeaderOrFollower, $"The topic '{topic}' has just been created anew. Try again."));
            return found.Error is { } fault ? throw new StreamException(fault) : found.Offset;
        }

        if (partition.Error is { } error)
        {
            // From the first offset on is a place whatever the log's state: the others need not wait for it. The end of one that is not
            // open is not known.
            return start.End == FetchRequest.Earliest && error.Code.IsRetriable() ? 0 : throw new StreamException(error);
        }

        return start.End == FetchRequest.Earliest ? partition.LogStartOffset : partition.HighWatermark;
    }
}
