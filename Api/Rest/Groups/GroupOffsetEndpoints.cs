using System.Collections.Immutable;
using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Partitions;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Groups;

/// <summary>A group's offsets: read, commit, set, reset; and how far it is behind.</summary>
/// <param name="grains">The way to the grains.</param>
/// <param name="ends">Knows how far logs reach.</param>
/// <param name="known">The topics that there are.</param>
/// <param name="time">Tells the age of records.</param>
/// <param name="node">The node's memory for answers.</param>
internal sealed class GroupOffsetEndpoints(IGrainFactory grains, LogEnds ends, KnownTopics known, TimeProvider time, NodeAnswers node)
{
    /// <summary>Adds the endpoints.</summary>
    /// <param name="routes">Where to.</param>
    public static void Map(IEndpointRouteBuilder routes)
    {
        GroupOffsetEndpoints offsets = routes.ServiceProvider.GetRequiredService<GroupOffsetEndpoints>();
        routes.MapOperation("GET", "/groups/{group}/offsets", offsets.GetAsync, GroupOffsetOperations.Get);
        routes.MapOperation("PUT", "/groups/{group}/offsets", offsets.PutAsync, GroupOffsetOperations.Put);
        routes.MapOperation("POST", "/groups/{group}/offsets/reset", offsets.ResetAsync, GroupOffsetOperations.Reset);
        routes.MapOperation("GET", "/groups/{group}/lag", offsets.LagAsync, GroupOffsetOperations.Lag);
    }

    private IConsumerGroupGrain Group(HttpContext context) => grains.GetGrain<IConsumerGroupGrain>(GroupEndpoints.NameOf(context));

    private async Task<GroupDescription> DescribeAsync(HttpContext context) =>
        await Group(context).DescribeAsync().WaitAsync(context.RequestAborted) ?? throw GroupEndpoints.NoSuchGroup(context);

    private async Task GetAsync(HttpContext context)
    {
        string? topic = Parameters.Text(context, "topic");
        GroupDescription group = await DescribeAsync(context);
        await WriteOffsetsAsync(context, group.Offsets.Where(offset => topic is null || offset.Topic == topic));
    }

    private async Task PutAsync(HttpContext context)
    {
        OffsetsRequest request;
        using (RequestBody body = await RequestBody.ReadAsync(context, GroupRequestLimits.GroupBodyBytesMax))
            request = GroupJson.ParseOffsets(body.Json, GroupEndpoints.NameOf(context));
        if (request.Cursor is { Holds.Count: > 0 })
            throw RequestException.Malformed("cursor", "Records of the cursor's answer wait in place, or were passed over for one that does: commit it with a poll, which can tell.");
        string[] names = [.. request.Offsets.Select(offset => offset.Topic).Distinct(StringComparer.Ordinal)];
        Dictionary<string, TopicMetadata> topics = await FindTopicsAsync(names, context.RequestAborted);
        ImmutableArray<PartitionOffset> offsets = request.Cursor is { } cursor
            ? [.. cursor.Offsets]
            : [.. request.Offsets.Select((offset, i) => ToOffset(offset, i, topics[offset.Topic]))];
        if (request.Member is { } member)
        {
            MemberToken token = request.Cursor?.Token ?? new MemberToken(Guid.Empty, request.Epoch);
            GroupMemberResponse response = await CheckMemberAsync(context, request, token, offsets)
                ?? await Group(context).CommitAsync(member, token, offsets).WaitAsync(context.RequestAborted);
            if (response.Error is not null)
            {
                await GroupEndpoints.RefuseAsync(context, member, response);
                return;
            }
        }
        else
        {
            await CheckAsync(Named(request, offsets), mustKnow: true, context.RequestAborted);
            if (await Group(context).ResetAsync([.. names], offsets).WaitAsync(context.RequestAborted) is { } error)
                throw new RequestException(error);
        }

        var touched = offsets.Select(offset => (offset.TopicId, offset.Partition)).ToHashSet();
        GroupDescription group = await DescribeAsync(context);
        await WriteOffsetsAsync(context, group.Offsets.Where(offset => touched.Contains((offset.TopicId, offset.Partition))));
    }

    /// <summary>Refuses offsets that do not exist. A cursor has no names of topics: they are those of the member's partitions.</summary>
    /// <returns>Null, or why the member may commit nothing.</returns>
    /// <exception cref="RequestException">An offset lies beyond the end of its log.</exception>
    private async Task<GroupMemberResponse?> CheckMemberAsync(
        HttpContext context, OffsetsRequest request, MemberToken token, ImmutableArray<PartitionOffset> offsets)
    {
        if (request.Cursor is null)
        {
            await CheckAsync(Named(request, offsets), mustKnow: false, context.RequestAborted);
            return null;
        }

        if (offsets.All(offset => ends.Covers(offset)))
            return null;
        GroupMemberResponse standing = await Group(context).CommitAsync(request.Member!, token, []).WaitAsync(context.RequestAborted);
        if (standing.Error is not null)
            return standing;
        var assigned = standing.Assignment.ToDictionary(one => (one.TopicId, one.Partition));
        await CheckAsync(
            [.. offsets.Where(offset => assigned.ContainsKey((offset.TopicId, offset.Partition)))
                .Select(offset => (assigned[(offset.TopicId, offset.Partition)].Topic, offset, "cursor"))],
            mustKnow: false, context.RequestAborted);
        return null;
    }

    private static (string Topic, PartitionOffset Offset, string Field)[] Named(OffsetsRequest request, ImmutableArray<PartitionOffset> offsets) =>
        [.. offsets.Select((offset, i) => (request.Offsets[i].Topic, offset, $"offsets[{i}].offset"))];

    /// <summary>
    /// Refuses offsets beyond the end of their log. Where no leader answers just now, those that a person sets are refused, too, and those that
    /// a member is done with are taken.
    /// </summary>
    private async Task CheckAsync(
        IReadOnlyList<(string Topic, PartitionOffset Offset, string Field)> offsets, bool mustKnow, CancellationToken cancellationToken)
    {
        foreach ((string Topic, PartitionOffset Offset, string Field)[] some in offsets.Where(one => !ends.Covers(one.Offset)).Chunk(PollLimits.PollFetchesAtOnce))
        {
            StreamError?[] errors = await Task.WhenAll(some.Select(one => ends.CheckAsync(one.Topic, one.Offset, one.Field, cancellationToken)));
            if (Array.Find(errors, error => mustKnow ? error is not null : error?.Code == StreamErrorCode.OffsetOutOfRange) is { } error)
                throw new RequestException(error);
        }
    }

    private async Task ResetAsync(HttpContext context)
    {
        ResetRequest request;
        using (RequestBody body = await RequestBody.ReadAsync(context, GroupRequestLimits.GroupBodyBytesMax))
            request = GroupJson.ParseReset(body.Json);
        GroupDescription? group = await Group(context).DescribeAsync().WaitAsync(context.RequestAborted);
        if (group is null && request.Topics is null)
            throw GroupEndpoints.NoSuchGroup(context);
        Dictionary<(Guid, int), long> before = (group?.Offsets ?? [])
            .ToDictionary(offset => (offset.TopicId, offset.Partition), offset => offset.Offset);
        IEnumerable<string> topics = request.Topics ?? [.. group!.Offsets.Select(offset => offset.Topic).Distinct(StringComparer.Ordinal)];
        var moves = new List<OffsetMove>();
        var offsets = ImmutableArray.CreateBuilder<PartitionOffset>();
        foreach (string topic in topics)
        {
            foreach ((Guid id, OffsetMove move) in await MovesOfAsync(topic, request, before, context.RequestAborted))
            {
                moves.Add(move);
                offsets.Add(new PartitionOffset(id, move.Partition, move.To));
            }
        }

        if (!request.IsDryRun && await Group(context).ResetAsync([.. topics], offsets.ToImmutable()).WaitAsync(context.RequestAborted) is { } error)
            throw new RequestException(error);
        await JsonAnswer.WriteAsync(
            context, new OffsetsResetAnswer { DryRun = request.IsDryRun, Offsets = moves }, ApiJsonContext.Api.OffsetsResetAnswer);
    }

    private async Task<List<(Guid TopicId, OffsetMove Move)>> MovesOfAsync(
        string topic, ResetRequest request, Dictionary<(Guid, int), long> before, CancellationToken cancellationToken)
    {
        await known.RequireAsync(topic, cancellationToken);
        ITopicRouterGrain router = grains.GetGrain<ITopicRouterGrain>(topic);
        TopicDescription description = await router.DescribeAsync(cancellationToken);
        if (description.Topic is not { } metadata)
            throw new RequestException(description.Error!);
        var moves = new List<(Guid, OffsetMove)>();
        foreach (PartitionDescription partition in description.Partitions)
        {
            if (request.Partitions?.Contains(partition.Partition) == false)
                continue;
            if (partition.Error is { } error)
                throw new RequestException(error);
            long? from = before.TryGetValue((metadata.Id, partition.Partition), out long known) ? known : null;
            long to = request.To switch
            {
                "earliest" => partition.LogStartOffset,
                "latest" => partition.HighWatermark,
                "offset" => request.Amount,
                "shift" => Shift(from ?? partition.LogStartOffset, request.Amount),
                _ => await FindOffsetAsync(router, partition.Partition, request.Amount, cancellationToken),
            };
            to = Math.Clamp(to, partition.LogStartOffset, partition.HighWatermark);
            moves.Add((metadata.Id, new OffsetMove { Topic = topic, Partition = partition.Partition, From = from, To = to }));
        }

        return moves;
    }

    private static long Shift(long offset, long by) =>
        by > 0 && offset > long.MaxValue - by ? long.MaxValue : offset + by;

    private static async Task<long> FindOffsetAsync(
        ITopicRouterGrain router, int partition, long timestampMs, CancellationToken cancellationToken)
    {
        FindOffsetResponse found = await router.FindOffsetAsync(partition, timestampMs, cancellationToken);
        return found.Error is { } error ? throw new RequestException(error) : found.Offset;
    }

    private async Task LagAsync(HttpContext context)
    {
        GroupDescription group = await DescribeAsync(context);
        using var load = new AnswerLoad(node);
        var lag = new GroupLag(grains, time, load);
        await JsonAnswer.WriteAsync(context, await lag.MeasureAsync(group, context.RequestAborted), ApiJsonContext.Api.LagAnswer);
    }

    private async Task<Dictionary<string, TopicMetadata>> FindTopicsAsync(string[] names, CancellationToken cancellationToken)
    {
        var topics = new Dictionary<string, TopicMetadata>(StringComparer.Ordinal);
        foreach (string name in names)
        {
            await known.RequireAsync(name, cancellationToken);
            TopicResponse response = await grains.GetGrain<ITopicGrain>(name).GetAsync().WaitAsync(cancellationToken);
            topics[name] = response.Topic ?? throw new RequestException(response.Error!);
        }

        return topics;
    }

    private static PartitionOffset ToOffset(
        (string Topic, int Partition, long Offset, string? Metadata) offset, int index, TopicMetadata topic) =>
        offset.Partition < topic.PartitionCount
            ? new PartitionOffset(topic.Id, offset.Partition, offset.Offset, offset.Metadata)
            : throw new RequestException(new StreamError(
                StreamErrorCode.UnknownTopicOrPartition, $"Topic '{offset.Topic}' has {topic.PartitionCount} partitions, numbered from 0; there is no {offset.Partition}.")
            {
                Field = $"offsets[{index}].partition",
            });

    private static Task WriteOffsetsAsync(HttpContext context, IEnumerable<GroupOffset> offsets) => JsonAnswer.WriteAsync(
        context,
        new OffsetListAnswer
        {
            Offsets = [.. offsets.Select(offset => new OffsetEntry
            {
                Topic = offset.Topic,
                Partition = offset.Partition,
                Offset = offset.Offset,
                Metadata = offset.Metadata,
                CommittedAt = offset.CommittedAt,
            })],
        },
        ApiJsonContext.Api.OffsetListAnswer);
}
