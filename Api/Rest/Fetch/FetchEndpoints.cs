using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Partitions;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;

namespace OrleansStream.Rest.Fetch;

/// <summary>Reads records of one partition, as JSON or as the stored batches.</summary>
/// <param name="reader">Reads partitions.</param>
/// <param name="lifetime">Ends waits when the service stops.</param>
internal sealed class FetchEndpoints(PartitionReader reader, IHostApplicationLifetime lifetime)
{
    private const string TopicIdHeader = "Topic-Id";

    /// <summary>Adds the endpoint.</summary>
    /// <param name="routes">The routes to which it is added.</param>
    public static void Map(IEndpointRouteBuilder routes) => routes.MapOperation(
        "GET", "/topics/{topic}/partitions/{partition}/records", routes.ServiceProvider.GetRequiredService<FetchEndpoints>().FetchAsync, FetchOperations.Fetch);

    private async Task FetchAsync(HttpContext context)
    {
        var partition = Parameters.Partition(context);
        var isRaw = MediaTypes.OfAnswer(context.Request, FetchOperations.Fetch.Offers) == MediaTypes.RecordBatch;
        if (isRaw && Parameters.Text(context, "limit") is not null)
            throw RequestException.Malformed("limit", "'limit' counts records; whole batches are bounded by max_bytes.");
        if (isRaw && RecordFilter.Names.Append("before").FirstOrDefault(name => Parameters.Text(context, name) is not null) is { } chosen)
            throw RequestException.Malformed(chosen, $"'{chosen}' chooses records; whole batches are given as they are stored. Ask for application/json.");
        var limit = Parameters.Integer(context, "limit", 1, FetchLimits.FetchRecordsMax, FetchLimits.FetchRecordsDefault);
        var bytesMax = Parameters.Integer(context, "max_bytes", 1, FetchLimits.FetchBytesMax, ReadingLimits.FetchBytesDefault);
        var waitMs = Parameters.Integer(context, "wait_ms", 0, FetchLimits.FetchWaitMsMax, 0);
        var views = new PayloadViews(Parameters.PayloadType(context, "key_as"), Parameters.PayloadType(context, "value_as"));

        var before = Parameters.Text(context, "before") is { } text ? Parameters.Integer("before", text, 0, long.MaxValue) : long.MaxValue;
        var scope = new FetchScope(limit, before, RecordFilter.Read(context));

        var start = ReadStartOf(context);

        using var read = await ReadAsync(context, partition, start, bytesMax, HeadMiddleware.IsHead(context) ? 0 : waitMs);
        // A reader that sends this id with next_offset is refused by another topic of the name.
        context.Response.Headers[TopicIdHeader] = read.TopicId?.ToString();
        if (isRaw)
        {
            await WriteBatchesAsync(context, read);
            return;
        }

        context.Response.ContentType = MediaTypes.Json;
        var answer = new AnswerWriter(context.Response.BodyWriter, context.RequestAborted, headers: context.Response.Headers);
        await new FetchAnswerWriter(answer, views, scope, context.RequestAborted).WriteAsync(read);
    }

    private async ValueTask<PartitionRead> ReadAsync(HttpContext context, int partition, ReadStart start, int bytesMax, int waitMs)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        try
        {
            return await reader.ReadAsync(context.Caller(), Parameters.Topic(context), partition, start, bytesMax, waitMs, ended.Token);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            throw new RequestException(new StreamError(StreamErrorCode.ShuttingDown, "The server is stopping. Read on from the same offset."));
        }
    }

    private static ReadStart ReadStartOf(HttpContext context)
    {
        var offset = Parameters.Text(context, "offset");
        var from = Parameters.Text(context, "from");
        var timestamp = Parameters.Text(context, "timestamp");
        if ((offset is null ? 0 : 1) + (from is null ? 0 : 1) + (timestamp is null ? 0 : 1) > 1)
            throw RequestException.Malformed(offset is null ? "from" : "offset", "Only one of offset, from and timestamp can say where to start.");
        var topicId = Parameters.TopicId(context);
        if (offset is not null)
            return new ReadStart(Parameters.Integer("offset", offset, 0, long.MaxValue), TimestampMs: null, topicId);
        long? timestampMs = timestamp is null ? null : Parameters.Timestamp("timestamp", timestamp);
        return new ReadStart(End(from, FetchRequest.Earliest), timestampMs, topicId);
    }

    /// <summary>The end of the log that <c>from</c> names.</summary>
    /// <param name="from">The parameter's text.</param>
    /// <param name="usual">The end when it is left out.</param>
    /// <exception cref="RequestException">It names no end.</exception>
    internal static long End(string? from, long usual) => from switch
    {
        null => usual,
        "earliest" => FetchRequest.Earliest,
        "latest" => FetchRequest.Latest,
        _ => throw RequestException.Malformed("from", $"'from' is '{RequestException.Shown(from)}'; expected earliest or latest."),
    };

    private static async Task WriteBatchesAsync(HttpContext context, PartitionRead read)
    {
        var headers = context.Response.Headers;
        headers["Fetch-Offset"] = read.Offset.ToString();
        headers["Next-Offset"] = read.FindNextOffset().ToString();
        headers["Log-Start-Offset"] = read.LogStartOffset.ToString();
        headers["High-Watermark"] = read.HighWatermark.ToString();
        context.Response.ContentType = MediaTypes.RecordBatch;
        context.Response.ContentLength = read.Batches.Length;
        await context.Response.BodyWriter.WriteAsync(read.Batches, context.RequestAborted);
    }
}
