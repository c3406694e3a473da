using Microsoft.AspNetCore.Http.Features;
using OrleansStream.Gateway.Admission;

namespace OrleansStream.Rest.Http;

/// <summary>
/// Cuts the connection of a caller that reads nothing of its answer for <see cref="HttpLimits.AnswerWriteMax"/>, because it holds a tail, memory, or
/// a member's partitions that others need.
/// </summary>
/// <remarks>
/// It covers every answer, because each may be longer than what the connection accepts at once. A write that the connection accepts at once costs
/// nothing; a timer runs only while a write waits. An answer that is written rarely, such as the results of a quiet stream, is not cut, because no
/// write waits.
/// </remarks>
/// <param name="next">The rest of the pipeline.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="time">Times the writes.</param>
/// <param name="logger">Logs cut connections.</param>
internal sealed class StalledReaderMiddleware(RequestDelegate next, NodeAnswers node, TimeProvider time, ILogger<StalledReaderMiddleware> logger)
{
    public Task InvokeAsync(HttpContext context)
    {
        // The server restores its own feature for the connection's next request.
        var body = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        context.Features.Set<IHttpResponseBodyFeature>(new TimedResponseBody(context, body, node, time, logger));
        return next(context);
    }
}
