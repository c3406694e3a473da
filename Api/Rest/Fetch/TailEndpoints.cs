using Microsoft.AspNetCore.Http.Features;
using OrleansStream.Errors;
using OrleansStream.Gateway.Reading.Tails;
using OrleansStream.Hosting;
using OrleansStream.HttpErrors;
using OrleansStream.Partitions;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Fetch;

/// <summary>Follows a topic live over server-sent events.</summary>
/// <param name="tails">Opens tails.</param>
/// <param name="lifetime">Ends the streams when the service stops.</param>
/// <param name="readiness">Tells whether the node can serve new tails.</param>
internal sealed class TailEndpoints(TopicTails tails, IHostApplicationLifetime lifetime, IReadiness readiness)
{
    /// <summary>Adds the endpoint.</summary>
    /// <param name="routes">The routes to which it is added.</param>
    public static void Map(IEndpointRouteBuilder routes) => routes.MapOperation(
        "GET", "/topics/{topic}/records", routes.ServiceProvider.GetRequiredService<TailEndpoints>().TailAsync, FetchOperations.Tail);

    private async Task TailAsync(HttpContext context)
    {
        var topic = Parameters.Topic(context);
        var views = new PayloadViews(Parameters.PayloadType(context, "key_as"), Parameters.PayloadType(context, "value_as"));
        long limit = Parameters.Integer(context, "limit", 1, FetchLimits.TailRecordsMax, int.MaxValue);
        var start = ReadStart(context);
        // Ordinary requests are tried even if the node is not ready. A tail lives long, and is better served by a node that is ready.
        if (await readiness.FindObstacleAsync(context.RequestAborted) is { } obstacle)
            throw new RequestException(HttpFault.NotReady, obstacle);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        try
        {
            using var tail = await tails.OpenAsync(context.Caller(), topic, start, ended.Token);
            context.Response.ContentType = MediaTypes.EventStream;
            context.Response.Headers.CacheControl = "no-cache";
            // Asks proxies not to buffer events, which the client should see at once.
            context.Response.Headers["X-Accel-Buffering"] = "no";
            context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
            if (HeadMiddleware.IsHead(context))
                return;
            var answer = new AnswerWriter(context.Response.BodyWriter, ended.Token, isOneLine: true);
            await tail.RunAsync(new TailEventWriter(answer, views), limit, ended.Token);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested && !context.Response.HasStarted)
        {
            throw new RequestException(new StreamError(StreamErrorCode.ShuttingDown, "The server is stopping. Connect again."));
        }
    }

    private static TailStart ReadStart(HttpContext context)
    {
        var from = Parameters.Text(context, "from");
        var timestamp = Parameters.Text(context, "timestamp");
        if (from is not null && timestamp is not null)
            throw RequestException.Malformed("from", "Only one of from and timestamp can say where to start.");
        var end = FetchEndpoints.End(from, FetchRequest.Latest);
        long? timestampMs = timestamp is null ? null : Parameters.Timestamp("timestamp", timestamp);
        var token = context.Request.Headers["Last-Event-ID"].ToString();
        return new TailStart(end, timestampMs, token.Length == 0 ? null : TailToken.Parse(token));
    }
}
