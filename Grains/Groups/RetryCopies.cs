using System.Security.Cryptography;
using System.Text;
using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Producers;
using OrleansStream.Randomness;
using OrleansStream.Records;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Groups;

/// <summary>Makes the copies of failed records and of dead letters: where each goes, and its batch. It calls nobody.</summary>
/// <param name="group">The group's name.</param>
/// <param name="time">Tells when the next attempt is due.</param>
/// <param name="random">Where the jitter of waits comes from.</param>
internal sealed class RetryCopies(string group, TimeProvider time, RandomSource random)
{
    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Makes the copy of a failed record, with its history; null, and an error, when the record cannot be read.</summary>
    /// <param name="policy">The group's retry policy.</param>
    /// <param name="failed">The failed record.</param>
    /// <param name="fetched">The read of the record.</param>
    /// <param name="unreadable">Why the record cannot be read; null when there is a copy.</param>
    public RetryCopy? CopyOf(GroupRetryPolicy policy, FailedRecord failed, FetchResponse fetched, out StreamError? unreadable)
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
            var before = RetryTopics.IsRetry(failed.Topic, group) ? RetryStory.Read(records.Header, record, failed.Topic, group) : null;
            var attempt = before?.Attempt ?? failed.Attempt;
            var nowMs = NowMs;
            var rules = GroupConversions.ToRetry(policy, group);
            var dueMs = rules.NextDueMs(attempt, nowMs, random.NextDouble());
            var origin = before?.Topic ?? failed.Topic;
            var story = new RetryStory(
                dueMs is null ? attempt : attempt + 1, dueMs ?? nowMs, before?.FirstFailureMs ?? nowMs, failed.Reason,
                origin, before?.Partition ?? failed.Partition, before?.Offset ?? failed.Offset, before?.TimestampMs ?? record.TimestampMs);
            var topic = dueMs is null ? rules.DeadLetterTopic ?? RetryTopics.DeadLettersOf(origin, group) : rules.RetryTopicOf(origin);
            var identity = $"{failed.TopicId:N}/{failed.Partition}/{failed.Offset}/{attempt}";
            var batch = Encode(record, story, identity, nowMs, records.Header.Compression);
            return new RetryCopy(topic, attempt, failed.Offset, batch, RetryTopics.DeadLettersOf(origin, group));
        }

        unreadable = failed.Unreadable();
        return null;
    }

    /// <summary>Reads the dead letters of one step, in order, and makes the copy of each.</summary>
    /// <param name="step">The step.</param>
    /// <param name="fetched">The read of the dead letters; it has no error.</param>
    /// <param name="next">The offset behind the last letter.</param>
    public List<DeadLetter> LettersOf(RedriveStep step, FetchResponse fetched, out long next)
    {
        next = step.Offset;
        var letters = new List<DeadLetter>();
        var scanner = new RecordBatchScanner(fetched.Batches.Span, checkCrc: false);
        while (next < step.EndOffset && scanner.MoveNext())
        {
            using var records = new StoredBatchReader(scanner.Batch);
            while (records.TryReadNext(out var record))
            {
                if (record.Offset < next || record.Offset >= step.EndOffset)
                    continue;
                letters.Add(LetterOf(step, records.Header, record));
                next = record.Offset + 1;
                if (letters.Count == GroupGrainLimits.RedriveStepRecords)
                    return letters;
            }

            var end = Math.Min(scanner.Header.NextOffset, step.EndOffset);
            if (records.UnreadableFrom(next) is { } unreadable && unreadable.Offset < end)
                letters.Add(new DeadLetter(unreadable.Offset, end - unreadable.Offset, Copy: null, RedriveReasons.Unreadable, unreadable.Detail));
            next = Math.Max(next, end);
        }

        if (next == step.Offset)
            letters.Add(new DeadLetter(next++, Count: 1, Copy: null, RedriveReasons.Unreadable, $"No batch is stored at offset {step.Offset}."));
        return letters;
    }

    private DeadLetter LetterOf(RedriveStep step, in RecordBatchHeader batch, in RecordView record)
    {
        if (RetryStory.Read(batch, record, step.Topic, group) is not { } story)
        {
            return new DeadLetter(
                record.Offset, Count: 1, Copy: null, RedriveReasons.Foreign,
                $"Offset {record.Offset} of topic '{step.Topic}' is not a dead letter of group '{group}'.");
        }

        var isWanted = IsWanted(step.Filter, record, story);
        var topic = isWanted ? RetryTopics.RetryOf(story.Topic, group) : step.Topic;
        var copy = CopyOf(step, record, isWanted ? story with { Attempt = 1, DueMs = NowMs } : story, topic, batch.Compression);
        return new DeadLetter(record.Offset, Count: 1, copy, isWanted ? null : RedriveReasons.Filter, Detail: null);
    }

    /// <summary>Makes the copy of a refused dead letter for the end of the dead letters.</summary>
    /// <param name="step">The step.</param>
    /// <param name="fetched">The read of the dead letters.</param>
    /// <param name="offset">The offset of the dead letter.</param>
    /// <returns>Null when it cannot be copied.</returns>
    public RetryCopy? KeptCopyOf(RedriveStep step, FetchResponse fetched, long offset)
    {
        var scanner = new RecordBatchScanner(fetched.Batches.Span, checkCrc: false);
        while (scanner.MoveNext())
        {
            if (scanner.Header.NextOffset <= offset)
                continue;
            using var records = new StoredBatchReader(scanner.Batch);
            while (records.TryReadNext(out var record))
            {
                if (record.Offset == offset && RetryStory.Read(records.Header, record, step.Topic, group) is { } story)
                    return CopyOf(step, record, story, step.Topic, records.Header.Compression);
            }
        }

        return null;
    }

    private RetryCopy CopyOf(RedriveStep step, in RecordView record, RetryStory story, string topic, CompressionType compression)
    {
        var batch = Encode(record, story, $"{step.TopicId:N}/0/{record.Offset}/redrive", NowMs, compression);
        return new RetryCopy(topic, Attempt: 1, record.Offset, batch, step.Topic);
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
            Compression = AppendPartitioner.SizeOf(record) > TopicLimits.MessageBytesMax ? compression : CompressionType.None,
            ProducerId = ProducerIdRanges.Derive(SHA256.HashData(Encoding.UTF8.GetBytes($"{group}\n{identity}"))),
            ProducerEpoch = 0,
            BaseSequence = 0,
        });
        story.Write(headers, record, group);
        // The copy has its own timestamp, because retention must not treat it as being as old as the record.
        batch.Append(nowMs, record.Key, record.HasKey, record.Value, record.HasValue, headers.EncodedHeaders);
        batch.Finish();
        return batch.WrittenBatch().ToArray();
    }

    private static bool IsWanted(RedriveFilter filter, in RecordView record, RetryStory story) =>
        (filter.Topic is null || filter.Topic == story.Topic)
        && (filter.Key is null || record.HasKey && record.Key.SequenceEqual(Encoding.UTF8.GetBytes(filter.Key)))
        && (filter.Reason is null || story.Reason.Contains(filter.Reason, StringComparison.Ordinal));
}

/// <summary>A copy of a record.</summary>
/// <param name="Topic">The topic that the copy goes to.</param>
/// <param name="Attempt">The attempt that failed, which chooses the partition of a retry topic.</param>
/// <param name="SourceOffset">The offset of the copied record.</param>
/// <param name="Batch">The batch with the copy.</param>
/// <param name="OwnDeadLetters">The topic that the group creates for dead letters of the record's original topic.</param>
internal sealed record RetryCopy(string Topic, int Attempt, long SourceOffset, byte[] Batch, string OwnDeadLetters);
