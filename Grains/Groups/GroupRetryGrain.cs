using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Orleans.Concurrency;
using OrleansStream.Coordination;
using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Producers;
using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.Groups;

/// <summary>Copies failed records and dead letters. Keeps nothing, so any number of them may run.</summary>
[StatelessWorker, Reentrant, GrainType("group-retry")]
internal sealed class GroupRetryGrain(TimeProvider time) : Grain, IGroupRetryGrain
{
    private string Group => this.GetPrimaryKeyString();

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    public async Task<StreamError?> MoveAsync(GroupRetryPolicy policy, ImmutableArray<FailedRecord> failed, CancellationToken cancellationToken)
    {
        foreach (FailedRecord[] some in failed.Chunk(GroupGrainLimits.CopiesAtOnce))
        {
            StreamError?[] errors = await Task.WhenAll(some.Select(record => MoveAsync(policy, record, cancellationToken)));
            if (Array.Find(errors, error => error is not null) is { } first)
                return first;
        }

        return null;
    }

    /// <inheritdoc/>
    public async Task<RedriveStepResponse> RedriveAsync(RedriveStep request, CancellationToken cancellationToken)
    {
        FetchResponse fetched = await FetchAsync(request.Topic, request.TopicId, partition: 0, request.Offset, GroupGrainLimits.RedriveStepBytes, cancellationToken);
        if (fetched.Error is { Code: StreamErrorCode.OffsetOutOfRange, LogStartOffset: { } start } && start > request.Offset)
            return new RedriveStepResponse(Error: null, Math.Min(start, request.EndOffset), 0, 0);
        if (fetched.Error is { } unread)
            return new RedriveStepResponse(unread, request.Offset, 0, 0);
        List<RetryCopy> copies = CopiesOf(request, fetched, out long next);
        foreach (RetryCopy[] some in copies.Chunk(GroupGrainLimits.CopiesAtOnce))
        {
            StreamError?[] errors = await Task.WhenAll(some.Select(copy => AppendAsync(copy, request.Policy, cancellationToken)));
            if (Array.Find(errors, error => error is not null) is { } error)
                return new RedriveStepResponse(error, request.Offset, 0, 0);
        }

        int kept = copies.Count(copy => copy.Topic == request.Topic);
        return new RedriveStepResponse(Error: null, next, copies.Count - kept, kept);
    }

    private async Task<StreamError?> MoveAsync(GroupRetryPolicy policy, FailedRecord failed, CancellationToken cancellationToken)
    {
        FetchResponse fetched = await FetchAsync(failed.Topic, failed.TopicId, failed.Partition, failed.Offset, bytesMax: 1, cancellationToken);
        if (fetched.Error is { Code: StreamErrorCode.OffsetOutOfRange or StreamErrorCode.UnknownTopicId or StreamErrorCode.UnknownTopicOrPartition })
            return null;
        if (fetched.Error is { } error)
            return error;
        RetryCopy? copy = CopyOf(policy, failed, fetched, out StreamError? unreadable);
        if (copy is null)
            return unreadable;
        StreamError? refusal = await AppendAsync(copy, policy, cancellationToken);
        // Somebody else made that topic, for smaller records.
        if (IsTooLarge(refusal) && copy.Topic != copy.OwnDeadLetters && copy.Topic == policy.DeadLetterTopic)
            refusal = await AppendAsync(copy with { Topic = copy.OwnDeadLetters }, policy, cancellationToken);
        return IsTooLarge(refusal) ? failed.TooLarge(refusal!) : refusal;
    }

    private static bool IsTooLarge(StreamError? error) => error?.Code is StreamErrorCode.MessageTooLarge or StreamErrorCode.RecordListTooLarge;

    /// <summary>The copy of a failed record with its story so far; null when the record is not there any more, or cannot be read.</summary>
    private RetryCopy? CopyOf(GroupRetryPolicy policy, FailedRecord failed, FetchResponse fetched, out StreamError? unreadable)
    {
        unreadable = null;
        if (fetched.Batches.IsEmpty)
            return null;
        using var records = new StoredBatchReader(fetched.Batches.Span);
        while (records.TryReadNext(out RecordView record))
        {
            if (record.Offset != failed.Offset)
                continue;
            // Only what waits in a retry topic has a story of this group; the headers of others are anybody's.
            RetryStory? before = RetryTopics.IsRetry(failed.Topic, Group) ? RetryStory.Read(record) : null;
            int attempt = before?.Attempt ?? failed.Attempt;
            long nowMs = NowMs;
            RetryPolicy rules = GroupMapping.ToRetry(policy, Group);
            long? dueMs = rules.NextDueMs(attempt, nowMs, Random.Shared.NextDouble());
            string origin = before?.Topic ?? failed.Topic;
            var story = new RetryStory(
                dueMs is null ? attempt : attempt + 1, dueMs ?? nowMs, before?.FirstFailureMs ?? nowMs, failed.Reason,
                origin, before?.Partition ?? failed.Partition, before?.Offset ?? failed.Offset, before?.TimestampMs ?? record.TimestampMs);
            string topic = dueMs is null ? rules.DeadLetterTopic ?? RetryTopics.DeadLettersOf(origin, Group) : rules.RetryTopicOf(origin);
            string identity = $"{failed.TopicId:N}/{failed.Partition}/{failed.Offset}/{attempt}";
            byte[] batch = Encode(record, story, identity, nowMs, records.Header.Compression);
            return new RetryCopy(topic, attempt, failed.Offset, batch, RetryTopics.DeadLettersOf(origin, Group));
        }

        if (records.UnreadableFrom(failed.Offset) is { } rest && rest.Offset == failed.Offset)
            unreadable = failed.Unreadable();
        return null;
    }

    /// <summary>Copies for one step. What cannot be read has no story to go back by: it stays where it is.</summary>
    private List<RetryCopy> CopiesOf(RedriveStep step, FetchResponse fetched, out long next)
    {
        next = fetched.Batches.IsEmpty ? step.EndOffset : step.Offset;
        var copies = new List<RetryCopy>();
        var scanner = new RecordBatchScanner(fetched.Batches.Span, checkCrc: false);
        while (scanner.MoveNext())
        {
            using var records = new StoredBatchReader(scanner.Batch);
            while (records.TryReadNext(out RecordView record))
            {
                if (record.Offset < step.Offset || record.Offset >= step.EndOffset)
                    continue;
                copies.Add(CopyOf(step, record, scanner.Header.Compression));
                next = record.Offset + 1;
                if (copies.Count == GroupGrainLimits.RedriveStepRecords)
                    return copies;
            }

            next = Math.Min(scanner.Header.NextOffset, step.EndOffset);
        }

        return copies;
    }

    private RetryCopy CopyOf(RedriveStep step, in RecordView record, CompressionType compression)
    {
        // A record that somebody else put there has no way back: it stays.
        RetryStory? story = RetryStory.Read(record);
        bool isWanted = story is not null && IsWanted(step.Filter, record, story);
        string topic = isWanted ? RetryTopics.RetryOf(story!.Topic, Group) : step.Topic;
        RetryStory? next = isWanted ? story! with { Attempt = 1, DueMs = NowMs } : story;
        byte[] batch = Encode(record, next, $"{step.TopicId:N}/0/{record.Offset}/redrive", NowMs, compression);
        return new RetryCopy(topic, Attempt: 1, record.Offset, batch, step.Topic);
    }

    private static bool IsWanted(RedriveFilter filter, in RecordView record, RetryStory story) =>
        (filter.Topic is null || filter.Topic == story.Topic)
        && (filter.Key is null || record.HasKey && record.Key.SequenceEqual(Encoding.UTF8.GetBytes(filter.Key)))
        && (filter.Reason is null || story.Reason.Contains(filter.Reason, StringComparison.Ordinal));

    /// <summary>
    /// A batch of one record, stored under an identity that every repeat of the copy has. It is compressed only where the record is larger than
    /// any that comes uncompressed.
    /// </summary>
    private byte[] Encode(in RecordView record, RetryStory? story, string identity, long nowMs, CompressionType compression)
    {
        using var headers = new RecordHeadersWriter();
        using var batch = new RecordBatchWriter();
        batch.Reset(new RecordBatchOptions
        {
            Compression = AppendPlanner.SizeOf(record) > TopicLimits.MessageBytesMax ? compression : CompressionType.None,
            ProducerId = ProducerLimits.DeriveId(SHA256.HashData(Encoding.UTF8.GetBytes($"{Group}\n{identity}"))),
            ProducerEpoch = 0,
            BaseSequence = 0,
        });
        ReadOnlySpan<byte> encoded = record.EncodedHeaders;
        if (story is not null)
        {
            story.Write(headers, record);
            encoded = headers.EncodedHeaders;
        }

        // Its own time: retention must not take it for as old as what it is a copy of.
        batch.Append(nowMs, record.Key, record.HasKey, record.Value, record.HasValue, encoded);
        batch.Finish();
        return batch.WrittenBatch().ToArray();
    }

    private async Task<StreamError?> AppendAsync(RetryCopy copy, GroupRetryPolicy policy, CancellationToken cancellationToken)
    {
        (int partitions, StreamError? error) = await FindTopicAsync(copy.Topic, policy);
        if (error is not null)
            return error;
        bool isRetry = RetryTopics.IsRetry(copy.Topic, Group);
        var request = new RecordsAppendRequest(
            copy.Batch, isRetry ? RetryPolicy.PartitionOf(copy.Attempt, partitions) : 0, default, Acks.All);
        RecordsAppendResponse response = await GrainFactory.GetGrain<ITopicRouterGrain>(copy.Topic).AppendAsync(request, cancellationToken);
        return response.Error ?? response.Parts[0].Response.Error;
    }

    /// <summary>Makes a retry topic or one of dead letters unless it is there.</summary>
    private async Task<(int Partitions, StreamError? Error)> FindTopicAsync(string name, GroupRetryPolicy policy)
    {
        ITopicGrain topic = GrainFactory.GetGrain<ITopicGrain>(name);
        TopicResponse response = await topic.GetAsync();
        bool isRetry = RetryTopics.IsRetry(name, Group);
        int partitions = isRetry ? Math.Max(1, policy.MaxAttempts - 1) : 1;
        if (response.Error?.Code == StreamErrorCode.UnknownTopicOrPartition)
        {
            var config = ImmutableSortedDictionary.CreateRange(StringComparer.Ordinal, GroupGrainLimits.RetryTopicConfig(isRetry));
            response = await topic.CreateAsync(new CreateTopicRequest(partitions, config, ReplicationFactor: null));
            if (response.Error?.Code == StreamErrorCode.TopicAlreadyExists)
                response = await topic.GetAsync();
        }
        else if (response.Topic is { } known && isRetry && known.PartitionCount < partitions)
        {
            // The policy has more attempts by now.
            response = await topic.AlterAsync(new AlterTopicRequest(partitions, Config: null));
        }

        return (response.Topic?.PartitionCount ?? 0, response.Error);
    }

    private ValueTask<FetchResponse> FetchAsync(
        string topic, Guid topicId, int partition, long offset, int bytesMax, CancellationToken cancellationToken) =>
        GrainFactory.GetGrain<ITopicRouterGrain>(topic).FetchAsync(
            partition, new FetchRequest(offset, bytesMax, WaitMs: 0) { TopicId = topicId }, cancellationToken);

    /// <summary>A copy of a record.</summary>
    /// <param name="Topic">Where it goes.</param>
    /// <param name="Attempt">The attempt that failed, which chooses the partition of a retry topic.</param>
    /// <param name="SourceOffset">Where the record is that it is a copy of.</param>
    /// <param name="Batch">The copy.</param>
    /// <param name="OwnDeadLetters">The topic that the group makes itself for dead letters of where the record came from.</param>
    private sealed record RetryCopy(string Topic, int Attempt, long SourceOffset, byte[] Batch, string OwnDeadLetters);
}
