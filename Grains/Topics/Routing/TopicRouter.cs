using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Topics.HotKeys;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Topics.Routing;

/// <summary>
/// The door to a topic's partitions in this process: plans appends, fans them out over the partitions, and makes failures into errors.
/// </summary>
/// <remarks>
/// Safe to call from any thread. The topic it knows may be stale, so it refuses only by what it has just asked for, and a partition that says
/// that its topic is gone makes it ask again. It calls each partition once: whoever sent the request sends it again where that helps. A part that an
/// earlier try has settled is not appended again. A part behind one that failed is not sent, so that records of one partition keep their order.
/// </remarks>
/// <param name="name">The topic's name.</param>
/// <param name="partitions">Reaches the partitions.</param>
/// <param name="grains">Reaches the topic, and where its keys are counted.</param>
/// <param name="time">The clock.</param>
internal sealed class TopicRouter(string name, PartitionAccess partitions, IGrainFactory grains, TimeProvider time) : ILocalTopic
{
    private readonly StickyPartitioner _sticky = new((int)(partitions.Random.NextDouble() * int.MaxValue));
    private readonly TopicCache _cache = new(name, grains, time);
    private readonly RouterHeats _heats = new(name, grains, time);
    private TopicReads? _reads;

    /// <summary>The topic, as it was at most <see cref="TopicGrainLimits.TopicCacheAge"/> ago; null when it was not asked for since.</summary>
    public TopicMetadata? Known => _cache.Fresh?.Metadata;

    /// <summary>The calls other than appends.</summary>
    public TopicReads Reads => _reads ??= new TopicReads(name, _cache, partitions.Calls);

    /// <inheritdoc/>
    public ValueTask<FetchResponse> FetchAsync(int partition, FetchRequest request, CancellationToken cancellationToken) =>
        Reads.FetchAsync(partition, request, cancellationToken);

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<RecordsAppendResponse> AppendAsync(RecordsAppendRequest request, CancellationToken cancellationToken)
    {
        if (request.Identity is { IsRepeat: true, Topic: { } planned } identity)
            return await RepeatAsync(planned, identity.StoredParts, request, cancellationToken);
        var (topic, error) = await FindForAsync(request.Identity);
        if (topic is null)
            return new RecordsAppendResponse([], default, error);
        if (request.Identity is { } named && !topic.IsVersionOf(named.Topic))
            return new RecordsAppendResponse([], default) { PlanBy = topic.Metadata };
        var plan = PlanFirst(request, topic, out error);
        if (plan is not { HasRefusals: false } && await FindOtherAsync(topic) is { } refused)
        {
            plan?.Dispose();
            return refused;
        }

        if (plan is null)
            return new RecordsAppendResponse([], default, error);
        // Most plans have one part: its append needs no other async method around it.
        var parts = plan.Parts.Count == 1
            ? [ToPart(plan.Parts[0], await AppendPartAsync(topic.Metadata, plan, 0, request, request.ExpectedNextOffset, cancellationToken))]
            : await AppendPartsAsync(topic.Metadata, plan, request, cancellationToken);
        var response = Answer(parts, plan, request);
        return IsTopicGone(response) ? await FindOtherAsync(topic) ?? response : response;
    }

    /// <summary>The topic for a first try. A caller that names another version than is known here may know a newer one.</summary>
    private async ValueTask<(TopicView? Topic, StreamError? Error)> FindForAsync(AppendIdentity? identity)
    {
        var (topic, error) = await _cache.GetAsync();
        var mayBeStale = identity?.Topic is { } named && topic is not null && !topic.IsVersionOf(named)
            && (named.Id != topic.Metadata.Id || named.Version > topic.Metadata.Version);
        return mayBeStale ? await _cache.RefreshAsync(topic) : (topic, error);
    }

    /// <summary>
    /// The answer where the topic is another by now than a request was planned by, and nothing of it was stored; null where it is the same.
    /// </summary>
    private async ValueTask<RecordsAppendResponse?> FindOtherAsync(TopicView known)
    {
        var (topic, error) = await _cache.RefreshAsync(known: null);
        if (topic is null)
            return new RecordsAppendResponse([], default, error);
        return topic.IsVersionOf(known.Metadata) ? null : new RecordsAppendResponse([], default) { PlanBy = topic.Metadata };
    }

    /// <summary>Makes a request's appends again, as its first try planned them, whatever the topic has become; or tells what came of them.</summary>
    private async ValueTask<RecordsAppendResponse> RepeatAsync(
        TopicMetadata planned, ImmutableArray<StoredPart>? stored, RecordsAppendRequest request, CancellationToken cancellationToken)
    {
        var topic = new TopicView(planned, TopicConfig.From(planned.Config), ReadAt: 0);
        var plan = Plan(request, topic, heat: null, out var error);
        if (plan is null)
            return new RecordsAppendResponse([], default, error);
        if (stored is not { } parts)
            return Answer(await AppendPartsAsync(planned, plan, request, cancellationToken), plan, request);
        plan.Dispose();
        return new RecordsAppendResponse(
            [.. plan.Parts.Zip(parts, (part, known) => new AppendPart(part.Partition, part.RecordCount, PartitionMapping.ToResponse(known)))],
            plan.PartOfRecord) { RecordMemory = plan.RecordMemory };
    }

    /// <summary>Plans a first try, and counts its keys.</summary>
    private AppendPlan? PlanFirst(RecordsAppendRequest request, TopicView topic, out StreamError? error)
    {
        using var turn = _heats.TakeTurn();
        var plan = Plan(request, topic, turn.Heat, out error);
        if (plan is { HasRefusals: false })
            turn.Heat?.AddStored(request.Batches.Span, plan.LengthBytes);
        turn.Heat?.ReportWhenDue(topic.Metadata);
        return plan;
    }

    private AppendPlan? Plan(RecordsAppendRequest request, TopicView topic, RouterHeat? heat, out StreamError? error)
    {
        var context = ContextFor(topic, request.Identity) with { Heat = heat, HasWholeBatches = request.HasWholeBatches };
        var plan = AppendPlanner.Plan(request, context, out error);
        if (plan is not { HasRefusals: true } || request.Identity is not { IsClients: true })
            return plan;
        error = plan.Parts.First(part => part.Error is not null).Error;
        plan.Dispose();
        return null;
    }

    private AppendContext ContextFor(TopicView topic, AppendIdentity? identity) => identity is null
        ? new AppendContext(topic, _sticky, time.GetUtcNow().ToUnixTimeMilliseconds())
        : new AppendContext(topic, new StickyPartitioner(identity.KeylessStart), identity.NowMs, identity);

    /// <summary>Makes the appends of a plan: those of different partitions at the same time, those of one in their order.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="request">The request that it was made for.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <returns>What came of each part.</returns>
    internal async ValueTask<AppendPart[]> AppendPartsAsync(
        TopicMetadata topic, AppendPlan plan, RecordsAppendRequest request, CancellationToken cancellationToken)
    {
        var parts = new AppendPart[plan.Parts.Count];
        await Task.WhenAll(Enumerable.Range(0, parts.Length)
            .GroupBy(part => plan.HasOnePartEach ? part : plan.Parts[part].Partition)
            .Select(group => AppendInOrderAsync(topic, plan, [.. group], parts, request, cancellationToken)));
        return parts;
    }

    private async Task AppendInOrderAsync(
        TopicMetadata topic, AppendPlan plan, int[] indexes, AppendPart[] parts, RecordsAppendRequest request, CancellationToken cancellationToken)
    {
        StreamError? failure = null;
        var expectedNextOffset = request.ExpectedNextOffset;
        foreach (var index in indexes)
        {
            var part = plan.Parts[index];
            // Records behind a failed append must not overtake it.
            parts[index] = ToPart(part, failure is null || part.Error is not null
                ? await AppendPartAsync(topic, plan, index, request, expectedNextOffset, cancellationToken)
                : PartitionMapping.Failed(failure with { OutcomeUnknown = false }));
            if (part.Error is not null)
                continue;
            failure ??= parts[index].Response.Error;
            expectedNextOffset += part.RecordCount;
        }
    }

    /// <summary>Appends one part, once: straight to the log if it is open in this process and nothing is before it.</summary>
    /// <remarks>It awaits nothing itself: each async method around an append costs memory for every append under way.</remarks>
    private ValueTask<AppendResponse> AppendPartAsync(
        TopicMetadata topic, AppendPlan plan, int index, RecordsAppendRequest request, long? expectedNextOffset, CancellationToken cancellationToken)
    {
        var part = plan.Parts[index];
        if (part.Error is { } refusal)
            return ValueTask.FromResult(PartitionMapping.Failed(refusal));
        if (FindSettled(plan, index, request) is { } stored)
            return ValueTask.FromResult(PartitionMapping.ToResponse(stored));
        var key = new PartitionKey(topic.Id, part.Partition);
        var append = new AppendRequest(part.Batches, request.Acks, topic.Version, expectedNextOffset)
        {
            RequiredLeader = request.RequiredLeader, Place = request.Place,
        };
        // The appends of several parts are made at the same time.
        var mayBlock = request.MayBlock && plan.Parts.Count == 1;
        return partitions.Order.FindOpen(key, append) is { } here
            ? here.AppendAsync(append with { MayBlock = mayBlock }, cancellationToken)
            : AppendInTurnAsync(key, append, cancellationToken);
    }

    private async ValueTask<AppendResponse> AppendInTurnAsync(PartitionKey key, AppendRequest append, CancellationToken cancellationToken)
    {
        try
        {
            return await partitions.Order.AppendAsync(key, append, cancellationToken);
        }
        catch (Exception e)
        {
            return PartitionMapping.Failed(PartitionErrors.Explain(e, isWrite: true, partitions.Logger));
        }
    }

    /// <summary>What an earlier try of the request has stored of a part; null when the part is to be appended.</summary>
    private static StoredPart? FindSettled(AppendPlan plan, int index, RecordsAppendRequest request) =>
        request.Identity?.SettledParts is { } settled && settled.Length == plan.Parts.Count ? settled[index] : null;

    private static RecordsAppendResponse Answer(AppendPart[] parts, AppendPlan plan, RecordsAppendRequest request)
    {
        var hasStrays = false;
        for (var i = 0; i < parts.Length && !hasStrays; i++)
            hasStrays = parts[i].Response.Error is { OutcomeUnknown: true } && FindSettled(plan, i, request) is null;
        // A call without a certain answer may still be reading the plan's memory, or the request's: the garbage collector gets them then.
        if (!hasStrays)
            plan.Dispose();
        return new RecordsAppendResponse(ImmutableCollectionsMarshal.AsImmutableArray(parts), plan.PartOfRecord)
        {
            HasStrays = hasStrays,
            RecordMemory = plan.RecordMemory,
        };
    }

    private static AppendPart ToPart(in PlannedPart part, AppendResponse response) => new(part.Partition, part.RecordCount, response);

    private static bool IsTopicGone(RecordsAppendResponse response) =>
        response.Parts.All(part => part.Response.Error is { Code: StreamErrorCode.UnknownTopicId, OutcomeUnknown: false });


}
