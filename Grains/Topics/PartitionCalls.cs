using OrleansStream.Errors;
using OrleansStream.Partitions;

namespace OrleansStream.Topics;

/// <summary>A router's calls to partitions: fanned out, tried again where that is safe, and failures made into errors.</summary>
/// <remarks>
/// An append is tried again only when it was certainly not stored. When its call fails the outcome is unknown, and only the
/// caller, who knows whether the batch has a producer id, may send it again.
/// </remarks>
/// <param name="grains">Reaches the partitions.</param>
/// <param name="time">The clock.</param>
internal sealed class PartitionCalls(IGrainFactory grains, TimeProvider time)
{
    private const long None = -1;

    /// <summary>Makes the appends of a plan: those of different partitions at the same time, those of one in their order.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="request">The request it was made for.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <returns>What came of each part.</returns>
    public async Task<AppendPart[]> AppendAsync(
        TopicMetadata topic, AppendPlan plan, RecordsAppendRequest request, CancellationToken cancellationToken)
    {
        var responses = new AppendResponse[plan.Parts.Count];
        if (plan.Parts.Count == 1)
        {
            responses[0] = await AppendAsync(topic, plan.Parts[0], request, cancellationToken);
        }
        else
        {
            await Task.WhenAll(Enumerable.Range(0, plan.Parts.Count)
                .GroupBy(part => plan.Parts[part].Partition)
                .Select(group => AppendInOrderAsync(topic, plan, [.. group], responses, request, cancellationToken)));
        }

        var parts = new AppendPart[responses.Length];
        for (int i = 0; i < parts.Length; i++)
            parts[i] = new AppendPart(plan.Parts[i].Partition, plan.Parts[i].RecordCount, responses[i]);
        return parts;
    }

    /// <summary>Reads from a partition.</summary>
    /// <param name="key">The partition.</param>
    /// <param name="request">What to read.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public ValueTask<FetchResponse> FetchAsync(PartitionKey key, FetchRequest request, CancellationToken cancellationToken) => TryAsync(
        token => Partition(key).FetchAsync(request, token),
        response => response.Error,
        error => new FetchResponse(error, request.Offset, default, None, None),
        cancellationToken);

    /// <summary>Finds the offset of a time in a partition.</summary>
    /// <param name="key">The partition.</param>
    /// <param name="timestampMs">Milliseconds since the Unix epoch.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    public ValueTask<FindOffsetResponse> FindOffsetAsync(PartitionKey key, long timestampMs, CancellationToken cancellationToken) => TryAsync(
        token => Partition(key).FindOffsetAsync(timestampMs, token),
        response => response.Error,
        error => new FindOffsetResponse(error, None, None),
        cancellationToken);

    /// <summary>Deletes the records of a partition below an offset. Repeating it is harmless, so it is tried again as a read is.</summary>
    /// <param name="key">The partition.</param>
    /// <param name="beforeOffset">The new log start offset; -1 for the high watermark.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    public ValueTask<PartitionDescription> DeleteRecordsAsync(
        PartitionKey key, long beforeOffset, CancellationToken cancellationToken) => TryAsync(
        token => Partition(key).DeleteRecordsAsync(beforeOffset, token),
        response => response.Error,
        error => PartitionMapping.Unavailable(key.Partition, error with { OutcomeUnknown = true }),
        cancellationToken);

    /// <summary>Describes a partition.</summary>
    /// <param name="key">The partition.</param>
    public ValueTask<PartitionDescription> DescribeAsync(PartitionKey key) => TryAsync(
        _ => Partition(key).DescribeAsync(),
        response => response.Error,
        error => PartitionMapping.Unavailable(key.Partition, error),
        CancellationToken.None);

    private async Task AppendInOrderAsync(
        TopicMetadata topic, AppendPlan plan, int[] parts, AppendResponse[] responses, RecordsAppendRequest request,
        CancellationToken cancellationToken)
    {
        StreamError? failure = null;
        foreach (int part in parts)
        {
            // Records behind a failed append must not overtake it.
            responses[part] = failure is null || plan.Parts[part].Error is not null
                ? await AppendAsync(topic, plan.Parts[part], request, cancellationToken)
                : Failed(failure with { OutcomeUnknown = false });
            if (plan.Parts[part].Error is null)
                failure ??= responses[part].Error;
        }
    }

    private ValueTask<AppendResponse> AppendAsync(
        TopicMetadata topic, PlannedPart part, RecordsAppendRequest request, CancellationToken cancellationToken)
    {
        if (part.Error is { } refusal)
            return ValueTask.FromResult(Failed(refusal));
        var append = new AppendRequest(part.Batches, request.Acks, topic.Version, request.ExpectedNextOffset);
        IPartitionGrain partition = Partition(new PartitionKey(topic.Id, part.Partition));
        return TryAsync(
            token => partition.AppendAsync(append, token), response => response.Error, Failed, cancellationToken, isWrite: true);
    }

    private async ValueTask<T> TryAsync<T>(
        Func<CancellationToken, ValueTask<T>> call, Func<T, StreamError?> errorOf, Func<StreamError, T> fail,
        CancellationToken cancellationToken, bool isWrite = false)
    {
        for (int attempt = 1; ; attempt++)
        {
            bool mayRetry = attempt < TopicGrainLimits.AttemptsMax;
            try
            {
                T response = await call(cancellationToken);
                if (!mayRetry || errorOf(response) is not { Code: StreamErrorCode.NotLeaderOrFollower, OutcomeUnknown: false })
                    return response;
            }
            catch (Exception e) when (isWrite || !mayRetry || e is OperationCanceledException or TimeoutException)
            {
                return fail(Explain(e, isWrite));
            }
            catch (Exception e) when (e is OrleansException)
            {
                // A read is repeated: its silo has just gone, and another takes the partition over.
            }

            try
            {
                await Task.Delay(TopicGrainLimits.RetryPause, time, cancellationToken);
            }
            catch (OperationCanceledException e)
            {
                return fail(Explain(e, isWrite: false));
            }
        }
    }

    private static StreamError Explain(Exception exception, bool isWrite) => exception switch
    {
        OperationCanceledException or TimeoutException => new StreamError(
            StreamErrorCode.RequestTimedOut, "The deadline passed before the partition answered.") { OutcomeUnknown = isWrite },
        OrleansException => new StreamError(
            StreamErrorCode.RequestTimedOut, "The server that led the partition went away before it answered.") { OutcomeUnknown = isWrite },
        _ => new StreamError(StreamErrorCode.UnknownServerError, "The partition failed; the server's log says why.") { OutcomeUnknown = isWrite },
    };

    private static AppendResponse Failed(StreamError error) => new(error, None, None, None);

    private IPartitionGrain Partition(PartitionKey key) => grains.GetGrain<IPartitionGrain>(key.ToString());
}
