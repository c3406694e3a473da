using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Topics.HotKeys;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Topics.Routing;

/// <summary>
/// The door to a topic's partitions in this process: divides requests into appends, fans them out, and makes failures into errors.
/// </summary>
/// <remarks>
/// Safe to call from any thread. The topic it knows may be stale, so it refuses only by what it has just asked for, and a partition that says
/// that its topic is gone makes it ask again. It calls each partition once: whoever sent the request sends it again where that helps. A part that an
/// earlier try has settled is not appended again. A part behind one that failed is not sent, so that records of one partition keep their order.
/// </remarks>
/// <param name="name">The topic's name.</param>
/// <param name="partitions">Reaches the partitions.</param>
/// <param name="grains">Reaches the topic, and where its keys are counted.</param>
/// <param name="time">Dates appends, and tells how old what is known of the topic is.</param>
internal sealed class TopicRouter(string name, PartitionAccess partitions, IGrainFactory grains, TimeProvider time) : ILocalTopic
{
    private readonly StickyPartitioner _sticky = new((int)(partitions.Random.NextDouble() * int.MaxValue));
    private readonly TopicCache _cache = new(name, grains, time);
    private readonly KeyCounters _keys = new(name, grains, time);
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
        if (request.Identity is { IsRepeat: true, Topic: { } known } identity)
            return await RepeatAsync(known, identity.StoredParts, request, cancellationToken);
        var (topic, error) = await FindForAsync(request.Identity);
        if (topic is null)
            return new RecordsAppendResponse([], default, error);
        if (request.Identity is { } named && !topic.IsVersionOf(named.Topic))
            return new RecordsAppendResponse([], default) { PartitionBy = topic.Metadata };
        var appends = PartitionFirst(request, topic, out error);
        using var room = appends?.Room;
        // Another version of the topic may allow what was refused, unless the server just had no room.
        var mayBeStale = appends is null ? error!.Code != StreamErrorCode.ThrottlingQuotaExceeded : appends.HasRefusals;
        if (mayBeStale && await FindOtherAsync(topic) is { } refused)
        {
            appends?.Dispose();
            return refused;
        }

        if (appends is null)
            return new RecordsAppendResponse([], default, error);
        // Most requests have one part: its append needs no other async method around it.
        var parts = appends.Parts.Count == 1
            ? [ToPart(appends.Parts[0], await AppendPartAsync(topic.Metadata, appends, 0, request, request.ExpectedNextOffset, cancellationToken))]
            : await AppendPartsAsync(topic.Metadata, appends, request, cancellationToken);
        var response = Answer(parts, appends, request);
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
    /// The answer where the topic is another by now than a request was partitioned by, and nothing of it was stored; null where it is the same.
    /// </summary>
    private async ValueTask<RecordsAppendResponse?> FindOtherAsync(TopicView known)
    {
        var (topic, error) = await _cache.RefreshAsync(known: null);
        if (topic is null)
            return new RecordsAppendResponse([], default, error);
        return topic.IsVersionOf(known.Metadata) ? null : new RecordsAppendResponse([], default) { PartitionBy = topic.Metadata };
    }

    /// <summary>
    /// Makes a request's appends again, partitioned as for its first try, whatever the topic has become; or tells what came of them.
    /// </summary>
    private async ValueTask<RecordsAppendResponse> RepeatAsync(
        TopicMetadata known, ImmutableArray<StoredPart>? stored, RecordsAppendRequest request, CancellationToken cancellationToken)
    {
        var topic = new TopicView(known, TopicConfig.From(known.Config), ReadAt: 0);
        var appends = Partition(request, topic, keys: null, out var error);
        // Whether an earlier try may have stored something is known to the caller, unless the request is over: then it has.
        if (appends is null)
            return new RecordsAppendResponse([], default, error! with { OutcomeUnknown = stored is not null });
        using var room = appends.Room;
        if (stored is not { } parts)
            return Answer(await AppendPartsAsync(known, appends, request, cancellationToken), appends, request);
        appends.Dispose();
        return new RecordsAppendResponse(
            [.. appends.Parts.Zip(parts, (part, outcome) => ToPart(part, PartitionConversions.ToResponse(outcome)))],
            appends.PartOfRecord) { RecordMemory = appends.RecordMemory };
    }

    /// <summary>Partitions a first try, and counts its keys.</summary>
    private PartitionedAppends? PartitionFirst(RecordsAppendRequest request, TopicView topic, out StreamError? error)
    {
        using var turn = _keys.TakeTurn();
        var appends = Partition(request, topic, turn.Counter, out error);
        if (appends is { HasRefusals: false })
            turn.Counter?.AddStored(request.Batches.Span, appends.LengthBytes);
        turn.Counter?.ReportWhenDue(topic.Metadata);
        return appends;
    }

    private PartitionedAppends? Partition(RecordsAppendRequest request, TopicView topic, KeyCounter? keys, out StreamError? error)
    {
        var context = ContextFor(topic, request.Identity) with { Keys = keys, HasWholeBatches = request.HasWholeBatches };
        var appends = AppendPartitioner.Partition(request, context, out error);
        if (appends is { HasRefusals: true } && request.Identity is { IsClients: true })
        {
            error = appends.Parts.First(part => part.Error is not null).Error;
            appends.Dispose();
            return null;
        }

        return appends;
    }

    private AppendContext ContextFor(TopicView topic, AppendIdentity? identity) => identity is null
        ? new AppendContext(topic, _sticky, time.GetUtcNow().ToUnixTimeMilliseconds(), Identity: null, partitions.Rewrites)
        : new AppendContext(topic, new StickyPartitioner(identity.KeylessStart), identity.NowMs, identity, partitions.Rewrites);

    /// <summary>Makes appends: those of different partitions at the same time, those of one in their order.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="appends">The appends.</param>
    /// <param name="request">The request that it was made for.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <returns>What came of each part.</returns>
    internal async ValueTask<AppendPart[]> AppendPartsAsync(
        TopicMetadata topic, PartitionedAppends appends, RecordsAppendRequest request, CancellationToken cancellationToken)
    {
        var parts = new AppendPart[appends.Parts.Count];
        await Task.WhenAll(Enumerable.Range(0, parts.Length)
            .GroupBy(part => appends.HasOnePartEach ? part : appends.Parts[part].Partition)
            .Select(group => AppendInOrderAsync(topic, appends, [.. group], parts, request, cancellationToken)));
        return parts;
    }

    private async Task AppendInOrderAsync(
        TopicMetadata topic, PartitionedAppends appends, int[] indexes, AppendPart[] parts, RecordsAppendRequest request,
        CancellationToken cancellationToken)
    {
        StreamError? failure = null;
        var expectedNextOffset = request.ExpectedNextOffset;
        foreach (var index in indexes)
        {
            var part = appends.Parts[index];
            // Records behind a failed append must not overtake it.
            parts[index] = ToPart(part, failure is null || part.Error is not null
                ? await AppendPartAsync(topic, appends, index, request, expectedNextOffset, cancellationToken)
                : PartitionConversions.Failed(failure with { OutcomeUnknown = false }));
            if (part.Error is not null)
                continue;
            // A part whose offset the log no longer knows is stored, so those behind it do not overtake anything.
            if (parts[index].Response.Error is { Code: not StreamErrorCode.DuplicateSequenceNumber } error)
                failure ??= error;
            expectedNextOffset += part.RecordCount;
        }
    }

    /// <summary>Appends one part, once: straight to the log if it is open in this process and nothing is before it.</summary>
    /// <remarks>It awaits nothing itself: each async method around an append costs memory for every append under way.</remarks>
    private ValueTask<AppendResponse> AppendPartAsync(
        TopicMetadata topic, PartitionedAppends appends, int index, RecordsAppendRequest request, long? expectedNextOffset,
        CancellationToken cancellationToken)
    {
        var part = appends.Parts[index];
        if (part.Error is { } refusal)
            return ValueTask.FromResult(PartitionConversions.Failed(refusal));
        if (FindSettled(appends, index, request) is { } stored)
            return ValueTask.FromResult(PartitionConversions.ToResponse(stored));
        var key = new PartitionKey(topic.Id, part.Partition);
        var append = new AppendRequest(part.Batches, request.Acks, topic.Version, expectedNextOffset)
        {
            RequiredLeader = request.RequiredLeader, Affinity = request.Affinity,
        };
        // The appends of several parts are made at the same time.
        var mayBlock = request.MayBlock && appends.Parts.Count == 1;
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
            return PartitionConversions.Failed(PartitionErrors.Explain(e, isWrite: true, partitions.Logger));
        }
    }

    /// <summary>What an earlier try of the request has stored of a part; null when the part is to be appended.</summary>
    private static StoredPart? FindSettled(PartitionedAppends appends, int index, RecordsAppendRequest request) =>
        request.Identity?.SettledParts is { } settled && settled.Length == appends.Parts.Count ? settled[index] : null;

    private static RecordsAppendResponse Answer(AppendPart[] parts, PartitionedAppends appends, RecordsAppendRequest request)
    {
        var hasStrays = false;
        for (var i = 0; i < parts.Length && !hasStrays; i++)
            hasStrays = parts[i].Response.Error is { OutcomeUnknown: true } && FindSettled(appends, i, request) is null;
        // A call without a certain answer may still be reading the memory of the appends, or the request's: the garbage collector gets it then.
        if (!hasStrays)
            appends.Dispose();
        return new RecordsAppendResponse(ImmutableCollectionsMarshal.AsImmutableArray(parts), appends.PartOfRecord)
        {
            HasStrays = hasStrays,
            RecordMemory = appends.RecordMemory,
        };
    }

    private static AppendPart ToPart(in PartitionAppend part, AppendResponse response) => new(part.Partition, part.RecordCount, response);

    private static bool IsTopicGone(RecordsAppendResponse response) =>
        response.Parts.All(part => part.Response.Error is { Code: StreamErrorCode.UnknownTopicId, OutcomeUnknown: false });
}
