using System.Text;
using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Records;

namespace OrleansStream.Groups;

/// <summary>The way back of dead letters, a step at a time.</summary>
internal sealed partial class GroupRetryGrain
{
    /// <inheritdoc/>
    public async Task<RedriveStepResponse> RedriveAsync(RedriveStep request, CancellationToken cancellationToken)
    {
        var tally = new RedriveTally(request);
        var fetched = await FetchAsync(
            request.Topic, request.TopicId, partition: 0, request.Offset, GroupGrainLimits.RedriveStepBytes, cancellationToken);
        if (fetched.Error is { } unread)
            return await PassOverAsync(request, tally, unread, cancellationToken);
        if (fetched.Batches.IsEmpty)
        {
            if (fetched.HighWatermark > request.Offset)
            {
                var absent = new StreamError(StreamErrorCode.NotLeaderOrFollower, $"Offset {request.Offset} of topic '{request.Topic}' was not there just now.");
                return await PassOverAsync(request, tally, absent, cancellationToken);
            }

            tally.Lose(request.EndOffset, $"Topic '{request.Topic}' ends at offset {fetched.HighWatermark} by now.");
            return tally.ToResponse(trouble: null);
        }

        var letters = LettersOf(request, fetched, out var next);
        foreach (var some in letters.Chunk(GroupGrainLimits.CopiesAtOnce))
        {
            var errors = await Task.WhenAll(some.Select(letter => TryAppendAsync(letter.Copy, request, cancellationToken)));
            for (var i = 0; i < some.Length; i++)
            {
                // Those behind it that were copied are copied again, under the same identity.
                if (await SettleAsync(request, fetched, some[i], errors[i], tally, cancellationToken) is { } trouble)
                    return tally.ToResponse(trouble);
            }
        }

        tally.PassTo(next);
        return tally.ToResponse(trouble: null);
    }

    /// <summary>Counts what became of a dead letter; one that the retry topic refuses is copied to the end of the dead letters first.</summary>
    /// <returns>Null; or why it is not known what became of it, or nothing did.</returns>
    private async Task<StreamError?> SettleAsync(
        RedriveStep step, FetchResponse fetched, DeadLetter letter, StreamError? error, RedriveTally tally, CancellationToken cancellationToken)
    {
        if (error is null)
        {
            tally.Count(letter, letter.Kept, letter.Detail);
            return null;
        }

        var isForGood = IsForGood(error);
        if (!isForGood && !step.GivesUp)
            return error;
        var reason = letter.Kept ?? (!isForGood ? RedriveReasons.Unavailable : IsTooLarge(error) ? RedriveReasons.TooLarge : RedriveReasons.Refused);
        // Where the outcome of a copy to the end may be unknown, there is none: it would be there beside the one that is left.
        var hasCopy = letter.Kept is null && isForGood && !step.GivesUp;
        if (hasCopy)
        {
            var refusal = await TryAppendAsync(KeptCopyOf(step, fetched, letter.Offset), step, cancellationToken);
            if (refusal is not null && !IsForGood(refusal))
                return refusal;
            hasCopy = refusal is null;
        }

        tally.Count(letter, reason, error.Detail);
        if (!hasCopy)
            tally.Leave(letter.Offset, letter.Offset + letter.Count);
        return null;
    }

    /// <summary>What to do where the dead letters cannot be read.</summary>
    private async Task<RedriveStepResponse> PassOverAsync(RedriveStep step, RedriveTally tally, StreamError error, CancellationToken cancellationToken)
    {
        if (error is { Code: StreamErrorCode.OffsetOutOfRange, LogStartOffset: { } start })
        {
            tally.Lose(start > step.Offset ? Math.Min(start, step.EndOffset) : step.EndOffset, $"Topic '{step.Topic}' has them no longer: they were deleted.");
        }
        else if (await IsGoneAsync(step.Topic, step.TopicId, error))
        {
            tally.Lose(step.EndOffset, $"Topic '{step.Topic}' was deleted, or made anew.");
        }
        else if (error.Damage is not null || step.GivesUp)
        {
            var next = await FindReadableAsync(step, cancellationToken);
            var reason = error.Damage is null ? RedriveReasons.Unavailable : RedriveReasons.Unreadable;
            tally.Count(new DeadLetter(step.Offset, next - step.Offset, Copy: null, reason, error.Detail), reason, error.Detail);
            tally.Leave(step.Offset, next);
        }
        else
        {
            return tally.ToResponse(error);
        }

        return tally.ToResponse(trouble: null);
    }

    /// <summary>The first dead letter behind the step's first that can be read, by doubling the distance and then halving what is between.</summary>
    private async Task<long> FindReadableAsync(RedriveStep step, CancellationToken cancellationToken)
    {
        if (step.EndOffset - step.Offset <= 1 || !await IsReadableAsync(step, step.EndOffset - 1, cancellationToken))
            return step.EndOffset;
        var unreadable = step.Offset;
        var readable = step.EndOffset - 1;
        for (long distance = 1; distance < readable - step.Offset; distance *= 2)
        {
            if (await IsReadableAsync(step, step.Offset + distance, cancellationToken))
                readable = step.Offset + distance;
            else
                unreadable = step.Offset + distance;
        }

        while (readable - unreadable > 1)
        {
            var middle = unreadable + (readable - unreadable) / 2;
            if (await IsReadableAsync(step, middle, cancellationToken))
                readable = middle;
            else
                unreadable = middle;
        }

        return readable;
    }

    private async Task<bool> IsReadableAsync(RedriveStep step, long offset, CancellationToken cancellationToken) =>
        (await FetchAsync(step.Topic, step.TopicId, partition: 0, offset, bytesMax: 1, cancellationToken)).Error is null;

    /// <summary>The dead letters of one step, in order, each with its copy.</summary>
    private List<DeadLetter> LettersOf(RedriveStep step, FetchResponse fetched, out long next)
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
        if (RetryStory.Read(batch, record, step.Topic, Group) is not { } story)
        {
            return new DeadLetter(
                record.Offset, Count: 1, Copy: null, RedriveReasons.Foreign, $"Offset {record.Offset} of topic '{step.Topic}' is no dead letter of group '{Group}'.");
        }

        var isWanted = IsWanted(step.Filter, record, story);
        var topic = isWanted ? RetryTopics.RetryOf(story.Topic, Group) : step.Topic;
        var copy = CopyOf(step, record, isWanted ? story with { Attempt = 1, DueMs = NowMs } : story, topic, batch.Compression);
        return new DeadLetter(record.Offset, Count: 1, copy, isWanted ? null : RedriveReasons.Filter, Detail: null);
    }

    /// <summary>The copy for the end of the dead letters, of one that was to go back.</summary>
    private RetryCopy? KeptCopyOf(RedriveStep step, FetchResponse fetched, long offset)
    {
        var scanner = new RecordBatchScanner(fetched.Batches.Span, checkCrc: false);
        while (scanner.MoveNext())
        {
            if (scanner.Header.NextOffset <= offset)
                continue;
            using var records = new StoredBatchReader(scanner.Batch);
            while (records.TryReadNext(out var record))
            {
                if (record.Offset == offset && RetryStory.Read(records.Header, record, step.Topic, Group) is { } story)
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

    private async Task<StreamError?> TryAppendAsync(RetryCopy? copy, RedriveStep step, CancellationToken cancellationToken)
    {
        if (copy is null)
            return null;
        try
        {
            return await AppendAsync(copy, step.Policy, cancellationToken);
        }
        catch (StreamException e)
        {
            return e.Error;
        }
        catch (Exception e) when (e is OrleansException or TimeoutException)
        {
            return new StreamError(StreamErrorCode.NotLeaderOrFollower, $"Topic '{copy.Topic}' did not answer: {e.Message}") { OutcomeUnknown = true };
        }
    }

    private static bool IsWanted(RedriveFilter filter, in RecordView record, RetryStory story) =>
        (filter.Topic is null || filter.Topic == story.Topic)
        && (filter.Key is null || record.HasKey && record.Key.SequenceEqual(Encoding.UTF8.GetBytes(filter.Key)))
        && (filter.Reason is null || story.Reason.Contains(filter.Reason, StringComparison.Ordinal));

    /// <summary>True for a refusal that the same copy meets again, however long one waits.</summary>
    private static bool IsForGood(StreamError error) => !error.OutcomeUnknown && error.Code is
        StreamErrorCode.MessageTooLarge or StreamErrorCode.RecordListTooLarge or StreamErrorCode.CorruptMessage or StreamErrorCode.InvalidRecord
        or StreamErrorCode.InvalidRequest or StreamErrorCode.InvalidTimestamp or StreamErrorCode.InvalidTopicException or StreamErrorCode.InvalidPartitions
        or StreamErrorCode.InvalidConfig or StreamErrorCode.InvalidReplicationFactor or StreamErrorCode.PolicyViolation
        or StreamErrorCode.UnsupportedCompressionType or StreamErrorCode.UnsupportedForMessageFormat or StreamErrorCode.InvalidProducerEpoch
        or StreamErrorCode.OutOfOrderSequenceNumber or StreamErrorCode.UnknownProducerId;
}

/// <summary>A dead letter, or some in a row that cannot be read.</summary>
/// <param name="Offset">The first offset.</param>
/// <param name="Count">How many.</param>
/// <param name="Copy">Its copy, for the retry topic or for the end of the dead letters; null when it stays where it is.</param>
/// <param name="Kept">Why it is kept, one of <see cref="RedriveReasons"/>; null when it goes back.</param>
/// <param name="Detail">What there is to say of that; null for nothing.</param>
internal sealed record DeadLetter(long Offset, long Count, RetryCopy? Copy, string? Kept, string? Detail);
