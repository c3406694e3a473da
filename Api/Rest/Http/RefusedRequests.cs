using System.Buffers;
using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.Rest.Errors;

namespace OrleansStream.Rest.Http;

/// <summary>
/// Explains by a problem document what the server refuses before there is a request for any middleware: a line or headers that are malformed, too
/// long or not UTF-8, a path with %00, a missing <c>Host</c>. By itself it answers these with a bare status.
/// </summary>
/// <remarks>
/// Kestrel tells of such a request by its diagnostic event, before it answers. An answer that was begun it leaves as it is, and ends the
/// connection behind it. Later versions of HTTP have frames, into which nobody else may write; there these stay as they are.
/// </remarks>
internal sealed class RefusedRequests : IObserver<KeyValuePair<string, object?>>
{
    private const string EventName = "Microsoft.AspNetCore.Server.Kestrel.BadRequest";

    private static readonly RefusedRequests Answers = new();

    /// <summary>Explains the requests that a service's server refuses, as long as the service is there.</summary>
    /// <param name="services">The service.</param>
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
        // The server goes on with an answer of its own to a status that the table does not know: 505, where a client that begins with HTTP/2 is told
        // so in its own words.
        if (problem.Status != refusal.StatusCode)
            return;
        var body = JsonSerializer.SerializeToUtf8Bytes(problem, ApiJsonContext.Api.Problem);
        context.Response.ContentLength = body.Length;
        context.Response.Headers.Connection = "close";
        if (!context.Response.StartAsync().IsCompletedSuccessfully)
            return;
        if (!HttpMethods.IsHead(context.Request.Method))
            output.Write(body);
        // The connection ends once this is sent, and the server waits for it.
        _ = output.FlushAsync(CancellationToken.None).AsTask();
    }

    private static string DetailOf(HttpFault? fault, BadHttpRequestException refusal) => fault switch
    {
        HttpFault.UriTooLong => $"The request line, with the path and the query, is longer than {HttpLimits.RequestLineBytesMax} bytes.",
        HttpFault.HeadersTooLarge =>
            $"The headers are longer than {HttpLimits.RequestHeaderBytesMax} bytes, or more than {HttpLimits.RequestHeadersMax}: {refusal.Message}",
        HttpFault.BodyTooSlow => "The headers came too slowly. Send the request again.",
        // The server shows what it met only where its log is to tell more than warnings.
        _ => $"The request is not valid HTTP ({refusal.Message.Replace(": ''", "", StringComparison.Ordinal).TrimEnd('.')}). "
            + "Headers are ASCII or UTF-8, and no path has a %00.",
    };
}
