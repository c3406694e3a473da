using Microsoft.Extensions.Primitives;
using OrleansStream.Api.Errors;
using OrleansStream.Api.Mapping;
using OrleansStream.Topics;

namespace OrleansStream.Api.Endpoints;

/// <summary>
/// Takes records and appends them: the first step of a record's way. A body becomes encoded batches here, and goes to
/// <see cref="ITopicRouterGrain.AppendAsync"/>.
/// </summary>
/// <param name="grains">The way to the grains.</param>
/// <param name="time">Dates the records that have no time.</param>
/// <param name="lifetime">Ends streams when the service stops.</param>
internal sealed partial class ProduceEndpoints(IGrainFactory grains, TimeProvider time, IHostApplicationLifetime lifetime)
{
    /// <summary>Adds the endpoints.</summary>
    /// <param name="routes">Where to.</param>
    public static void Map(IEndpointRouteBuilder routes)
    {
        ProduceEndpoints produce = routes.ServiceProvider.GetRequiredService<ProduceEndpoints>();
        routes.MapOperation("POST", "/topics/{topic}/records", produce.AppendToTopicAsync, ProduceOperations.Topic);
        routes.MapOperation("POST", "/topics/{topic}/partitions/{partition}/records", produce.AppendToPartitionAsync, ProduceOperations.Partition);
    }

    private Task AppendToTopicAsync(HttpContext context)
    {
        if (context.Request.Headers.ContainsKey("If-Match"))
        {
            throw RequestException.Malformed(
                "If-Match", "A condition on the next offset needs one partition: POST to /partitions/{partition}/records.");
        }

        return AppendAsync(context, null);
    }

    private Task AppendToPartitionAsync(HttpContext context) => AppendAsync(context, Parameters.Partition(context));

    private Task AppendAsync(HttpContext context, int? partition) =>
        MediaTypes.OfBody(context.Request, ProduceOperations.Topic.Takes) switch
        {
            MediaTypes.Ndjson => AppendLinesAsync(context, partition),
            MediaTypes.RecordBatch => AppendBatchesAsync(context, partition),
            MediaTypes.Binary => AppendValueAsync(context, partition, isText: false),
            MediaTypes.Text => AppendValueAsync(context, partition, isText: true),
            _ => AppendJsonAsync(context, partition),
        };

    private async Task AppendJsonAsync(HttpContext context, int? partition)
    {
        RecordOptions.RefuseFor(context.Request, "a field of the JSON body");
        var records = new RecordCollector(NowMs);
        Acks acks;
        using (RequestBody body = await RequestBody.ReadAsync(context, Limits.RequestBytesMax))
            acks = ProduceJson.Parse(body.Bytes.Span, partition is not null, records);
        await AppendAsync(context, partition, records, acks);
    }

    private async Task AppendValueAsync(HttpContext context, int? partition, bool isText)
    {
        RecordOptions options = RecordOptions.Read(context.Request);
        var records = new RecordCollector(NowMs);
        using (RequestBody body = await RequestBody.ReadAsync(context, Limits.RequestBytesMax))
        {
            if (isText)
                ProduceJson.CheckText(body.Bytes.Span, null);
            options.AddRecord(context.Request, body.Bytes.Span, records);
        }

        await AppendAsync(context, partition, records, options.Acks);
    }

    private async Task AppendAsync(HttpContext context, int? partition, RecordCollector records, Acks acks)
    {
        RecordsAppendResponse response = await CallAsync(
            context, new(records.Finish(), partition, records.Partitions, acks, ExpectedNextOffset(context)));
        if (acks == Acks.None)
        {
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        }
        else
        {
            using var results = new ProduceResults();
            results.Add(response, records);
            await results.WriteAsync(context, asLines: false);
        }

        // Not when the call failed, or its outcome is open: an append may still be reading the batches.
        if (!HasOpenOutcome(response))
            records.Dispose();
    }

    private async Task AppendBatchesAsync(HttpContext context, int? partition)
    {
        RecordOptions options = RecordOptions.ReadAcks(context.Request);
        RequestBody body = await RequestBody.ReadAsync(context, Limits.RequestBytesMax);
        int recordCount = EncodedBatches.Check(body.Bytes.Span);
        RecordsAppendResponse response = await CallAsync(
            context, new(body.Bytes, partition, default, options.Acks, ExpectedNextOffset(context)));
        if (options.Acks == Acks.None)
        {
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        }
        else
        {
            using var results = new ProduceResults();
            if (partition is null)
                results.Add(response, recordCount);
            else
                results.AddParts(response);
            await results.WriteAsync(context, asLines: false);
        }

        // As above.
        if (!HasOpenOutcome(response))
            body.Dispose();
    }

    private static bool HasOpenOutcome(RecordsAppendResponse response) =>
        response.Parts.Any(part => part.Response.Error is { OutcomeUnknown: true });

    private async ValueTask<RecordsAppendResponse> CallAsync(HttpContext context, RecordsAppendRequest request)
    {
        // The caller's going away does not cancel: whether the records are stored must not depend on when it went.
        RecordsAppendResponse response = await grains.GetGrain<ITopicRouterGrain>(Parameters.Topic(context)).AppendAsync(request);
        return response.Error is { } error ? throw new RequestException(error) : response;
    }

    private CancellationToken Stopping => lifetime.ApplicationStopping;

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    private static long? ExpectedNextOffset(HttpContext context)
    {
        StringValues condition = context.Request.Headers.IfMatch;
        if (condition.Count == 0)
            return null;
        string text = condition.ToString();
        if (text.Length < 3 || text[0] != '"' || text[^1] != '"')
        {
            throw RequestException.Malformed(
                "If-Match", $"'If-Match' is '{Parameters.Shown(text)}'; expected the partition's next offset in quotes, such as \"17\".");
        }

        return Parameters.Integer("If-Match", text[1..^1], 0, long.MaxValue);
    }
}
