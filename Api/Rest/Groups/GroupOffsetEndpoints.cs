using System.Collections.Immutable;
using OrleansStream.Contracts;
using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Rest.Http;

namespace OrleansStream.Rest.Groups;

/// <summary>A group's offsets: read, commit, set, reset; and its lag.</summary>
/// <param name="offsets">Reads, commits and sets offsets.</param>
/// <param name="resets">Resets offsets.</param>
/// <param name="lag">Measures the lag of groups.</param>
internal sealed class GroupOffsetEndpoints(GroupOffsets offsets, GroupResets resets, GroupLag lag)
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var endpoints = routes.ServiceProvider.GetRequiredService<GroupOffsetEndpoints>();
        routes.MapOperation("GET", "/groups/{group}/offsets", endpoints.GetAsync, GroupOffsetOperations.Get);
        routes.MapOperation("PUT", "/groups/{group}/offsets", endpoints.PutAsync, GroupOffsetOperations.Put);
        routes.MapOperation("POST", "/groups/{group}/offsets/reset", endpoints.ResetAsync, GroupOffsetOperations.Reset);
        routes.MapOperation("GET", "/groups/{group}/lag", endpoints.LagAsync, GroupOffsetOperations.Lag);
    }

    private async Task GetAsync(HttpContext context)
    {
        var topic = Parameters.Text(context, "topic");
        var group = GroupEndpoints.NameOf(context);
        await WriteOffsetsAsync(context,
            await GroupAdvice.GiveAsync(offsets.ListAsync(context.Caller(), group, topic, context.RequestAborted), group));
    }

    private async Task PutAsync(HttpContext context)
    {
        var group = GroupEndpoints.NameOf(context);
        OffsetsRequest request;
        using (var body = await RequestBody.ReadAsync(context, GroupRequestLimits.GroupBodyBytesMax))
            request = GroupJson.ParseOffsets(body.Json, group);
        ImmutableArray<PartitionOffset> kept;
        if (request.Member is { } member)
        {
            var outcome = request.Cursor is { } cursor
                ? await GroupAdvice.GiveAsync(offsets.CommitAsync(context.Caller(), group, member, cursor, context.RequestAborted), group)
                : await offsets.CommitAsync(context.Caller(), group, member, request.Epoch, request.Offsets, context.RequestAborted);
            if (outcome.Refusal is { } refusal)
            {
                await GroupEndpoints.RefuseAsync(context, refusal);
                return;
            }

            kept = outcome.Offsets;
        }
        else
        {
            kept = await offsets.SetAsync(context.Caller(), group, request.Offsets, context.RequestAborted);
        }

        await WriteOffsetsAsync(context,
            await GroupAdvice.GiveAsync(offsets.ListAsync(context.Caller(), group, kept, context.RequestAborted), group));
    }

    private async Task ResetAsync(HttpContext context)
    {
        OffsetReset request;
        using (var body = await RequestBody.ReadAsync(context, GroupRequestLimits.GroupBodyBytesMax))
            request = GroupJson.ParseReset(body.Json);
        var group = GroupEndpoints.NameOf(context);
        var changes = await GroupAdvice.GiveAsync(resets.ResetAsync(context.Caller(), group, request, context.RequestAborted), group);
        var answer = new OffsetsResetAnswer
        {
            DryRun = request.IsDryRun,
            Offsets = [.. changes.Select(
                change => new OffsetMove { Topic = change.Topic, Partition = change.Partition, From = change.From, To = change.To })],
        };
        await JsonAnswer.WriteAsync(context, answer, ApiJsonContext.Api.OffsetsResetAnswer);
    }

    private async Task LagAsync(HttpContext context)
    {
        var group = GroupEndpoints.NameOf(context);
        var measured = await GroupAdvice.GiveAsync(lag.MeasureAsync(context.Caller(), group, context.RequestAborted), group);
        var answer = new LagAnswer
        {
            Lag = measured.Records,
            LagSeconds = measured.Seconds,
            Partitions = [.. measured.Partitions.Select(partition => new PartitionLag
            {
                Topic = partition.Topic,
                Partition = partition.Partition,
                Member = partition.Member,
                CommittedOffset = partition.CommittedOffset,
                HighWatermark = partition.HighWatermark,
                Lag = partition.Records,
                LagSeconds = partition.Seconds,
            })],
        };
        await JsonAnswer.WriteAsync(context, answer, ApiJsonContext.Api.LagAnswer);
    }

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
