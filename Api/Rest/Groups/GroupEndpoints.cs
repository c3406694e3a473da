using System.Collections.Immutable;
using System.Text.Json;
using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Groups;
using OrleansStream.Gateway.Reading;
using OrleansStream.Groups;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Groups;

/// <summary>Poll and leave; list, describe and delete groups.</summary>
/// <param name="grains">The way to the grains.</param>
/// <param name="ends">Knows how far logs reach.</param>
/// <param name="time">Times waits and leases.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="waits">The node's reads that wait.</param>
/// <param name="lifetime">Ends waits when the service stops.</param>
internal sealed class GroupEndpoints(
    IGrainFactory grains, LogEnds ends, TimeProvider time, NodeAnswers node, NodeWaits waits, IHostApplicationLifetime lifetime)
{
    /// <summary>Adds the endpoints.</summary>
    /// <param name="routes">Where to.</param>
    public static void Map(IEndpointRouteBuilder routes)
    {
        GroupEndpoints groups = routes.ServiceProvider.GetRequiredService<GroupEndpoints>();
        routes.MapOperation("POST", "/groups/{group}/members/{member}/poll", groups.PollAsync, GroupOperations.Poll);
        routes.MapOperation("DELETE", "/groups/{group}/members/{member}", groups.LeaveAsync, GroupOperations.Leave);
        routes.MapOperation("GET", "/groups", groups.ListAsync, GroupOperations.List);
        routes.MapOperation("GET", "/groups/{group}", groups.GetAsync, GroupOperations.Get);
        routes.MapOperation("DELETE", "/groups/{group}", groups.DeleteAsync, GroupOperations.Delete);
    }

    /// <summary>The group that the path names; its name has been checked.</summary>
    /// <param name="context">The request.</param>
    internal static string NameOf(HttpContext context) => (string)context.Request.RouteValues["group"]!;

    /// <summary>Partitions by topic, as answers have them.</summary>
    /// <param name="partitions">The partitions, by topic.</param>
    internal static IReadOnlyList<TopicAssignment> ByTopic(ImmutableArray<AssignedPartition> partitions) => [.. partitions
        .GroupBy(partition => partition.Topic)
        .Select(topic => new TopicAssignment { Topic = topic.Key, Partitions = [.. topic.Select(partition => partition.Partition)] })];

    /// <summary>Answers a member that was refused with where it stands, so that its next call goes on.</summary>
    /// <param name="context">The request.</param>
    /// <param name="member">The member.</param>
    /// <param name="refused">The refusal.</param>
    internal static Task RefuseAsync(HttpContext context, string member, GroupMemberResponse refused)
    {
        Problem problem = Problems.Prepare(context, refused.Error!);
        if (refused.Token is { } token)
        {
            problem = problem with
            {
                MemberEpoch = token.Epoch,
                Assignment = ByTopic(refused.Assignment),
                Cursor = new GroupCursor(token, []).Write(NameOf(context), member),
            };
        }

        byte[] body = JsonSerializer.SerializeToUtf8Bytes(problem, ApiJsonContext.Api.Problem);
        context.Response.ContentLength = body.Length;
        return context.Response.Body.WriteAsync(body, CancellationToken.None).AsTask();
    }

    private IConsumerGroupGrain Group(HttpContext context) => grains.GetGrain<IConsumerGroupGrain>(NameOf(context));

    private async Task PollAsync(HttpContext context)
    {
        string group = NameOf(context);
        string member = (string)context.Request.RouteValues["member"]!;
        PollOptions options;
        PayloadViews views;
        using (RequestBody body = await RequestBody.ReadAsync(context, GroupRequestLimits.GroupBodyBytesMax))
            (options, views) = GroupJson.ParsePoll(body.Json, group, member);
        bool isStream = MediaTypes.OfAnswer(context.Request, GroupOperations.Poll.Offers) == MediaTypes.EventStream;
        if (isStream && options.IsHeartbeat)
            throw RequestException.Malformed("max_records", "'max_records' is 0, which makes the poll a heartbeat: it is answered at once, and not by a stream.");
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        using var load = new AnswerLoad(node);
        var poll = new GroupPoll(grains, ends, time, group, member, options, load, waits);
        try
        {
            GroupMemberResponse? refused = await poll.JoinAsync(ended.Token);
            if (refused is null && isStream)
            {
                await new GroupPollStream(poll, options, views, member, time, load).RunAsync(context, ended.Token);
                return;
            }

            if (!options.IsHeartbeat)
                refused ??= await poll.ReadAsync(options.WaitMs, endsOnNews: false, ended.Token);
            if (refused is null)
                await AnswerAsync(context, poll, options, views, load);
            else
                await RefuseAsync(context, member, refused);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested && !context.Response.HasStarted)
        {
            throw new RequestException(new StreamError(
                StreamErrorCode.ShuttingDown, "The server is stopping. Poll again with the same cursor, at any server."));
        }
    }

    private static async Task AnswerAsync(HttpContext context, GroupPoll poll, PollOptions options, PayloadViews views, AnswerLoad load)
    {
        var answer = new AnswerWriter(context.Response.BodyWriter, context.RequestAborted);
        var writer = new GroupAnswerWriter(answer, poll, options, views, load);
        if (!writer.TryBegin())
            throw new RequestException(load.Refusal);
        context.Response.ContentType = MediaTypes.Json;
        await writer.WriteAsync();
        await answer.EndAsync();
    }

    private async Task LeaveAsync(HttpContext context)
    {
        long? epoch = Parameters.Text(context, "member_epoch") is { } text ? Parameters.Integer("member_epoch", text, 1, long.MaxValue) : null;
        string member = (string)context.Request.RouteValues["member"]!;
        if (await Group(context).LeaveAsync(member, epoch).WaitAsync(context.RequestAborted) is { } error)
            throw new RequestException(error);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async Task ListAsync(HttpContext context)
    {
        int limit = Parameters.Integer(context, "limit", 1, GroupLimits.CatalogPageMax, GroupRequestLimits.GroupPageDefault);
        string prefix = Parameters.Text(context, "prefix") ?? "";
        string? after = Parameters.Text(context, "after");
        foreach ((string name, string? text) in new[] { ("prefix", prefix), ("after", after) })
        {
            if (text?.Length > GroupLimits.NameLengthMax)
                throw RequestException.Malformed(name, $"'{name}' is longer than a group's name can be: {GroupLimits.NameLengthMax} characters.");
        }

        GroupPage page = await grains.GetGrain<IGroupCatalogGrain>(IGroupCatalogGrain.Key)
            .ListAsync(prefix, after, limit).WaitAsync(context.RequestAborted);
        var answer = new GroupListAnswer
        {
            Groups = [.. page.Groups.Select(group => new GroupListEntry { Group = group.Name, CreatedAt = group.CreatedAt })],
            NextAfter = page.NextAfter,
        };
        await JsonAnswer.WriteAsync(context, answer, ApiJsonContext.Api.GroupListAnswer);
    }

    private async Task GetAsync(HttpContext context)
    {
        GroupDescription group = await Group(context).DescribeAsync().WaitAsync(context.RequestAborted) ?? throw NoSuchGroup(context);
        DateTimeOffset now = time.GetUtcNow();
        var answer = new GroupAnswer
        {
            Group = NameOf(context),
            State = group.Phase.ToLowerInvariant(),
            GroupEpoch = group.GroupEpoch,
            Assignor = group.Assignor,
            Members = [.. group.Members.Select(member => new MemberAnswer
            {
                Member = member.Member,
                MemberEpoch = member.Epoch,
                Topics = member.Topics,
                LeaseExpiresAt = now.AddMilliseconds(member.LeaseLeftMs),
                Assignment = ByTopic(member.Assigned),
                Target = member.Assigned.SequenceEqual(member.Target) ? null : ByTopic(member.Target),
            })],
            UnknownTopics = group.UnknownTopics.IsDefaultOrEmpty ? null : group.UnknownTopics,
            RetryPolicy = GroupRetryEndpoints.AnswerOf(group.Retry),
        };
        await JsonAnswer.WriteAsync(context, answer, ApiJsonContext.Api.GroupAnswer);
    }

    private async Task DeleteAsync(HttpContext context)
    {
        if (await Group(context).DeleteAsync().WaitAsync(context.RequestAborted) is { } error)
            throw new RequestException(error);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary>The error that there is no such group.</summary>
    /// <param name="context">The request.</param>
    internal static RequestException NoSuchGroup(HttpContext context) => new(new StreamError(
        StreamErrorCode.GroupIdNotFound, $"There is no group '{NameOf(context)}'. A poll makes one, and so does a PUT."));
}
