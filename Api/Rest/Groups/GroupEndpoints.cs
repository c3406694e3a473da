using System.Collections.Immutable;
using System.Text.Json;
using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.HttpErrors;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Groups;

/// <summary>Poll and leave; list, describe and delete groups.</summary>
/// <param name="polls">Opens polls.</param>
/// <param name="groups">Describes, lists and deletes groups.</param>
/// <param name="time">The clock, for the ends of leases.</param>
/// <param name="lifetime">Ends waits when the service stops.</param>
internal sealed class GroupEndpoints(GroupPolls polls, ConsumerGroups groups, TimeProvider time, IHostApplicationLifetime lifetime)
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var endpoints = routes.ServiceProvider.GetRequiredService<GroupEndpoints>();
        routes.MapOperation("POST", "/groups/{group}/members/{member}/poll", endpoints.PollAsync, GroupOperations.Poll);
        routes.MapOperation("DELETE", "/groups/{group}/members/{member}", endpoints.LeaveAsync, GroupOperations.Leave);
        routes.MapOperation("GET", "/groups", endpoints.ListAsync, GroupOperations.List);
        routes.MapOperation("GET", "/groups/{group}", endpoints.GetAsync, GroupOperations.Get);
        routes.MapOperation("DELETE", "/groups/{group}", endpoints.DeleteAsync, GroupOperations.Delete);
    }

    /// <summary>The group in the path, whose name has been checked.</summary>
    internal static string NameOf(HttpContext context) => (string)context.Request.RouteValues["group"]!;

    /// <summary>Partitions by topic, in the form of answers.</summary>
    /// <param name="partitions">The partitions, by topic.</param>
    internal static IReadOnlyList<TopicAssignment> ByTopic(ImmutableArray<AssignedPartition> partitions) => [.. partitions
        .GroupBy(partition => partition.Topic)
        .Select(topic => new TopicAssignment { Topic = topic.Key, Partitions = [.. topic.Select(partition => partition.Partition)] })];

    /// <summary>The member in the path, whose id has been checked.</summary>
    private static string MemberOf(HttpContext context) => (string)context.Request.RouteValues["member"]!;

    /// <summary>Answers a refused member with its state, from which its next call can go on.</summary>
    internal static Task RefuseAsync(HttpContext context, MemberRefusal refusal)
    {
        var problem = Problems.Prepare(context, GroupAdvice.Of(refusal.Error, NameOf(context)));
        if (refusal.MemberEpoch is not null)
        {
            problem = problem with
            {
                MemberEpoch = refusal.MemberEpoch,
                Assignment = ByTopic(refusal.Assignment),
                Cursor = refusal.Cursor,
            };
        }

        var body = JsonSerializer.SerializeToUtf8Bytes(problem, ApiJsonContext.Api.Problem);
        context.Response.ContentLength = body.Length;
        return context.Response.Body.WriteAsync(body, CancellationToken.None).AsTask();
    }

    private async Task PollAsync(HttpContext context)
    {
        (var group, var member) = (NameOf(context), MemberOf(context));
        PollOptions options;
        PayloadViews views;
        using (var body = await RequestBody.ReadAsync(context, GroupRequestLimits.GroupBodyBytesMax))
            (options, views) = GroupJson.ParsePoll(body.Json, group, member);
        var form = MediaTypes.OfAnswer(context.Request, GroupOperations.Poll.Offers);
        var isStream = form == MediaTypes.EventStream;
        if (isStream && options.IsHeartbeat)
        {
            throw RequestException.Malformed("max_records",
                "'max_records' is 0, which makes the poll a heartbeat: it is answered at once, and not by a stream.");
        }

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        using var poll = polls.Open(context.Caller(), group, member, options);
        try
        {
            var refused = await poll.JoinAsync(ended.Token);
            if (refused is null && isStream)
            {
                await new PollEvents(poll, views).RunAsync(context, ended.Token);
                return;
            }

            refused ??= await poll.ReadAsync(ended.Token);
            if (refused is null)
                await AnswerAsync(context, poll, views, inParts: form == MediaTypes.Multipart);
            else
                await RefuseAsync(context, refused);
        }
        catch (StreamException exception)
        {
            throw new RequestException(GroupAdvice.Of(exception.Error, group));
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested && !context.Response.HasStarted)
        {
            throw new RequestException(new StreamError(
                StreamErrorCode.ShuttingDown, "The server is stopping. Poll again with the same cursor, at any server."));
        }
    }

    private static async Task AnswerAsync(HttpContext context, GroupPoll poll, PayloadViews views, bool inParts)
    {
        poll.BeginDelivery();
        var answer = new AnswerWriter(context.Response.BodyWriter, context.RequestAborted, headers: context.Response.Headers);
        if (inParts)
        {
            using var parts = new PollPartsWriter(answer, poll, views);
            context.Response.ContentType = parts.ContentType;
            await parts.WriteAsync();
            return;
        }

        context.Response.ContentType = MediaTypes.Json;
        await new GroupAnswerWriter(answer, poll, views).WriteAsync();
        await answer.EndAsync();
    }

    private async Task LeaveAsync(HttpContext context)
    {
        long? epoch = Parameters.Text(context, "member_epoch") is { } text ? Parameters.Integer("member_epoch", text, 1, long.MaxValue) : null;
        await groups.LeaveAsync(context.Caller(), NameOf(context), MemberOf(context), epoch, context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async Task ListAsync(HttpContext context)
    {
        var limit = Parameters.Integer(context, "limit", 1, GroupLimits.CatalogPageMax, GroupRequestLimits.GroupPageDefault);
        var prefix = Parameters.Text(context, "prefix") ?? "";
        var after = Parameters.Text(context, "after");
        foreach ((var name, var text) in new[] { ("prefix", prefix), ("after", after) })
        {
            if (text?.Length > GroupLimits.NameLengthMax)
                throw RequestException.Malformed(name, $"'{name}' is longer than a group's name can be: {GroupLimits.NameLengthMax} characters.");
        }

        var page = await groups.ListAsync(context.Caller(), prefix, after, limit, context.RequestAborted);
        var answer = new GroupListAnswer
        {
            Groups = [.. page.Groups.Select(group => new GroupListEntry { Group = group.Name, CreatedAt = group.CreatedAt })],
            NextAfter = page.NextAfter,
        };
        await JsonAnswer.WriteAsync(context, answer, ApiJsonContext.Api.GroupListAnswer);
    }

    private async Task GetAsync(HttpContext context)
    {
        var group = await GroupAdvice.GiveAsync(groups.DescribeAsync(context.Caller(), NameOf(context), context.RequestAborted), NameOf(context));
        var now = time.GetUtcNow();
        var answer = new GroupAnswer
        {
            Group = NameOf(context),
            State = JsonNamingPolicy.SnakeCaseLower.ConvertName(group.Phase),
            GroupEpoch = group.GroupEpoch,
            Assignor = group.Assignor,
            Members = [.. group.Members.Select(member => new MemberAnswer
            {
                Member = member.Member,
                MemberEpoch = member.Epoch,
                Topics = member.Matched.IsDefaultOrEmpty ? member.Topics : [.. member.Topics.Union(member.Matched).Order(StringComparer.Ordinal)],
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
        await groups.DeleteAsync(context.Caller(), NameOf(context), context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}
