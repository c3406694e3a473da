using System.Runtime.CompilerServices;
using Microsoft.Extensions.Primitives;
using OrleansStream.Errors;
using OrleansStream.Gateway.Appending;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Produce;

/// <summary>
/// Takes records and appends them: the first step of a record's way. A body becomes encoded batches here, and goes to
/// <see cref="RecordsAppender"/>.
/// </summary>
/// <param name="appender">The way to the grains.</param>
/// <param name="keyed">Requests with a key of the client's.</param>
/// <param name="drain">Reads off the rest of a stream that was stopped.</param>
/// <param name="time">Dates the records that have no time.</param>
/// <param name="lifetime">Ends streams when the service stops.</param>
internal sealed partial class ProduceEndpoints(
    RecordsAppender appender, KeyedRequests keyed, BodyDrain drain, TimeProvider time, IHostApplicationLifetime lifetime)
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var produce = routes.ServiceProvider.GetRequiredService<ProduceEndpoints>();
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

    private Task AppendAsync(HttpContext context, int? partition)
    {
        if (ProducerHeaders.ReadProducer(context.Request, time.GetUtcNow().ToUnixTimeMilliseconds()) is { } identity)
            context.Features.Set(new ClientIdentity(identity));
        return context.Request.Headers.TryGetValue(IdentityHeaders.IdempotencyKey, out var key)
            ? AppendKeyedAsync(context, partition, key)
            : AppendByTypeAsync(context, partition).AsTask();
    }

    /// <summary>Appends under the client's key: what makes the append repeatable is stored before it, and what came of it after.</summary>
    private async Task AppendKeyedAsync(HttpContext context, int? partition, StringValues key)
    {
        using var body = await RequestBody.ReadAsync(context, HttpLimits.RequestBytesMax);
        var client = await keyed.BeginAsync(
            context.Caller(), Parameters.Topic(context), ProducerHeaders.ReadKey(key),
            ProducerHeaders.HashOf(context.Request, partition, body.Bytes.Span));
        context.Features.Set(client);
        context.Request.Headers.ContentEncoding = default;
        context.Request.ContentLength = body.Bytes.Length;
        var sent = context.Request.Body;
        context.Request.Body = body.OpenRead();
        try
        {
            await AppendByTypeAsync(context, partition);
        }
        finally
        {
            context.Request.Body = sent;
            // Refused before an append was begun.
            if (client.Key is { HasEnded: false } request)
                await request.AbandonAsync(client.IsResumed);
        }
    }

    private ValueTask AppendByTypeAsync(HttpContext context, int? partition) =>
        MediaTypes.OfBody(context.Request, ProduceOperations.Topic.Takes) switch
        {
            MediaTypes.Ndjson => new ValueTask(AppendLinesAsync(context, partition)),
            MediaTypes.RecordBatch => AppendBatchesAsync(context, partition),
            MediaTypes.Binary => AppendAsync(context, partition, ReadValueAsync(context, isText: false)),
            MediaTypes.Text => AppendAsync(context, partition, ReadValueAsync(context, isText: true)),
            _ => AppendAsync(context, partition, ReadJsonAsync(context, partition)),
        };

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<(RecordCollector Records, Acks Acks)> ReadJsonAsync(HttpContext context, int? partition)
    {
        RecordOptions.RefuseFor(context.Request, "a field of the JSON body");
        using var body = await RequestBody.ReadAsync(context, HttpLimits.RequestBytesMax);
        var records = new RecordCollector(NowMs(context), body.Bytes.Length);
        return (records, ProduceJson.Parse(body.Json.Span, partition is not null, records));
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<(RecordCollector Records, Acks Acks)> ReadValueAsync(HttpContext context, bool isText)
    {
        var options = RecordOptions.Read(context.Request);
        using var body = await RequestBody.ReadAsync(context, HttpLimits.RequestBytesMax);
        var records = new RecordCollector(NowMs(context), body.Bytes.Length);
        if (isText)
            JsonInput.CheckText(body.Bytes.Span, null);
        options.AddRecord(context.Request, body.Bytes.Span, records);
        return (records, options.Acks);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask AppendAsync(HttpContext context, int? partition, ValueTask<(RecordCollector Records, Acks Acks)> reading)
    {
        var (records, acks) = await reading;
        var outcome = await TryCallAsync(
            context, new(records.Finish(), partition, records.Partitions, acks, ExpectedNextOffset(context)));
        ThrowWhenRefused(outcome, context.Features.Get<ClientIdentity>());
        if (acks == Acks.None)
        {
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        }
        else
        {
            using var results = MakeResults(context);
            results.Add(outcome.Response, records);
            await results.WriteAsync(context, asLines: false);
        }

        // If the request failed as a whole, an earlier call may still read this memory, so it is left to the garbage collector.
        if (outcome.IsMemoryFree)
            records.Dispose();
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask AppendBatchesAsync(HttpContext context, int? partition)
    {
        var options = RecordOptions.ReadAcks(context.Request);
        var body = await RequestBody.ReadAsync(context, HttpLimits.RequestBytesMax);
        var recordCount = EncodedBatches.Check(body.Bytes.Span, partition is not null);
        if (context.Features.Get<ClientIdentity>() is { Identity.IsClients: true })
            ProducerHeaders.RefuseSecondProducer(body.Bytes.Span);
        var outcome = await TryCallAsync(
            context, new(body.Bytes, partition, default, options.Acks, ExpectedNextOffset(context)));
        ThrowWhenRefused(outcome, context.Features.Get<ClientIdentity>());
        if (options.Acks == Acks.None)
        {
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        }
        else
        {
            using var results = MakeResults(context);
            if (partition is null)
                results.Add(outcome.Response, recordCount);
            else
                results.AddParts(outcome.Response);
            await results.WriteAsync(context, asLines: false);
        }

        // A call without a certain answer may still read the body. The garbage collector gets it then.
        if (outcome.IsMemoryFree)
            body.Dispose();
    }

    /// <summary>Makes one append of a request, under the request's identity if it has one.</summary>
    internal ValueTask<RecordsAppendOutcome> TryCallAsync(HttpContext context, AppendRecords records) =>
        context.Features.Get<ClientIdentity>() is { } client
            ? TryCallAsync(context, records, client)
            : appender.AppendAsync(context.Caller(), Parameters.Topic(context), records);

    private async ValueTask<RecordsAppendOutcome> TryCallAsync(HttpContext context, AppendRecords records, ClientIdentity client)
    {
        if (!client.Identity.IsClients && records.Acks != Acks.All)
        {
            throw RequestException.Malformed("acks",
                $"With '{IdentityHeaders.IdempotencyKey}' acks must be \"all\": the answer is to hold for a day.");
        }

        var outcome = await appender.AppendAsync(context.Caller(), Parameters.Topic(context), records, client);
        if (client.Key is { } key)
            await key.EndAsync(outcome.Response);
        if (outcome.IsFenced)
            outcome = outcome with { Response = FencedIdentity.Told(outcome.Response) };
        return outcome.Response.Error is { Code: StreamErrorCode.UnknownProducerId } error
            ? outcome with { Response = outcome.Response with { Error = WithAdvice(error, client) } }
            : outcome;
    }

    private static void ThrowWhenRefused(RecordsAppendOutcome outcome, ClientIdentity? client)
    {
        if (outcome.Response.Error is { } error)
            throw new RequestException(client is null && error.Code == StreamErrorCode.UnknownProducerId ? WithAdvice(error, client) : error);
    }

    private static StreamError WithAdvice(StreamError error, ClientIdentity? client) => client is { Identity.IsClients: true }
        ? error with { Detail = $"{error.Detail} POST /v1/producers gives one.", Field = IdentityHeaders.ProducerId }
        : error with
        {
            Detail = $"{error.Detail} POST /v1/producers gives one; batches of another cluster are sent without their producer ids.",
            Field = null,
        };

    private static ProduceResults MakeResults(HttpContext context) =>
        new() { AreDuplicatesOfOtherRequests = context.Features.Get<ClientIdentity>() is { Identity.IsClients: true } };

    /// <summary>Cancelled when the service stops.</summary>
    internal CancellationToken Stopping => lifetime.ApplicationStopping;

    /// <summary>The time of records that have none: of a request that is made again, when it was made first.</summary>
    internal long NowMs(HttpContext context) =>
        context.Features.Get<ClientIdentity>()?.Identity.NowMs ?? time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The next offset that a request makes its condition; null for none.</summary>
    /// <exception cref="RequestException">The condition is malformed.</exception>
    internal static long? ExpectedNextOffset(HttpContext context)
    {
        var condition = context.Request.Headers.IfMatch;
        if (condition.Count == 0)
            return null;
        var text = condition.ToString();
        if (text.Length < 3 || text[0] != '"' || text[^1] != '"')
        {
            throw RequestException.Malformed(
                "If-Match", $"'If-Match' is '{RequestException.Shown(text)}'; expected the partition's next offset in quotes, such as \"17\".");
        }

        return Parameters.Integer("If-Match", text[1..^1], 0, long.MaxValue);
    }
}
