using OrleansStream.Errors;
using OrleansStream.Partitions;

namespace OrleansStream.Groups;

/// <summary>One step of a redrive: takes some dead letters in order, and sends back those that its filter matches.</summary>
/// <param name="topics">Reads the dead letters, and appends the copies.</param>
/// <param name="copies">Makes the copies.</param>
internal sealed class RedriveStepRun(RetryTopicAccess topics, RetryCopies copies)
{
    /// <inheritdoc cref="IGroupRetryGrain.RedriveAsync"/>
    public async Task<RedriveStepResponse> RunAsync(RedriveStep request, CancellationToken cancellationToken)
    {
        var tally = new RedriveTally(request);
        var fetched = await topics.FetchAsync(
            request.Topic, request.TopicId, partition: 0, request.Offset, GroupGrainLimits.RedriveStepBytes, cancellationToken);
        if (fetched.Error is { } unread)
            return await PassOverAsync(request, tally, unread, cancellationToken);
        if (fetched.Batches.IsEmpty)
        {
            if (fetched.HighWatermark > request.Offset)
            {
                var absent =
                    new StreamError(StreamErrorCode.NotLeaderOrFollower, $"Offset {request.Offset} of topic '{request.Topic}' was not returned.");
                return await PassOverAsync(request, tally, absent, cancellationToken);
            }

            tally.Lose(request.EndOffset, $"Topic '{request.Topic}' now ends at offset {fetched.HighWatermark}.");
            return tally.ToResponse(trouble: null);
        }

        var letters = copies.LettersOf(request, fetched, out var next);
        foreach (var some in letters.Chunk(GroupGrainLimits.CopiesAtOnce))
        {
            var errors = await Task.WhenAll(some.Select(letter => TryAppendAsync(letter.Copy, request, cancellationToken)));
            for (var i = 0; i < some.Length; i++)
            {
                // After an error the next step copies the later letters of this chunk again, under the same identities.
                if (await SettleAsync(request, fetched, some[i], errors[i], tally, cancellationToken) is { } trouble)
                    return tally.ToResponse(trouble);
            }
        }

        tally.PassTo(next);
        return tally.ToResponse(trouble: null);
    }

    /// <summary>
    /// Counts a dead letter by its outcome. If the retry topic refuses it for good, it is first copied to the end of the dead letters.
    /// </summary>
    /// <returns>Null; or the error when the outcome is not known, or the letter must be tried again.</returns>
    private async Task<StreamError?> SettleAsync(
        RedriveStep step, FetchResponse fetched, DeadLetter letter, StreamError? error, RedriveTally tally, CancellationToken cancellationToken)
    {
        if (error is null)
        {
            tally.Count(letter, letter.Kept, letter.Detail);
            return null;
        }

        var isForGood = RetryTopicAccess.IsForGood(error);
        if (!isForGood && !step.GivesUp)
            return error;
        var reason = letter.Kept ?? (!isForGood
            ? RedriveReasons.Unavailable
            : RetryTopicAccess.IsTooLarge(error) ? RedriveReasons.TooLarge : RedriveReasons.Refused);
        // A copy with an unknown outcome must not be made, because the letter could then be there twice: as the copy, and at its old place.
        var hasCopy = letter.Kept is null && isForGood && !step.GivesUp;
        if (hasCopy)
        {
            var refusal = await TryAppendAsync(copies.KeptCopyOf(step, fetched, letter.Offset), step, cancellationToken);
            if (refusal is not null && !RetryTopicAccess.IsForGood(refusal))
                return refusal;
            hasCopy = refusal is null;
        }

        tally.Count(letter, reason, error.Detail);
        if (!hasCopy)
            tally.Leave(letter.Offset, letter.Offset + letter.Count);
        return null;
    }

    /// <summary>Decides what happens when the dead letters cannot be read.</summary>
    private async Task<RedriveStepResponse> PassOverAsync(RedriveStep step, RedriveTally tally, StreamError error,
        CancellationToken cancellationToken)
    {
        if (error is { Code: StreamErrorCode.OffsetOutOfRange, LogStartOffset: { } start })
        {
            tally.Lose(start > step.Offset ? Math.Min(start, step.EndOffset) : step.EndOffset, $"They were deleted from topic '{step.Topic}'.");
        }
        else if (await topics.IsGoneAsync(step.Topic, step.TopicId, error))
        {
            tally.Lose(step.EndOffset, $"Topic '{step.Topic}' was deleted, or deleted and created again.");
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

    /// <summary>Finds the first readable dead letter behind the step's first one, by doubling the distance and then bisecting.</summary>
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
        (await topics.FetchAsync(step.Topic, step.TopicId, partition: 0, offset, bytesMax: 1, cancellationToken)).Error is null;

    private async Task<StreamError?> TryAppendAsync(RetryCopy? copy, RedriveStep step, CancellationToken cancellationToken)
    {
        if (copy is null)
            return null;
        try
        {
            return await topics.AppendAsync(copy, step.Policy, cancellationToken);
        }
        catch (StreamException e)
        {
            return e.Error;
        }
        catch (Exception e) when (LostCalls.IsLost(e, cancellationToken))
        {
            return new StreamError(StreamErrorCode.NotLeaderOrFollower,
                $"Topic '{copy.Topic}' did not answer: {e.Message}") { OutcomeUnknown = true };
        }
    }
}

/// <summary>A dead letter, or several consecutive ones that cannot be read.</summary>
/// <param name="Offset">The first offset.</param>
/// <param name="Count">The count of dead letters.</param>
/// <param name="Copy">The copy for the retry topic or for the end of the dead letters; null when the dead letter stays where it is.</param>
/// <param name="Kept">The reason for which the dead letter is kept, one of <see cref="RedriveReasons"/>; null when it goes back.</param>
/// <param name="Detail">Details of the reason; null for none.</param>
internal sealed record DeadLetter(long Offset, long Count, RetryCopy? Copy, string? Kept, string? Detail);
