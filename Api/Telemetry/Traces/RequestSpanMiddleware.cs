using System.Collections.Frozen;
using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using OrleansStream.HttpErrors;
using OrleansStream.Instrumentation;

namespace OrleansStream.Telemetry.Traces;

/// <summary>
/// The span of a request over HTTP, with the attributes of OpenTelemetry's semantic conventions for HTTP servers
/// (https://opentelemetry.io/docs/specs/semconv/http/http-spans/). A ticket in the query signs somebody in, so it is left out.
/// </summary>
/// <remarks>
/// ASP.NET Core would begin a span for every request as soon as anything listens, and for small requests that costs a twentieth of their processor
/// time. This one is begun only for traces that are recorded. The service does not listen to ASP.NET Core's source.
/// </remarks>
/// <param name="next">The rest of the pipeline.</param>
/// <param name="traces">Begins the span.</param>
internal sealed class RequestSpanMiddleware(RequestDelegate next, RequestTraces traces)
{
    // Health is asked for every few seconds, and metrics are scraped as often.
    private const string TracedPath = "/v1";

    private const string UnknownMethod = "_OTHER";

    /// <summary>The parameter of a query that nobody but the service may read.</summary>
    internal const string SecretParameter = "ticket";

    // The kind of failure of an answer that the service has not ended; it may still have gathered, with nothing sent.
    private const string CutAnswer = "cut";

    private static readonly FrozenSet<string> Methods = FrozenSet.Create(
        StringComparer.Ordinal, HttpMethods.Get, HttpMethods.Head, HttpMethods.Post, HttpMethods.Put, HttpMethods.Patch, HttpMethods.Delete,
        HttpMethods.Options, HttpMethods.Trace, HttpMethods.Connect);

    /// <summary>Serves a request.</summary>
    /// <param name="context">The request.</param>
    public Task InvokeAsync(HttpContext context)
    {
        // The name is complete only when the route is known.
        var method = MethodOf(context.Request);
        if (context.Request.Path.StartsWithSegments(TracedPath, StringComparison.OrdinalIgnoreCase)
            && traces.Start(method, CallerTrace.Of(context.Request.Headers)) is { } span)
        {
            return TraceAsync(context, span, method);
        }

        // ASP.NET Core makes an activity where its own log is on. That has the flag of the caller, and is never sent.
        if (StreamTelemetry.Recorded is { } activity)
            activity.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
        return next(context);
    }

    // Anybody can invent methods.
    private static string MethodOf(HttpRequest request) => Methods.Contains(request.Method) ? request.Method : UnknownMethod;

    private async Task TraceAsync(HttpContext context, Activity span, string method)
    {
        using (span)
        {
            var cut = new ServiceCut();
            context.Features.Set(cut);
            NoteRequest(span, context, method);
            try
            {
                await next(context);
            }
            catch (Exception exception)
            {
                // The server answers it with a status of its own.
                NoteFailure(span, exception.GetType().FullName ?? exception.GetType().Name);
                throw;
            }
            finally
            {
                NoteRoute(span, context, method);
                NoteAnswer(span, context, cut);
            }
        }
    }

    private static void NoteRequest(Activity span, HttpContext context, string method)
    {
        var request = context.Request;
        span.SetTag("http.request.method", method);
        if (method == UnknownMethod)
            span.SetTag("http.request.method_original", request.Method);
        span.SetTag("url.scheme", request.Scheme);
        span.SetTag("url.path", (request.PathBase + request.Path).Value);
        if (request.QueryString.Value is { Length: > 1 } query)
            span.SetTag("url.query", Shown(query[1..]));
        span.SetTag("client.address", context.Connection.RemoteIpAddress?.ToString());
        span.SetTag("network.protocol.version", request.Protocol[(request.Protocol.IndexOf('/') + 1)..]);
        span.SetTag("server.address", request.Host.Host);
        if (request.Host.Port is { } port)
            span.SetTag("server.port", port);
        if (request.Headers.UserAgent.Count > 0)
            span.SetTag("user_agent.original", request.Headers.UserAgent.ToString());
    }

    private static string Shown(string query) => string.Join('&', query.Split('&').Select(one =>
        string.Equals(Uri.UnescapeDataString(one.Split('=')[0].Replace('+', ' ')), SecretParameter, StringComparison.OrdinalIgnoreCase)
            ? $"{SecretParameter}=REDACTED" : one));

    private static void NoteRoute(Activity span, HttpContext context, string method)
    {
        if ((context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText is not { } route)
            return;
        span.DisplayName = $"{(method == UnknownMethod ? "HTTP" : method)} {route}";
        span.SetTag("http.route", route);
    }

    // A client may leave whenever it has what it wants, as it does with a stream. That is no failure, and no status was sent if none had begun.
    private static void NoteAnswer(Activity span, HttpContext context, ServiceCut cut)
    {
        var hasStarted = context.Response.HasStarted;
        var isCut = cut.IsCut;
        if (isCut)
            NoteFailure(span, CutAnswer);
        if (!hasStarted && (span.Status == ActivityStatusCode.Error || context.RequestAborted.IsCancellationRequested))
            return;
        var status = context.Response.StatusCode;
        span.SetTag("http.response.status_code", status);
        if (!isCut && status >= StatusCodes.Status500InternalServerError)
            NoteFailure(span, status.ToString(CultureInfo.InvariantCulture));
    }

    private static void NoteFailure(Activity span, string type)
    {
        span.SetTag("error.type", type);
        span.SetStatus(ActivityStatusCode.Error);
    }
}

/// <summary>Puts <see cref="RequestSpanMiddleware"/> before all that a host serves.</summary>
internal sealed class RequestSpanFilter : IStartupFilter
{
    /// <inheritdoc/>
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.UseMiddleware<RequestSpanMiddleware>();
        next(app);
    };
}
