using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Partitions;
using OrleansStream.Security;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Reading.Tails;

/// <summary>Opens the live tails of this process, at most <see cref="ReadingLimits.TailsMax"/> at once. Safe to call from any thread.</summary>
/// <param name="access">Checks callers' rights.</param>
/// <param name="grains">The way to the grains.</param>
/// <param name="routes">The way to the topics' partitions.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="waits">The node's reads that wait.</param>
/// <param name="lost">Repeats lost reads.</param>
/// <param name="time">Times heartbeats and outages.</param>
public sealed class TopicTails(
    AccessControl access, IGrainFactory grains, TopicRoutes routes, NodeAnswers node, NodeWaits waits, LostReads lost, TimeProvider time)
{
    private int _count;

    /// <summary>Opens a tail, which includes finding the offset from which each partition is read.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="start">The place to start at.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>The tail, which counts until it is disposed.</returns>
    /// <exception cref="StreamException">The topic or one of its partitions cannot be read, or there are too many tails or waiting reads.</exception>
    /// <exception cref="OrleansException">The call was lost each time.</exception>
    /// <exception cref="TimeoutException">No answer came in time.</exception>
    public async ValueTask<TopicTail> OpenAsync(Caller caller, string topic, TailStart start, CancellationToken cancellationToken)
    {
        access.DemandTopic(caller, AccessOperations.Read, topic);
        if (Interlocked.Increment(ref _count) > ReadingLimits.TailsMax)
        {
            Release();
            throw new StreamException(new StreamError(
                StreamErrorCode.ThrottlingQuotaExceeded,
                $"This server has {ReadingLimits.TailsMax} live tails, the most that it may have. Try again later."));
        }

        var tailWaits = new TailWaits(waits);
        var watch = access.WatchTopic(caller, AccessOperations.Read, topic, CancellationToken.None);
        try
        {
            (var topicId, var positions) =
                await lost.RepeatAsync(() => FindPositionsAsync(topic, start, tailWaits, cancellationToken), cancellationToken);
            return new TopicTail(
                grains.GetGrain<ITopicGrain>(topic), routes, topic, topicId, positions, start.Place, new AnswerLoad(node), tailWaits, time, Release,
                watch);
        }
        catch
        {
            watch.Dispose();
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
            // A partition that the place does not contain is newer than the place, so all its records are new. So are all records of another topic.
            var isOfThisTopic = place.TopicId is null || place.TopicId == topicId;
            return isOfThisTopic && place.Offsets.TryGetValue(partition.Partition, out var offset) ? offset : 0;
        }

        if (start.TimestampMs is { } timestampMs)
        {
            var found = await routes.Router(topic).FindOffsetAsync(partition.Partition, timestampMs, cancellationToken);
            if (found.Error is null && found.TopicId != topicId)
            {
                throw new StreamException(
                    new StreamError(StreamErrorCode.NotLeaderOrFollower, $"The topic '{topic}' was created again just now. Try again."));
            }

            return found.Error is { } fault ? throw new StreamException(fault) : found.Offset;
        }

        if (partition.Error is { } error)
        {
            // Earliest is a valid place even if the log cannot be read now, so the other partitions need not wait for it. The end of a log that is
            // not open is not known.
            return start.End == FetchRequest.Earliest && error.Code.IsRetriable() ? 0 : throw new StreamException(error);
        }

        return start.End == FetchRequest.Earliest ? partition.LogStartOffset : partition.HighWatermark;
    }
}
