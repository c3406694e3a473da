using Microsoft.AspNetCore.Http.Features;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Hosting;
using OrleansStream.Partitions;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Fetch;

/// <summary>Follows a topic live over server-sent events.</summary>
/// <param name="grains">The way to the grains.</param>
/// <param name="time">Times the heartbeat.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="waits">The node's reads that wait.</param>
/// <param name="lifetime">Ends the streams when the service stops.</param>
/// <param name="readiness">Tells whether new ones can be served.</param>
internal sealed class TailEndpoints(
    IGrainFactory grains, TimeProvider time, NodeAnswers node, NodeWaits waits, IHostApplicationLifetime lifetime, IReadiness readiness)
{
    private int _tailCount;

    /// <summary>Adds the endpoint.</summary>
    /// <param name="routes">Where to.</param>
    public static void Map(IEndpointRouteBuilder routes) => routes.MapOperation(
        "GET", "/topics/{topic}/records", routes.ServiceProvider.GetRequiredService<TailEndpoints>().TailAsync, FetchOperations.Tail);

    private async Task TailAsync(HttpContext context)
    {
        string topic = Parameters.Topic(context);
        var views = new PayloadViews(Parameters.PayloadType(context, "key_as"), Parameters.PayloadType(context, "value_as"));
        long limit = Parameters.Integer(context, "limit", 1, FetchLimits.TailRecordsMax, int.MaxValue);
        TailStart start = ReadStart(context);
        // Ordinary requests are tried all the same. A tail lives long, and is better at home at a node that is ready.
        if (await readiness.FindObstacleAsync(context.RequestAborted) is { } obstacle)
            throw new RequestException(HttpFault.NotReady, obstacle);
        if (Interlocked.Increment(ref _tailCount) > ReadingLimits.TailsMax)
        {
            Interlocked.Decrement(ref _tailCount);
            throw new RequestException(new StreamError(
                StreamErrorCode.ThrottlingQuotaExceeded, $"There are {ReadingLimits.TailsMax} live tails here already. Try again later."));
        }

        try
        {
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
            using var load = new AnswerLoad(node);
            var answer = new AnswerWriter(context.Response.BodyWriter, ended.Token, isOneLine: true);
            using var tail = new TopicTail(grains, topic, time, answer, load, waits, views, limit);
            await tail.OpenAsync(start, ended.Token);
            context.Response.ContentType = MediaTypes.EventStream;
            context.Response.Headers.CacheControl = "no-cache";
            // Asks proxies in between not to gather what should be seen at once.
            context.Response.Headers["X-Accel-Buffering"] = "no";
            context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
            if (!HeadMiddleware.IsHead(context))
                await tail.RunAsync(ended.Token);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested && !context.Response.HasStarted)
        {
            throw new RequestException(new StreamError(StreamErrorCode.ShuttingDown, "The server is stopping. Connect again."));
        }
        finally
        {
            Interlocked.Decrement(ref _tailCount);
        }
    }

    private static TailStart ReadStart(HttpContext context)
    {
        string? from = Parameters.Text(context, "from");
        string? timestamp = Parameters.Text(context, "timestamp");
        if (from is not null && timestamp is not null)
            throw RequestException.Malformed("from", "Only one of from and timestamp can say where to start.");
        long end = FetchEndpoints.End(from, FetchRequest.Latest);
        long? timestampMs = timestamp is null ? null : Parameters.Timestamp("timestamp", timestamp);
        string token = context.Request.Headers["Last-Event-ID"].ToString();
        return new TailStart(end, timestampMs, token.Length == 0 ? null : TailToken.Parse(token));
    }
}

/// <summary>Where a tail starts.</summary>
/// <param name="End">The end of each log, as <see cref="FetchRequest"/> names it.</param>
/// <param name="TimestampMs">Or a time, in milliseconds since the Unix epoch; null for none.</param>
/// <param name="Place">Or a place that goes before both; null for none.</param>
internal sealed record TailStart(long End, long? TimestampMs, TailPlace? Place);
