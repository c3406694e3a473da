using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Groups;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Groups;

/// <summary>What becomes of records that a group's members could not work on.</summary>
/// <param name="grains">The way to the grains.</param>
internal sealed class GroupRetryEndpoints(IGrainFactory grains)
{
    /// <summary>Adds the endpoints.</summary>
    /// <param name="routes">Where to.</param>
    public static void Map(IEndpointRouteBuilder routes)
    {
        GroupRetryEndpoints retries = routes.ServiceProvider.GetRequiredService<GroupRetryEndpoints>();
        routes.MapOperation("PUT", "/groups/{group}", retries.PutAsync, GroupRetryOperations.Put);
        routes.MapOperation("POST", "/groups/{group}/dead-letters/redrive", retries.RedriveAsync, GroupRetryOperations.Redrive);
        routes.MapOperation("GET", "/groups/{group}/dead-letters/redrive", retries.GetAsync, GroupRetryOperations.GetRedrive);
        routes.MapOperation("DELETE", "/groups/{group}/dead-letters/redrive", retries.StopAsync, GroupRetryOperations.StopRedrive);
    }

    /// <summary>A policy as answers have it.</summary>
    /// <param name="policy">The policy, or null.</param>
    internal static RetryPolicyAnswer? AnswerOf(GroupRetryPolicy? policy) => policy is null ? null : new RetryPolicyAnswer
    {
        Retry = policy.InPlace ? "in_place" : "topic",
        MaxAttempts = policy.MaxAttempts,
        BackoffMs = policy.BackoffMs,
        Jitter = policy.Jitter,
        DeadLetterTopic = policy.DeadLetterTopic,
    };

    private IConsumerGroupGrain Group(HttpContext context) => grains.GetGrain<IConsumerGroupGrain>(GroupEndpoints.NameOf(context));

    private async Task PutAsync(HttpContext context)
    {
        if (RetryTopics.ValidateGroup(GroupEndpoints.NameOf(context)) is { } error)
            throw new RequestException(error);
        GroupRetryPolicy policy;
        using (RequestBody body = await RequestBody.ReadAsync(context, GroupRequestLimits.GroupBodyBytesMax))
            policy = RetryJson.ParsePolicy(body.Json);
        Throw(RetryTopics.ValidateDeadLetters(policy.DeadLetterTopic, GroupEndpoints.NameOf(context)));
        Throw(await Group(context).SetRetryAsync(policy).WaitAsync(context.RequestAborted));
        await JsonAnswer.WriteAsync(context, AnswerOf(policy)!, ApiJsonContext.Api.RetryPolicyAnswer);
    }

    private async Task RedriveAsync(HttpContext context)
    {
        RedriveFilter filter;
        using (RequestBody body = await RequestBody.ReadAsync(context, GroupRequestLimits.GroupBodyBytesMax))
            filter = RetryJson.ParseRedrive(body.Json);
        Throw(await Group(context).BeginRedriveAsync(filter).WaitAsync(context.RequestAborted));
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        await GetAsync(context);
    }

    private async Task GetAsync(HttpContext context) => await WriteAsync(context, await Group(context).DescribeRedriveAsync().WaitAsync(context.RequestAborted));

    private async Task StopAsync(HttpContext context) => await WriteAsync(context, await Group(context).StopRedriveAsync().WaitAsync(context.RequestAborted));

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

    private static void Throw(StreamError? error)
    {
        if (error is not null)
            throw new RequestException(error);
    }
}
