using System.Runtime.CompilerServices;
using OrleansStream.Errors;
using OrleansStream.Partitions;

namespace OrleansStream.Topics.Routing;

/// <summary>The appends of one plan: fanned out over the partitions, each made once, and failures made into errors.</summary>
/// <remarks>What earlier tries of the request have settled is not made again. A part behind one that failed is not sent, so that records of one partition keep their order.</remarks>
/// <param name="calls">Reaches the partitions.</param>
/// <param name="topic">The topic.</param>
/// <param name="plan">The plan.</param>
/// <param name="request">The request it was made for.</param>
internal sealed class PartitionAppends(PartitionCalls calls, TopicMetadata topic, AppendPlan plan, RecordsAppendRequest request)
{
    private const long None = -1;

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
            parts[0] = await AppendAsync(0, request.ExpectedNextOffset, cancellationToken);
        }
        else if (plan.HasOnePartEach)
        {
            await Task.WhenAll(Enumerable.Range(0, parts.Length).Select(async index => parts[index] = await AppendAsync(index, null, cancellationToken)));
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
                ? await AppendAsync(index, expectedNextOffset, cancellationToken)
                : ToPart(part, Failed(failure with { OutcomeUnknown = false }));
            if (part.Error is not null)
                continue;
            failure ??= parts[index].Response.Error;
            expectedNextOffset += part.RecordCount;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<AppendPart> AppendAsync(int index, long? expectedNextOffset, CancellationToken cancellationToken)
    {
        var part = plan.Parts[index];
        if (part.Error is { } refusal)
            return ToPart(part, Failed(refusal));
        if (request.Identity?.SettledParts is { } settled && settled.Length == plan.Parts.Count && settled[index] is { } stored)
            return ToPart(part, PartitionMapping.ToResponse(stored));
        var append = new AppendRequest(part.Batches, request.Acks, topic.Version, expectedNextOffset) { Place = request.Place };
        var response = await calls.AppendAsync(new PartitionKey(topic.Id, part.Partition), append, cancellationToken);
        HasStrays |= response.Error is { OutcomeUnknown: true };
        return ToPart(part, response);
    }

    private static AppendPart ToPart(in PlannedPart part, AppendResponse response) => new(part.Partition, part.RecordCount, response);

    private static AppendResponse Failed(StreamError error) => new(error, None, None, None);
}
