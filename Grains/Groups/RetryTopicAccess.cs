using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups.State;
using OrleansStream.Partitions;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Groups;

/// <summary>Reads the records that a group copies, and appends the copies to its retry topics and topics of dead letters.</summary>
/// <param name="group">The group's name.</param>
/// <param name="grains">Reaches the topics.</param>
internal sealed class RetryTopicAccess(string group, IGrainFactory grains)
{
    /// <summary>Reads batches of a partition, without waiting.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="topicId">The topic that must have the name.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="offset">The first offset.</param>
    /// <param name="bytesMax">The most bytes; the first batch is returned even if it is larger.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    public ValueTask<FetchResponse> FetchAsync(
        string topic, Guid topicId, int partition, long offset, int bytesMax, CancellationToken cancellationToken) =>
        grains.GetGrain<ITopicRouterGrain>(topic).FetchAsync(
            partition, new FetchRequest(offset, bytesMax, WaitMs: 0) { TopicId = topicId }, cancellationToken);

    /// <summary>Appends a copy. A repeat is recognized by the copy's identity, so it is stored once.</summary>
    /// <param name="copy">The copy.</param>
    /// <param name="policy">The group's retry policy.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <returns>Null when the copy is stored; else why not.</returns>
    public async Task<StreamError?> AppendAsync(RetryCopy copy, GroupRetryPolicy policy, CancellationToken cancellationToken)
    {
        (var partitions, var error) = await FindTopicAsync(copy.Topic, policy);
        if (error is not null)
            return error;
        var isRetry = RetryTopics.IsRetry(copy.Topic, group);
        var request = new RecordsAppendRequest(
            copy.Batch, isRetry ? RetryPolicy.PartitionOf(copy.Attempt, partitions) : 0, default, Acks.All);
        var router = grains.GetGrain<ITopicRouterGrain>(copy.Topic);
        var response = await router.AppendAsync(request, cancellationToken);
        // The router knew an older version of the topic until now.
        if (response.PartitionBy is not null)
            response = await router.AppendAsync(request, cancellationToken);
        if (response.PartitionBy is not null)
            return new StreamError(StreamErrorCode.NotLeaderOrFollower, $"Topic '{copy.Topic}' changes just now; nothing was stored.");
        var refusal = response.Error ?? response.Parts[0].Response.Error;
        // The copy was stored before, so long ago that its offset is no longer remembered.
        return refusal?.Code == StreamErrorCode.DuplicateSequenceNumber ? null : refusal;
    }

    /// <summary>True when a topic no longer exists, or another topic has its name. Asks the topic's owner, because only the owner knows.</summary>
    /// <param name="name">The topic's name.</param>
    /// <param name="id">The topic's id.</param>
    /// <param name="error">The error of a read of the topic.</param>
    public async Task<bool> IsGoneAsync(string name, Guid id, StreamError? error)
    {
        if (error?.Code is not (StreamErrorCode.UnknownTopicId or StreamErrorCode.UnknownTopicOrPartition))
            return false;
        var response = await grains.GetGrain<ITopicGrain>(name).GetAsync();
        return response.Topic is { } topic ? topic.Id != id : response.Error?.Code == StreamErrorCode.UnknownTopicOrPartition;
    }

    /// <summary>True for the refusal of a copy that is too large for its topic.</summary>
    /// <param name="error">The refusal, or null.</param>
    public static bool IsTooLarge(StreamError? error) => error?.Code is StreamErrorCode.MessageTooLarge or StreamErrorCode.RecordListTooLarge;

    /// <summary>True for a refusal that the same copy would get again after any wait.</summary>
    /// <param name="error">The refusal.</param>
    public static bool IsForGood(StreamError error) => !error.OutcomeUnknown && error.Code is
        StreamErrorCode.MessageTooLarge or StreamErrorCode.RecordListTooLarge or StreamErrorCode.CorruptMessage or StreamErrorCode.InvalidRecord
        or StreamErrorCode.InvalidRequest or StreamErrorCode.InvalidTimestamp or StreamErrorCode.InvalidTopicException
        or StreamErrorCode.InvalidPartitions or StreamErrorCode.InvalidConfig or StreamErrorCode.InvalidReplicationFactor
        or StreamErrorCode.PolicyViolation
        or StreamErrorCode.UnsupportedCompressionType or StreamErrorCode.UnsupportedForMessageFormat or StreamErrorCode.InvalidProducerEpoch
        or StreamErrorCode.OutOfOrderSequenceNumber or StreamErrorCode.UnknownProducerId;

    /// <summary>Finds a retry topic or a topic of dead letters, and creates it if it does not exist.</summary>
    private async Task<(int Partitions, StreamError? Error)> FindTopicAsync(string name, GroupRetryPolicy policy)
    {
        var topic = grains.GetGrain<ITopicGrain>(name);
        var response = await topic.GetAsync();
        var isRetry = RetryTopics.IsRetry(name, group);
        var partitions = isRetry ? Math.Max(1, policy.MaxAttempts - 1) : 1;
        if (response.Error?.Code == StreamErrorCode.UnknownTopicOrPartition)
        {
            var config = ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, GroupGrainLimits.RetryTopicConfig(isRetry));
            response = await topic.CreateAsync(new CreateTopicRequest(partitions, config, ReplicationFactor: null));
            if (response.Error?.Code == StreamErrorCode.TopicAlreadyExists)
                response = await topic.GetAsync();
        }
        else if (response.Topic is { } known && isRetry && known.PartitionCount < partitions)
        {
            // The policy now has more attempts than the topic has partitions for.
            response = await topic.AlterAsync(new AlterTopicRequest(partitions, Config: null));
        }

        return (response.Topic?.PartitionCount ?? 0, response.Error);
    }
}
