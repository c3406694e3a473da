using System.Diagnostics;
using Microsoft.AspNetCore.Connections;
using Microsoft.Net.Http.Headers;
using OrleansStream.Errors;
using OrleansStream.HttpErrors;
using OrleansStream.Instrumentation;
using OrleansStream.Rest.Errors;

namespace OrleansStream.Rest.Http;

/// <summary>The outermost middleware: turns every failure, also of routing and of the server itself, into a problem document.</summary>
/// <param name="next">The rest of the pipeline.</param>
/// <param name="drain">Reads the rest of a refused body.</param>
/// <param name="failures">Counts failures that many requests meet.</param>
/// <param name="logger">Logs failures that no caller can correct.</param>
internal sealed partial class ProblemMiddleware(
    RequestDelegate next, BodyDrain drain, RepeatedFailures failures, ILogger<ProblemMiddleware> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
            if (context.Response is { HasStarted: false, ContentType: null, ContentLength: null } response
                && ErrorMap.FaultOf(response.StatusCode) is { } fault)
            {
                AllowHead(response.Headers);
                await Problems.WriteAsync(context, new StreamError(StreamErrorCode.InvalidRequest, DetailOf(fault, context)), fault);
                await drain.RunAsync(context);
            }
        }
        catch (Exception exception) when (HasCallerGone(exception, context))
        {
            // Nobody is left to answer. If reading the body has failed, Kestrel does not know it yet; it would read on, and log an error.
            context.Abort();
        }
        catch (Exception exception) when (!HasBegun(context.Response))
        {
            (var error, var fault) = Explain(exception, context);
            if (IsCutWhenUnavailable(context) && StatusOf(error, fault) == StatusCodes.Status503ServiceUnavailable)
            {
                LogCut(logger, context.Request.Method, context.Request.Path, error.Detail);
                StreamTelemetry.Recorded?.SetTag("error.type", ErrorMap.NameOf(error.Code)).SetStatus(ActivityStatusCode.Error);
                context.Abort();
                return;
            }

            context.Response.Clear();
            if (exception is BadHttpRequestException)
                EndConnection(context);
            await Problems.WriteAsync(context, error, fault);
            if (exception is not BadHttpRequestException)
                await drain.RunAsync(context);
        }
        catch (Exception exception)
        {
            // A cut connection is the only honest end of an answer that was begun as a success.
            LogBrokenAnswer(logger, exception, context.Request.Method, context.Request.Path, Problems.TraceIdOf(context));
            ServiceCut.Cut(context);
        }
    }

    // Routing does not know that HEAD is allowed wherever GET is.
    private static void AllowHead(IHeaderDictionary headers)
    {
        string?[] allowed = [.. headers.GetCommaSeparatedValues(HeaderNames.Allow)];
        if (allowed.Contains(HttpMethods.Get))
            headers.Allow = string.Join(", ", [.. allowed, HttpMethods.Head]);
    }

    // The connection may report that it is cut before the request does.
    private static bool HasCallerGone(Exception exception, HttpContext context) =>
        exception is ConnectionResetException or ConnectionAbortedException
            or OperationCanceledException { InnerException: ConnectionAbortedException }
        || (context.RequestAborted.IsCancellationRequested && exception is OperationCanceledException or IOException);

    // Bytes that are written but not sent cannot be taken back. A problem behind them would not be a valid document, and would exceed the announced
    // length.
    private static bool HasBegun(HttpResponse response) =>
        response.HasStarted || response.BodyWriter is { CanGetUnflushedBytes: true, UnflushedBytes: > 0 };

    // A HEAD does not come from a browser that follows a topic, and its sender wants the status.
    private static bool IsCutWhenUnavailable(HttpContext context) =>
        !HeadMiddleware.IsHead(context) && context.GetEndpoint()?.Metadata.GetMetadata<Operation>() is { IsCutWhenUnavailable: true };

    private static int StatusOf(StreamError error, HttpFault? fault) => (fault is { } named ? ErrorMap.Of(named) : ErrorMap.Of(error.Code)).Status;

    /// <summary>The error for an exception. An unexpected exception becomes a server error that tells nothing of the inside.</summary>
    internal (StreamError Error, HttpFault? Fault) Explain(Exception exception, HttpContext context)
    {
        var isWrite = !HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method);
        switch (exception)
        {
            case RequestException request:
                return (request.Error, request.Fault);
            case StreamException stream:
                return (stream.Error, null);
            case BadHttpRequestException bad:
                return Explain(bad);
            case TimeoutException or OperationCanceledException:
                TellUnanswered(exception, context);
                return (new StreamError(StreamErrorCode.RequestTimedOut, "The service did not answer in time. Try again.")
                {
                    OutcomeUnknown = isWrite,
                }, null);
            case OrleansException:
                // The message was rejected or lost: the silo does not exist, or it ended during the call.
                TellUnanswered(exception, context);
                return (new StreamError(StreamErrorCode.NotLeaderOrFollower, "No server could take the call. Try again.")
                {
                    OutcomeUnknown = isWrite,
                }, null);
            default:
                LogFailed(logger, exception, context.Request.Method, context.Request.Path, Problems.TraceIdOf(context));
                return (new StreamError(StreamErrorCode.UnknownServerError, "The server failed; its log has the details under the trace id.")
                {
                    OutcomeUnknown = isWrite,
                }, null);
        }
    }

    // The requests that come meanwhile fail for the same reason.
    private void TellUnanswered(Exception exception, HttpContext context)
    {
        var request = context.Request;
        if (failures.IsToTell($"{request.Method} {request.Path}", out var count))
            LogUnanswered(logger, exception, request.Method, request.Path, Problems.TraceIdOf(context), count);
    }

    /// <summary>
    /// Makes the answer close its connection after a body that could not be read, because the start of the next request is then unknown. Otherwise
    /// Kestrel would search for that start and log an error. It does nothing once the answer has started.
    /// </summary>
    /// <param name="context">The request with the body.</param>
    internal static void EndConnection(HttpContext context)
    {
        // Later versions of HTTP frame each request separately.
        if (!context.Response.HasStarted && HttpProtocol.IsHttp11(context.Request.Protocol))
            context.Response.Headers.Connection = "close";
    }

    /// <summary>The error for a body that the server could not read.</summary>
    /// <param name="bad">The server's exception.</param>
    internal static (StreamError Error, HttpFault? Fault) Explain(BadHttpRequestException bad)
    {
        var fault = ErrorMap.FaultOf(bad.StatusCode);
        var detail = fault switch
        {
            HttpFault.BodyTooLarge => $"The body is longer than {HttpLimits.RequestBytesMax} bytes. Send fewer records at once.",
            HttpFault.BodyTooSlow => "The body came too slowly. Send it again.",
            _ => "The request is not valid HTTP: its body ended early or its framing is broken.",
        };
        return (new StreamError(StreamErrorCode.InvalidRequest, detail), fault);
    }

    private static string DetailOf(HttpFault fault, HttpContext context) => fault switch
    {
        HttpFault.NoSuchPath => $"There is nothing at '{context.Request.Path}'. The paths are described at /swagger.",
        HttpFault.MethodNotAllowed =>
            $"{context.Request.Method} is not allowed here. Allowed: {string.Join(", ", context.Response.Headers.Allow.ToArray())}.",
        _ => ErrorMap.Of(fault).Title + ".",
    };

    [LoggerMessage(Level = LogLevel.Information, Message = "{Method} {Path} is cut without an answer, so that its client connects again: {Reason}")]
    private static partial void LogCut(ILogger logger, string method, PathString path, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Method} {Path} was not answered by the cluster; its trace id is {TraceId}; failures since this was last said: {Failures}")]
    private static partial void LogUnanswered(ILogger logger, Exception exception, string method, string path, string traceId, int failures);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path} failed; its trace id is {TraceId}")]
    private static partial void LogFailed(ILogger logger, Exception exception, string method, string path, string traceId);

    [LoggerMessage(
        Level = LogLevel.Error, Message = "{Method} {Path} failed after its answer had begun; the connection is cut; its trace id is {TraceId}")]
    private static partial void LogBrokenAnswer(ILogger logger, Exception exception, string method, string path, string traceId);
}
