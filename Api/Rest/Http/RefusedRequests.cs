using System.Buffers;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.HttpErrors;

namespace OrleansStream.Rest.Http;

/// <summary>
/// Writes problem documents for requests that the server refuses before any middleware runs: a line or headers that are malformed, too long or not
/// UTF-8, a path with %00, a missing <c>Host</c>. The server itself answers these only with a status.
/// </summary>
/// <remarks>
/// Kestrel reports such a request by its diagnostic event before it answers. If an answer has been started, Kestrel leaves it and then ends the
/// connection. Later versions of HTTP have frames, which nobody else may write; there the server's answer is left unchanged.
/// </remarks>
internal sealed class RefusedRequests : IObserver<KeyValuePair<string, object?>>
{
    private const string EventName = "Microsoft.AspNetCore.Server.Kestrel.BadRequest";

    private static readonly RefusedRequests Answers = new();

    /// <summary>Writes problem documents for the requests that a service's server refuses, as long as the service exists.</summary>
    public static void Explain(IServiceProvider services)
    {
        var subscription = services.GetRequiredService<DiagnosticListener>().Subscribe(Answers, name => name == EventName);
        services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopped.Register(subscription.Dispose);
    }

    /// <inheritdoc/>
    public void OnNext(KeyValuePair<string, object?> value)
    {
        if (value.Value is IFeatureCollection request && request.Get<IBadRequestExceptionFeature>()?.Error is BadHttpRequestException refusal)
            Answer(request, refusal);
    }

    /// <inheritdoc/>
    public void OnCompleted()
    {
    }

    /// <inheritdoc/>
    public void OnError(Exception error)
    {
    }

    private static void Answer(IFeatureCollection request, BadHttpRequestException refusal)
    {
        var context = new DefaultHttpContext(request);
        var fault = ErrorMap.FaultOf(refusal.StatusCode);
        var isFramed = HttpProtocol.IsHttp2(context.Request.Protocol) || HttpProtocol.IsHttp3(context.Request.Protocol);
        if (isFramed || context.Response.HasStarted || request.Get<IConnectionTransportFeature>()?.Transport.Output is not { } output)
            return;

        var problem = Problems.Prepare(context, new StreamError(StreamErrorCode.InvalidRequest, DetailOf(fault, refusal)), fault);
        // For a status that the table does not have, the server goes on with its own answer. This is 505, by which a client that begins with HTTP/2
        // is told so in HTTP/2's own terms.
        if (problem.Status != refusal.StatusCode)
            return;
        var body = JsonSerializer.SerializeToUtf8Bytes(problem, ApiJsonContext.Api.Problem);
        context.Response.ContentLength = body.Length;
        context.Response.Headers.Connection = "close";
        if (!context.Response.StartAsync().IsCompletedSuccessfully)
            return;
        if (!HttpMethods.IsHead(context.Request.Method))
            output.Write(body);
        // The connection ends after this is sent, and the server waits for it.
        _ = output.FlushAsync(CancellationToken.None).AsTask();
    }

    private static string DetailOf(HttpFault? fault, BadHttpRequestException refusal) => fault switch
    {
        HttpFault.UriTooLong => $"The request line, with the path and the query, is longer than {HttpLimits.RequestLineBytesMax} bytes.",
        HttpFault.HeadersTooLarge =>
            $"The headers are longer than {HttpLimits.RequestHeaderBytesMax} bytes, or more than {HttpLimits.RequestHeadersMax}: {refusal.Message}",
        HttpFault.BodyTooSlow => "The headers came too slowly. Send the request again.",
        // The server includes the offending text only when its log level is more verbose than warnings.
        _ => $"The request is not valid HTTP ({refusal.Message.Replace(": ''", "", StringComparison.Ordinal).TrimEnd('.')}). "
            + "Headers are ASCII or UTF-8, and no path has a %00.",
    };
}
