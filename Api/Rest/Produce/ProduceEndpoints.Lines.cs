using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using OrleansStream.Rest.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Produce;

internal sealed partial class ProduceEndpoints
{
    /// <summary>
    /// Appends an ndjson body while it comes, a chunk at a time: a chunk is what has come while the one before was appended, up to
    /// <see cref="ProduceLimits.NdjsonChunkBytes"/>. Under an identity of the client's it is one append as a whole, since a repeat must be the same
    /// append.
    /// </summary>
    private async Task AppendLinesAsync(HttpContext context, int? partition)
    {
        var options = RecordOptions.ReadTypes(context.Request);
        LiftBodyLimits(context);
        using var results = MakeResults(context);
        using var lines = new LineRequest(this, context, options, partition, results);
        await lines.RunAsync();
        if (results is { Count: 0, AreBeingSent: false } && options.Acks != Acks.None)
            throw RequestException.Malformed(null, "The body holds no record; send one JSON record a line.");
        if (options.Acks == Acks.None && results is { FailedCount: 0, AreBeingSent: false })
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        else
            await results.WriteAsync(context, asLines: true);
        if (!lines.IsBodyRead)
            await drain.RunAsync(context);
    }

    // A stream has no length; each line and each chunk has a bound, and a quiet producer is not a broken one.
    private static void LiftBodyLimits(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = null;
        if (context.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
            rate.MinDataRate = null;
    }
}
