namespace OrleansStream.Rest.Http;

/// <summary>
/// Answers HEAD wherever GET is answered, with the same status and headers and no body (RFC 9110, 9.3.2): monitors and load balancers ask with it.
/// </summary>
/// <remarks>
/// For all that follows the request is a GET, so no endpoint has to be made twice. The server goes by the method on the wire, and drops the body.
/// Whoever waits, or goes on without an end, asks <see cref="IsHead"/> and does not.
/// </remarks>
/// <param name="next">The rest of the pipeline.</param>
internal sealed class HeadMiddleware(RequestDelegate next)
{
    private static readonly Mark Asked = new();

    /// <summary>Whether a request that appears as a GET came as a HEAD.</summary>
    /// <param name="context">The request.</param>
    public static bool IsHead(HttpContext context) => context.Features.Get<Mark>() is not null;

    /// <summary>Runs one request.</summary>
    /// <param name="context">The request.</param>
    public Task InvokeAsync(HttpContext context)
    {
        if (HttpMethods.IsHead(context.Request.Method))
        {
            context.Request.Method = HttpMethods.Get;
            context.Features.Set(Asked);
        }

        return next(context);
    }

    private sealed class Mark;
}
