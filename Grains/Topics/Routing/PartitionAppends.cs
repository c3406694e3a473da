using System.Runtime.CompilerServices;
using OrleansStream.Errors;
using OrleansStream.Partitions;

namespace OrleansStream.Topics.Routing;

/// <summary>The appends of one plan: fanned out over the partitions, repeated where that is safe, and failures made into errors.</summary>
/// <remarks>
/// What was certainly not stored, since its partition is moving, is sent again. With an identity so is what has no certain
/// answer, the same bytes until the request's time is over: the partition's log knows what it has. A part behind one that is not
/// stored yet waits for it, so that records of one partition keep their order.
/// </remarks>
/// <param name="calls">Reaches the partitions.</param>
/// <param name="time">The clock.</param>
/// <param name="topic">The topic.</param>
/// <param name="plan">The plan.</param>
/// <param name="request">The request it was made for.</param>
internal sealed class PartitionAppends(
    PartitionCalls calls, TimeProvider time, TopicMetadata topic, AppendPlan plan, RecordsAppendRequest request)
{
    private const long None = -1;

    private readonly long _startedAt = time.GetTimestamp();

    /// <summary>True when a call was given up without a certain answer: it may go on reading its batches.</summary>
    public bool HasStrays { get; private set; }

    /// <summary>Makes the appends: those of different partitions at the same time, those of one in their order.</summary>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <returns>What came of each part.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<AppendPart[]> RunAsync(CancellationToken cancellationToken)
    {
        var parts = new AppendPart[plan.Parts.Count];
        if (parts.Length == 1)
        {
            parts[0] = await AppendAsync(plan.Parts[0], request.ExpectedNextOffset, cancellationToken);
        }
        else if (plan.HasOnePartEach)
        {
            await Task.WhenAll(plan.Parts.Select(async (part, index) => parts[index] = await AppendAsync(part, null, cancellationToken)));
        }
        else
        {
            await Task.WhenAll(Enumerable.Range(0, parts.Length)
                .GroupBy(part => plan.Parts[part].Partition)
                .Select(group => AppendInOrderAsync([.. group], parts, cancellationToken)));
        }

        return parts;
    }

    private async Task AppendInOrderAsync(int[] indexes, AppendPart[] parts, CancellationToken cancellationToken)
    {
        StreamError? failure = null;
        var expectedNextOffset = request.ExpectedNextOffset;
        foreach (var index in indexes)
        {
            var part = plan.Parts[index];
            // Records behind a failed append must not overtake it.
            parts[index] = failure is null || part.Error is not null
                ? await AppendAsync(part, expectedNextOffset, cancellationToken)
                : ToPart(part, Failed(failure with { OutcomeUnknown = false }));
            if (part.Error is not null)
                continue;
            failure ??= parts[index].Response.Error;
            expectedNextOffset += part.RecordCount;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<AppendPart> AppendAsync(PlannedPart part, long? expectedNextOffset, CancellationToken cancellationToken)
    {
        if (part.Error is { } refusal)
            return ToPart(part, Failed(refusal));
        var key = new PartitionKey(topic.Id, part.Partition);
        var append = new AppendRequest(part.Batches, request.Acks, topic.Version, expectedNextOffset);
        var isOpen = false;
        for (var attempt = 1; ; attempt++)
        {
            var response = await calls.AppendAsync(key, append, cancellationToken);
            if (response.Error is not { } error)
                return ToPart(part, response);
            HasStrays |= error.OutcomeUnknown;
            isOpen |= error.OutcomeUnknown;
            // What an earlier call may have stored is not made undone by a later refusal.
            error = error with { OutcomeUnknown = isOpen };
            if (!MayRepeat(error, attempt) || !await PauseAsync(cancellationToken))
                return ToPart(part, Failed(error) with { LogStartOffset = response.LogStartOffset });
        }
    }

    private bool MayRepeat(StreamError error, int attempt) => request.Identity is { } identity
        ? time.GetElapsedTime(_startedAt).TotalMilliseconds < identity.TimeoutMs && error.Code switch
        {
            StreamErrorCode.NotLeaderOrFollower => true,
            StreamErrorCode.RequestTimedOut or StreamErrorCode.KafkaStorageError or StreamErrorCode.ThrottlingQuotaExceeded => error.OutcomeUnknown,
            _ => false,
        }
        : error is { Code: StreamErrorCode.NotLeaderOrFollower, OutcomeUnknown: false } && attempt < TopicGrainLimits.AttemptsMax;

    private async ValueTask<bool> PauseAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(TopicGrainLimits.RetryPause, time, cancellationToken);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private static AppendPart ToPart(in PlannedPart part, AppendResponse response) => new(part.Partition, part.RecordCount, response);

    private static AppendResponse Failed(StreamError error) => new(error, None, None, None);
}
