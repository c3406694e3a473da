namespace OrleansStream.Rest.Http;

/// <summary>
/// Answers HEAD wherever GET is answered, with the same status and headers and no body (RFC 9110, section 9.3.2). Monitors and load balancers use it.
/// </summary>
/// <remarks>
/// The rest of the pipeline sees a GET, so no endpoint exists twice. The server uses the method on the wire, and drops the body. An endpoint that
/// waits or streams without end checks <see cref="IsHead"/> and does not do so.
/// </remarks>
internal sealed class HeadMiddleware(RequestDelegate next)
{
    private static readonly Mark Asked = new();

    /// <summary>Whether a request that looks like a GET came as a HEAD.</summary>
    public static bool IsHead(HttpContext context) => context.Features.Get<Mark>() is not null;

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
