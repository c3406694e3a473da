using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Fetch;

/// <summary>Reads records of one partition, as JSON or as the stored batches.</summary>
/// <param name="grains">The way to the grains.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="waits">The node's reads that wait.</param>
/// <param name="lifetime">Ends waits when the service stops.</param>
internal sealed class FetchEndpoints(IGrainFactory grains, NodeAnswers node, NodeWaits waits, IHostApplicationLifetime lifetime)
{
    private const string TopicIdHeader = "Topic-Id";

    private readonly GrainLookup<ITopicRouterGrain> _routers = new(grains);

    /// <summary>Adds the endpoint.</summary>
    /// <param name="routes">Where to.</param>
    public static void Map(IEndpointRouteBuilder routes) => routes.MapOperation(
        "GET", "/topics/{topic}/partitions/{partition}/records", routes.ServiceProvider.GetRequiredService<FetchEndpoints>().FetchAsync, FetchOperations.Fetch);

    private async Task FetchAsync(HttpContext context)
    {
        int partition = Parameters.Partition(context);
        bool isRaw = MediaTypes.OfAnswer(context.Request, FetchOperations.Fetch.Offers) == MediaTypes.RecordBatch;
        if (isRaw && Parameters.Text(context, "limit") is not null)
            throw RequestException.Malformed("limit", "'limit' counts records; whole batches are bounded by max_bytes.");
        int limit = Parameters.Integer(context, "limit", 1, FetchLimits.FetchRecordsMax, FetchLimits.FetchRecordsDefault);
        int bytesMax = Parameters.Integer(context, "max_bytes", 1, FetchLimits.FetchBytesMax, ReadingLimits.FetchBytesDefault);
        int waitMs = Parameters.Integer(context, "wait_ms", 0, FetchLimits.FetchWaitMsMax, 0);
        var views = new PayloadViews(Parameters.PayloadType(context, "key_as"), Parameters.PayloadType(context, "value_as"));

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        ITopicRouterGrain router = _routers.Get(Parameters.Topic(context));
        FetchResponse response;
        try
        {
            (long offset, Guid? topicId) = await StartAsync(context, router, partition, ended.Token);
            var request = new FetchRequest(offset, bytesMax, HeadMiddleware.IsHead(context) ? 0 : waitMs) { TopicId = topicId };
            response = await (request.WaitMs == 0
                ? router.FetchAsync(partition, request, ended.Token)
                : WaitAsync(router, partition, request, ended.Token));
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            throw new RequestException(new StreamError(StreamErrorCode.ShuttingDown, "The server is stopping. Read on from the same offset."));
        }

        if (response.Error is { } error)
            throw new RequestException(error);
        // What next_offset belongs to: with it, the next read is refused by another topic of the name.
        context.Response.Headers[TopicIdHeader] = response.TopicId?.ToString();
        using var load = new AnswerLoad(node);
        load.Take(response.Batches.Length);
        if (isRaw)
        {
            await WriteBatchesAsync(context, response);
            return;
        }

        context.Response.ContentType = MediaTypes.Json;
        await new FetchAnswerWriter(new AnswerWriter(context.Response.BodyWriter, context.RequestAborted), partition, limit, views, load).WriteAsync(response);
    }

    private async ValueTask<FetchResponse> WaitAsync(ITopicRouterGrain router, int partition, FetchRequest request, CancellationToken cancellationToken)
    {
        if (!waits.TryTake(1))
            throw new RequestException(waits.Refusal);
        try
        {
            return await router.FetchAsync(partition, request, cancellationToken);
        }
        finally
        {
            waits.Return(1);
        }
    }

    /// <returns>The offset, and the topic that it belongs to; null for whichever has the name.</returns>
    private static async ValueTask<(long Offset, Guid? TopicId)> StartAsync(
        HttpContext context, ITopicRouterGrain router, int partition, CancellationToken cancellationToken)
    {
        string? offset = Parameters.Text(context, "offset");
        string? from = Parameters.Text(context, "from");
        string? timestamp = Parameters.Text(context, "timestamp");
        if ((offset is null ? 0 : 1) + (from is null ? 0 : 1) + (timestamp is null ? 0 : 1) > 1)
            throw RequestException.Malformed(offset is null ? "from" : "offset", "Only one of offset, from and timestamp can say where to start.");
        Guid? topicId = Parameters.TopicId(context);
        if (offset is not null)
            return (Parameters.Integer("offset", offset, 0, long.MaxValue), topicId);
        if (timestamp is null)
            return (End(from, FetchRequest.Earliest), topicId);
        FindOffsetResponse found = await router.FindOffsetAsync(
            partition, Parameters.Timestamp("timestamp", timestamp), cancellationToken);
        return found.Error is { } error ? throw new RequestException(error) : (found.Offset, topicId ?? found.TopicId);
    }

    /// <summary>The end of the log that a <c>from</c> names.</summary>
    /// <param name="from">The parameter's text.</param>
    /// <param name="usual">The end when it is left out.</param>
    /// <exception cref="RequestException">It names none.</exception>
    internal static long End(string? from, long usual) => from switch
    {
        null => usual,
        "earliest" => FetchRequest.Earliest,
        "latest" => FetchRequest.Latest,
        _ => throw RequestException.Malformed("from", $"'from' is '{Parameters.Shown(from)}'; expected earliest or latest."),
    };

    private static async Task WriteBatchesAsync(HttpContext context, FetchResponse response)
    {
        long next = response.Offset;
        var scanner = new RecordBatchScanner(response.Batches.Span, checkCrc: false);
        while (scanner.MoveNext())
            next = Math.Max(next, scanner.Header.BaseOffset + scanner.Header.LastOffsetDelta + 1);

        IHeaderDictionary headers = context.Response.Headers;
        headers["Fetch-Offset"] = response.Offset.ToString();
        headers["Next-Offset"] = next.ToString();
        headers["Log-Start-Offset"] = response.LogStartOffset.ToString();
        headers["High-Watermark"] = response.HighWatermark.ToString();
        context.Response.ContentType = MediaTypes.RecordBatch;
        context.Response.ContentLength = response.Batches.Length;
        await context.Response.BodyWriter.WriteAsync(response.Batches, context.RequestAborted);
    }
}
