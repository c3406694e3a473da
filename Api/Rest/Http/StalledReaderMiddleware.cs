using Microsoft.AspNetCore.Http.Features;
using OrleansStream.Gateway.Admission;

namespace OrleansStream.Rest.Http;

/// <summary>
/// Cuts the connection of a caller that takes nothing more of its answer for <see cref="HttpLimits.AnswerWriteMax"/>: it holds a tail, memory, or a
/// member's partitions that others need.
/// </summary>
/// <remarks>
/// For every answer, since each may be longer than what the connection takes in. A write that the connection takes at once costs nothing; a
/// timer runs only while one waits. An answer that is written seldom, such as the results of a quiet stream, is not cut: nothing waits.
/// </remarks>
/// <param name="next">The rest of the pipeline.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="time">Times the writes.</param>
/// <param name="logger">Where cut connections are told.</param>
internal sealed class StalledReaderMiddleware(RequestDelegate next, NodeAnswers node, TimeProvider time, ILogger<StalledReaderMiddleware> logger)
{
    /// <summary>Runs one request.</summary>
    /// <param name="context">The request.</param>
    public Task InvokeAsync(HttpContext context)
    {
        // The server puts its own back for the connection's next request.
        var body = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        context.Features.Set<IHttpResponseBodyFeature>(new TimedResponseBody(context, body, node, time, logger));
        return next(context);
    }
}
