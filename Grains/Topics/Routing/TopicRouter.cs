using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Topics.HotKeys;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Topics.Routing;

/// <summary>The door to a topic's partitions in this process: plans appends and fans them out.</summary>
/// <remarks>
/// Safe to call from any thread. The topic it knows may be stale, so it refuses only by what it has just asked for, and a partition that says
/// that its topic is gone makes it ask again. It calls each partition once: whoever sent the request sends it again where that helps.
/// </remarks>
/// <param name="name">The topic's name.</param>
/// <param name="calls">Reaches the partitions.</param>
/// <param name="grains">Reaches the topic, and where its keys are counted.</param>
/// <param name="time">The clock.</param>
internal sealed class TopicRouter(string name, PartitionCalls calls, IGrainFactory grains, TimeProvider time)
{
    private readonly StickyPartitioner _sticky = new(Random.Shared.Next());
    private readonly TopicCache _cache = new(name, grains, time);
    private readonly RouterHeats _heats = new(name, grains, time);

    /// <summary>The topic, as it was at most <see cref="TopicGrainLimits.TopicCacheAge"/> ago; null when it was not asked for since.</summary>
    public TopicMetadata? Known => _cache.Fresh?.Metadata;

    /// <inheritdoc cref="ITopicRouterGrain.AppendAsync"/>
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
        var response = await RunAsync(topic.Metadata, plan, request, cancellationToken);
        return IsTopicGone(response) ? await FindOtherAsync(topic) ?? response : response;
    }

    /// <inheritdoc cref="ITopicRouterGrain.FetchAsync"/>
    public async ValueTask<FetchResponse> FetchAsync(int partition, FetchRequest request, CancellationToken cancellationToken)
    {
        var (key, error) = await FindPartitionAsync(partition);
        if (key is not { } found)
            return new FetchResponse(error, request.Offset, default, HighWatermark: -1, LogStartOffset: -1);
        if (request.TopicId is { } id)
            return await FetchOfAsync(found with { TopicId = id }, request, cancellationToken);

        // The topic known here may be one that is gone. Which has the name is settled by a read that does not wait; a wait is bound to it then, for
        // its offset means nothing in a topic that is created meanwhile.
        var look = request with { WaitMs = 0 };
        var response = await calls.FetchAsync(found, look, cancellationToken);
        if (IsTopicGone(response.Error) && await FindPartitionAnewAsync(found) is { } anew)
        {
            found = anew;
            response = await calls.FetchAsync(found, look, cancellationToken);
        }

        return request.WaitMs > 0 && response is { Error: null, Batches.IsEmpty: true }
            ? await FetchOfAsync(found, request with { Offset = response.Offset }, cancellationToken)
            : response with { Error = Translate(response.Error), TopicId = found.TopicId };
    }

    /// <inheritdoc cref="ITopicRouterGrain.FindOffsetAsync"/>
    public async ValueTask<FindOffsetResponse> FindOffsetAsync(int partition, long timestampMs, CancellationToken cancellationToken)
    {
        var (key, error) = await FindPartitionAsync(partition);
        if (key is not { } found)
            return new FindOffsetResponse(error, Offset: -1, TimestampMs: -1);
        var response = await calls.FindOffsetAsync(found, timestampMs, cancellationToken);
        if (IsTopicGone(response.Error) && await FindPartitionAnewAsync(found) is { } anew)
        {
            found = anew;
            response = await calls.FindOffsetAsync(found, timestampMs, cancellationToken);
        }

        return response with { Error = Translate(response.Error), TopicId = found.TopicId };
    }

    /// <inheritdoc cref="ITopicRouterGrain.DeleteRecordsAsync"/>
    public ValueTask<PartitionDescription> DeleteRecordsAsync(int partition, long beforeOffset, CancellationToken cancellationToken) =>
        DeleteRecordsAsync(topicId: null, partition, beforeOffset, cancellationToken);

    /// <inheritdoc cref="ITopicRouterGrain.DeleteRecordsOfAsync"/>
    public ValueTask<PartitionDescription> DeleteRecordsOfAsync(
        Guid topicId, int partition, long beforeOffset, CancellationToken cancellationToken) =>
        DeleteRecordsAsync(topicId, partition, beforeOffset, cancellationToken);

    private async ValueTask<PartitionDescription> DeleteRecordsAsync(
        Guid? topicId, int partition, long beforeOffset, CancellationToken cancellationToken)
    {
        // Seldom asked, and never to be done to another topic than the one that has the name now: no cache, and no second try on one that is created meanwhile.
        var (topic, error) = await _cache.RefreshAsync(known: null);
        if (topic is null)
            return PartitionMapping.Unavailable(partition, error!);
        var metadata = topic.Metadata;
        if (topicId is not null && topicId != metadata.Id)
            return PartitionMapping.Unavailable(partition, CreatedAnew());
        if ((uint)partition >= (uint)metadata.PartitionCount)
            return PartitionMapping.Unavailable(partition, PartitionErrors.NoSuchPartition(metadata.Name, partition, metadata.PartitionCount));
        var response = await calls.DeleteRecordsAsync(new PartitionKey(metadata.Id, partition), beforeOffset, cancellationToken);
        return response with { Error = Translate(response.Error) };
    }

    /// <inheritdoc cref="ITopicRouterGrain.DescribeAsync"/>
    public async ValueTask<TopicDescription> DescribeAsync(CancellationToken cancellationToken)
    {
        // Seldom asked, and its answer is shown: no cache.
        var (topic, error) = await _cache.RefreshAsync(known: null);
        if (topic is null)
            return new TopicDescription(Topic: null, [], error);
        var partitions = await Task.WhenAll(
            Enumerable.Range(0, topic.Metadata.PartitionCount)
                .Select(partition => calls.DescribeAsync(new PartitionKey(topic.Metadata.Id, partition)).AsTask()));
        return new TopicDescription(topic.Metadata, [.. partitions]);
    }

    /// <summary>The topic for a first try. A caller that names another version than is known here may know a newer one.</summary>
    private async ValueTask<(TopicView? Topic, StreamError? Error)> FindForAsync(AppendIdentity? identity)
    {
        var (topic, error) = await _cache.GetAsync();
        var mayBeStale = identity?.Topic is { } named && topic is not null && !topic.IsVersionOf(named)
            && (named.Id != topic.Metadata.Id || named.Version > topic.Metadata.Version);
        return mayBeStale ? await _cache.RefreshAsync(topic) : (topic, error);
    }

    /// <summary>The answer where the topic is another by now than a request was planned by, and nothing of it was stored; null where it is the same.</summary>
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
            return await RunAsync(planned, plan, request, cancellationToken);
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
        var plan = AppendPlanner.Plan(request, ContextFor(topic, request.Identity) with { Heat = heat, HasWholeBatches = request.HasWholeBatches }, out error);
        if (plan is not { HasRefusals: true } || request.Identity is not { IsClients: true })
            return plan;
        error = plan.Parts.First(part => part.Error is not null).Error;
        plan.Dispose();
        return null;
    }

    private AppendContext ContextFor(TopicView topic, AppendIdentity? identity) => identity is null
        ? new AppendContext(topic, _sticky, time.GetUtcNow().ToUnixTimeMilliseconds())
        : new AppendContext(topic, new StickyPartitioner(identity.KeylessStart), identity.NowMs, identity);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RecordsAppendResponse> RunAsync(
        TopicMetadata topic, AppendPlan plan, RecordsAppendRequest request, CancellationToken cancellationToken)
    {
        var appends = new PartitionAppends(calls, topic, plan, request);
        var parts = await appends.RunAsync(cancellationToken);
        // A call without a certain answer may still be reading the plan's memory, or the request's: the garbage collector gets them then.
        if (!appends.HasStrays)
            plan.Dispose();
        return new RecordsAppendResponse(ImmutableCollectionsMarshal.AsImmutableArray(parts), plan.PartOfRecord)
        {
            HasStrays = appends.HasStrays,
            RecordMemory = plan.RecordMemory,
        };
    }

    private async Task<(PartitionKey? Key, StreamError? Error)> FindPartitionAsync(int partition)
    {
        var (topic, error) = await _cache.GetAsync();
        if (topic is not null && (uint)partition >= (uint)topic.Metadata.PartitionCount)
            (topic, error) = await _cache.RefreshAsync(topic);
        if (topic is null)
            return (null, error);
        var metadata = topic.Metadata;
        return (uint)partition < (uint)metadata.PartitionCount
            ? (new PartitionKey(metadata.Id, partition), null)
            : (null, PartitionErrors.NoSuchPartition(metadata.Name, partition, metadata.PartitionCount));
    }

    /// <summary>The partition of the topic that now has the name, when it is another.</summary>
    private async Task<PartitionKey?> FindPartitionAnewAsync(PartitionKey gone)
    {
        var (topic, _) = await _cache.RefreshAsync(known: null);
        return topic is not null && topic.Metadata.Id != gone.TopicId && gone.Partition < topic.Metadata.PartitionCount
            ? new PartitionKey(topic.Metadata.Id, gone.Partition)
            : null;
    }

    /// <summary>Reads from this topic or none: its offsets mean nothing in another of the name.</summary>
    private async ValueTask<FetchResponse> FetchOfAsync(PartitionKey key, FetchRequest request, CancellationToken cancellationToken)
    {
        var response = await calls.FetchAsync(key, request, cancellationToken);
        if (IsTopicGone(response.Error))
        {
            var (topic, _) = await _cache.RefreshAsync(known: null);
            response = response with { Error = topic is null ? Translate(response.Error) : CreatedAnew() };
        }

        return response with { TopicId = key.TopicId };
    }

    private static bool IsTopicGone(RecordsAppendResponse response) =>
        response.Parts.All(part => part.Response.Error is { Code: StreamErrorCode.UnknownTopicId, OutcomeUnknown: false });

    private static bool IsTopicGone(StreamError? error) => error?.Code == StreamErrorCode.UnknownTopicId;

    private StreamError CreatedAnew() => new(
        StreamErrorCode.UnknownTopicId,
        $"The topic '{name}' that was read from was deleted, and another has its name: the offsets are none of that one's. Read it from its start.");

    /// <summary>A caller that named the topic by its name is told about the name.</summary>
    private StreamError? Translate(StreamError? error) => IsTopicGone(error)
        ? new StreamError(StreamErrorCode.UnknownTopicOrPartition, $"There is no topic '{name}': it was deleted.")
        : error;
}
