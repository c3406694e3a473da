using System.Net;

namespace OrleansStream.Rest.Http;

/// <summary>
/// Tells browsers that came by TLS to come by nothing else for a year (RFC 6797), unless the service is on this machine, where other programs use the
/// name.
/// </summary>
internal sealed class StrictTransportMiddleware(RequestDelegate next)
{
    private const string Policy = "max-age=31536000";

    public Task InvokeAsync(HttpContext context)
    {
        if (context.Request.IsHttps && !(context.Connection.RemoteIpAddress is { } caller && IPAddress.IsLoopback(caller)))
            context.Response.Headers.StrictTransportSecurity = Policy;
        return next(context);
    }
}
