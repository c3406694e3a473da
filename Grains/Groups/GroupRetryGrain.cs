using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Orleans.Concurrency;
using OrleansStream.Errors;
using OrleansStream.Groups.State;
using OrleansStream.Partitions;
using OrleansStream.Producers;
using OrleansStream.Randomness;
using OrleansStream.Records;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Groups;

/// <summary>Copies failed records and dead letters. It has no state, so any number of activations may run.</summary>
[StatelessWorker, Reentrant, GrainType("group-retry")]
internal sealed partial class GroupRetryGrain(TimeProvider time, RandomSource random) : Grain, IGroupRetryGrain
{
    private string Group => this.GetPrimaryKeyString();

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    public async Task<StreamError?> MoveAsync(GroupRetryPolicy policy, ImmutableArray<FailedRecord> failed, CancellationToken cancellationToken)
    {
        foreach (var some in failed.Chunk(GroupGrainLimits.CopiesAtOnce))
        {
            var errors = await Task.WhenAll(some.Select(record => MoveAsync(policy, record, cancellationToken)));
            if (Array.Find(errors, error => error is not null) is { } first)
                return first;
        }

        return null;
    }

    private async Task<StreamError?> MoveAsync(GroupRetryPolicy policy, FailedRecord failed, CancellationToken cancellationToken)
    {
        var fetched = await FetchAsync(failed.Topic, failed.TopicId, failed.Partition, failed.Offset, bytesMax: 1, cancellationToken);
        var isDeleted = fetched.Error is { Code: StreamErrorCode.OffsetOutOfRange, LogStartOffset: { } start } && start > failed.Offset;
        if (isDeleted || await IsGoneAsync(failed.Topic, failed.TopicId, fetched.Error))
            return null;
        if (fetched.Error is { } error)
            return error;
        var copy = CopyOf(policy, failed, fetched, out var unreadable);
        if (copy is null)
            return unreadable;
        var refusal = await AppendAsync(copy, policy, cancellationToken);
        // The group did not create the topic that the policy names, and its limit may be lower.
        if (IsTooLarge(refusal) && copy.Topic != copy.OwnDeadLetters && copy.Topic == policy.DeadLetterTopic)
            refusal = await AppendAsync(copy with { Topic = copy.OwnDeadLetters }, policy, cancellationToken);
        return IsTooLarge(refusal) ? failed.TooLarge(refusal!) : refusal;
    }

    private static bool IsTooLarge(StreamError? error) => error?.Code is StreamErrorCode.MessageTooLarge or StreamErrorCode.RecordListTooLarge;

    /// <summary>Makes the copy of a failed record, with its history; null, and an error, when the record cannot be read.</summary>
    private RetryCopy? CopyOf(GroupRetryPolicy policy, FailedRecord failed, FetchResponse fetched, out StreamError? unreadable)
    {
        unreadable = null;
        if (fetched.Batches.IsEmpty)
        {
            unreadable = new StreamError(
                StreamErrorCode.NotLeaderOrFollower,
                    $"Offset {failed.Offset} of partition {failed.Partition} of topic '{failed.Topic}' was not returned.");
            return null;
        }

        using var records = new StoredBatchReader(fetched.Batches.Span);
        while (records.TryReadNext(out var record))
        {
            if (record.Offset != failed.Offset)
                continue;
            // A record that somebody else put into a retry topic has no history, so its history begins here.
            var before = RetryTopics.IsRetry(failed.Topic, Group) ? RetryStory.Read(records.Header, record, failed.Topic, Group) : null;
            var attempt = before?.Attempt ?? failed.Attempt;
            var nowMs = NowMs;
            var rules = GroupMapping.ToRetry(policy, Group);
            var dueMs = rules.NextDueMs(attempt, nowMs, random.NextDouble());
            var origin = before?.Topic ?? failed.Topic;
            var story = new RetryStory(
                dueMs is null ? attempt : attempt + 1, dueMs ?? nowMs, before?.FirstFailureMs ?? nowMs, failed.Reason,
                origin, before?.Partition ?? failed.Partition, before?.Offset ?? failed.Offset, before?.TimestampMs ?? record.TimestampMs);
            var topic = dueMs is null ? rules.DeadLetterTopic ?? RetryTopics.DeadLettersOf(origin, Group) : rules.RetryTopicOf(origin);
            var identity = $"{failed.TopicId:N}/{failed.Partition}/{failed.Offset}/{attempt}";
            var batch = Encode(record, story, identity, nowMs, records.Header.Compression);
            return new RetryCopy(topic, attempt, failed.Offset, batch, RetryTopics.DeadLettersOf(origin, Group));
        }

        unreadable = failed.Unreadable();
        return null;
    }

    /// <summary>
    /// Encodes a batch of one record, under an identity that every repeat of the copy has. The batch is compressed only if the record is larger than
    /// any record that may come uncompressed.
    /// </summary>
    private byte[] Encode(in RecordView record, RetryStory story, string identity, long nowMs, CompressionType compression)
    {
        using var headers = new RecordHeadersWriter();
        using var batch = new RecordBatchWriter();
        batch.Reset(new RecordBatchOptions
        {
            Compression = AppendPlanner.SizeOf(record) > TopicLimits.MessageBytesMax ? compression : CompressionType.None,
            ProducerId = ProducerIdRanges.Derive(SHA256.HashData(Encoding.UTF8.GetBytes($"{Group}\n{identity}"))),
            ProducerEpoch = 0,
            BaseSequence = 0,
        });
        story.Write(headers, record, Group);
        // The copy has its own timestamp, because retention must not treat it as being as old as the record.
        batch.Append(nowMs, record.Key, record.HasKey, record.Value, record.HasValue, headers.EncodedHeaders);
        batch.Finish();
        return batch.WrittenBatch().ToArray();
    }

    private async Task<StreamError?> AppendAsync(RetryCopy copy, GroupRetryPolicy policy, CancellationToken cancellationToken)
    {
        (var partitions, var error) = await FindTopicAsync(copy.Topic, policy);
        if (error is not null)
            return error;
        var isRetry = RetryTopics.IsRetry(copy.Topic, Group);
        var request = new RecordsAppendRequest(
            copy.Batch, isRetry ? RetryPolicy.PartitionOf(copy.Attempt, partitions) : 0, default, Acks.All);
        var router = GrainFactory.GetGrain<ITopicRouterGrain>(copy.Topic);
        var response = await router.AppendAsync(request, cancellationToken);
        // The router knew an older version of the topic until now.
        if (response.PlanBy is not null)
            response = await router.AppendAsync(request, cancellationToken);
        if (response.PlanBy is not null)
            return new StreamError(StreamErrorCode.NotLeaderOrFollower, $"Topic '{copy.Topic}' changes just now; nothing was stored.");
        var refusal = response.Error ?? response.Parts[0].Response.Error;
        // The copy was stored before, so long ago that its offset is no longer remembered.
        return refusal?.Code == StreamErrorCode.DuplicateSequenceNumber ? null : refusal;
    }

    /// <summary>Finds a retry topic or a topic of dead letters, and creates it if it does not exist.</summary>
    private async Task<(int Partitions, StreamError? Error)> FindTopicAsync(string name, GroupRetryPolicy policy)
    {
        var topic = GrainFactory.GetGrain<ITopicGrain>(name);
        var response = await topic.GetAsync();
        var isRetry = RetryTopics.IsRetry(name, Group);
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

    /// <summary>True when a topic no longer exists, or another topic has its name. Asks the topic's owner, because only the owner knows.</summary>
    /// <param name="name">The topic's name.</param>
    /// <param name="id">The topic's id.</param>
    /// <param name="error">The error of a read of the topic.</param>
    private async Task<bool> IsGoneAsync(string name, Guid id, StreamError? error)
    {
        if (error?.Code is not (StreamErrorCode.UnknownTopicId or StreamErrorCode.UnknownTopicOrPartition))
            return false;
        var response = await GrainFactory.GetGrain<ITopicGrain>(name).GetAsync();
        return response.Topic is { } topic ? topic.Id != id : response.Error?.Code == StreamErrorCode.UnknownTopicOrPartition;
    }

    private ValueTask<FetchResponse> FetchAsync(
        string topic, Guid topicId, int partition, long offset, int bytesMax, CancellationToken cancellationToken) =>
        GrainFactory.GetGrain<ITopicRouterGrain>(topic).FetchAsync(
            partition, new FetchRequest(offset, bytesMax, WaitMs: 0) { TopicId = topicId }, cancellationToken);
}

/// <summary>A copy of a record.</summary>
/// <param name="Topic">The topic that the copy goes to.</param>
/// <param name="Attempt">The attempt that failed, which chooses the partition of a retry topic.</param>
/// <param name="SourceOffset">The offset of the copied record.</param>
/// <param name="Batch">The batch with the copy.</param>
/// <param name="OwnDeadLetters">The topic that the group creates for dead letters of the record's original topic.</param>
internal sealed record RetryCopy(string Topic, int Attempt, long SourceOffset, byte[] Batch, string OwnDeadLetters);
