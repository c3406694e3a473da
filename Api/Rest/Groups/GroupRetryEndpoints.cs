using OrleansStream.Contracts;
using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Rest.Http;

namespace OrleansStream.Rest.Groups;

/// <summary>Sets the policy for records that a group's members could not process, and redrives dead letters.</summary>
internal sealed class GroupRetryEndpoints(ConsumerGroups groups)
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var retries = routes.ServiceProvider.GetRequiredService<GroupRetryEndpoints>();
        routes.MapOperation("PUT", "/groups/{group}", retries.PutAsync, GroupRetryOperations.Put);
        routes.MapOperation("POST", "/groups/{group}/dead-letters/redrive", retries.RedriveAsync, GroupRetryOperations.Redrive);
        routes.MapOperation("GET", "/groups/{group}/dead-letters/redrive", retries.GetAsync, GroupRetryOperations.GetRedrive);
        routes.MapOperation("DELETE", "/groups/{group}/dead-letters/redrive", retries.StopAsync, GroupRetryOperations.StopRedrive);
    }

    /// <summary>A policy in the form of answers.</summary>
    /// <param name="policy">The policy, or null.</param>
    internal static RetryPolicyAnswer? AnswerOf(GroupRetryPolicy? policy) => policy is null ? null : new RetryPolicyAnswer
    {
        Retry = policy.InPlace ? "in_place" : "topic",
        MaxAttempts = policy.MaxAttempts,
        BackoffMs = policy.BackoffMs,
        Jitter = policy.Jitter,
        DeadLetterTopic = policy.DeadLetterTopic,
    };

    private async Task PutAsync(HttpContext context)
    {
        GroupRetryPolicy policy;
        using (var body = await RequestBody.ReadAsync(context, GroupRequestLimits.GroupBodyBytesMax))
            policy = RetryJson.ParsePolicy(body.Json);
        await groups.SetRetryPolicyAsync(context.Caller(), GroupEndpoints.NameOf(context), policy, context.RequestAborted);
        await JsonAnswer.WriteAsync(context, AnswerOf(policy)!, ApiJsonContext.Api.RetryPolicyAnswer);
    }

    private async Task RedriveAsync(HttpContext context)
    {
        RedriveFilter filter;
        using (var body = await RequestBody.ReadAsync(context, GroupRequestLimits.GroupBodyBytesMax))
            filter = RetryJson.ParseRedrive(body.Json);
        var group = GroupEndpoints.NameOf(context);
        var redrive = await GroupAdvice.GiveAsync(
            groups.BeginRedriveAsync(context.Caller(), group, filter, context.RequestAborted), group, GroupAdvice.OfRedrive);
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        await WriteAsync(context, redrive);
    }

    private async Task GetAsync(HttpContext context) =>
        await WriteAsync(context, await groups.DescribeRedriveAsync(context.Caller(), GroupEndpoints.NameOf(context), context.RequestAborted));

    private async Task StopAsync(HttpContext context) =>
        await WriteAsync(context, await groups.StopRedriveAsync(context.Caller(), GroupEndpoints.NameOf(context), context.RequestAborted));

    private static Task WriteAsync(HttpContext context, RedriveDescription? redrive)
    {
        var answer = new RedriveAnswer
        {
            State = StateOf(redrive),
            Redriven = redrive?.RedrivenCount ?? 0,
            Kept = redrive?.KeptCount ?? 0,
            Gone = redrive?.GoneCount ?? 0,
            Left = redrive?.LeftCount ?? 0,
            NotRedriven = redrive is null || redrive.Refusals.IsDefault ? [] : [.. redrive.Refusals.Select(refusal => new RedriveReasonEntry
            {
                Reason = refusal.Reason, Count = refusal.Count, Detail = refusal.Detail,
            })],
            Topic = redrive?.Filter.Topic,
            Key = redrive?.Filter.Key,
            Reason = redrive?.Filter.Reason,
            StartedAt = redrive?.StartedAt,
            EndedAt = redrive?.EndedAt,
        };
        return JsonAnswer.WriteAsync(context, answer, ApiJsonContext.Api.RedriveAnswer);
    }

    private static string StateOf(RedriveDescription? redrive) => redrive switch
    {
        null => "none",
        { EndedAt: null } => "running",
        { LeftCount: > 0 } => "stopped",
        _ => "done",
    };
}
