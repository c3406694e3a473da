using System.Diagnostics;
using System.Text.Json;
using OrleansStream.Contracts;
using OrleansStream.Errors;

namespace OrleansStream.HttpErrors;

/// <summary>Makes problem documents of errors and sends them.</summary>
internal static class Problems
{
    /// <summary>The media type of a problem document.</summary>
    public const string MediaType = "application/problem+json";

    private const string TypePrefix = "urn:orleansstream:error:";

    /// <summary>The document of an error.</summary>
    /// <param name="error">What is wrong.</param>
    /// <param name="fault">Set when HTTP itself refuses.</param>
    /// <param name="traceId">The request's trace id; null inside an answer.</param>
    public static Problem Of(StreamError error, HttpFault? fault = null, string? traceId = null)
    {
        var http = fault is { } f ? ErrorMap.Of(f) : ErrorMap.Of(error.Code);
        return new Problem
        {
            Type = TypePrefix + (fault is { } named ? ErrorMap.NameOf(named) : ErrorMap.NameOf(error.Code)),
            Title = http.Title,
            Status = http.Status,
            Detail = Shown(error.Detail, ProblemLimits.DetailLengthMax),
            ErrorCode = ErrorMap.NameOf(error.Code),
            KafkaCode = (int)error.Code,
            Retriable = http.Retriable,
            Outcome = error.OutcomeUnknown ? "unknown" : null,
            Field = FieldOf(error) is { } field ? Shown(field, ProblemLimits.FieldLengthMax) : null,
            LogStartOffset = error.LogStartOffset,
            HighWatermark = error.HighWatermark,
            NextOffset = error.NextOffset,
            Damage = error.Damage is { } damage
                ? new DamageEntry
                {
                    Topic = damage.Topic,
                    Partition = damage.Partition,
                    Offset = damage.Offset,
                    Segment = damage.Segment,
                    Position = damage.Position,
                }
                : null,
            TraceId = traceId,
        };
    }

    // The service's messages know a key; over HTTP it comes in a header.
    private static string? FieldOf(StreamError error) => error.Code == StreamErrorCode.IdempotencyKeyReused ? "Idempotency-Key" : error.Field;

    private static string Shown(string text, int lengthMax)
    {
        if (text.Length <= lengthMax)
            return text;
        // Not in the middle of a character.
        var length = char.IsHighSurrogate(text[lengthMax - 1]) ? lengthMax - 1 : lengthMax;
        return text[..length] + "…";
    }

    /// <summary>
    /// The id under which the server's log knows a request: that of its trace, if it is recorded or its caller has begun it. Else the server's own.
    /// </summary>
    /// <param name="context">The request.</param>
    public static string TraceIdOf(HttpContext context) =>
        Activity.Current is { } span ? span.TraceId.ToHexString()
        : CallerTrace.Of(context.Request.Headers) is { TraceId: var trace } && trace != default ? trace.ToHexString()
        : context.TraceIdentifier;

    /// <summary>Sets an answer's status and headers to an error's, and gives the document to write.</summary>
    /// <param name="context">The request.</param>
    /// <param name="error">What is wrong.</param>
    /// <param name="fault">Set when HTTP itself refuses.</param>
    public static Problem Prepare(HttpContext context, StreamError error, HttpFault? fault = null)
    {
        var problem = Of(error, fault, TraceIdOf(context));
        var response = context.Response;
        response.StatusCode = problem.Status;
        response.ContentType = MediaType;
        if (problem.Status == StatusCodes.Status401Unauthorized)
        {
            // RFC 6750, section 3: nothing is wrong with what was not sent.
            response.Headers.WWWAuthenticate = context.Request.Headers.Authorization.Count == 0
                ? "Bearer realm=\"OrleansStream\""
                : "Bearer realm=\"OrleansStream\", error=\"invalid_token\"";
        }

        if (problem.Retriable)
        {
            var seconds = error.RetryAfterMs is { } ms ? (ms + 999) / 1000 : ProblemLimits.RetryAfterSecondsDefault;
            response.Headers.RetryAfter = seconds.ToString();
        }

        return problem;
    }

    /// <summary>Answers a request with a problem document.</summary>
    /// <param name="context">The request; nothing of its answer has been sent.</param>
    /// <param name="error">What is wrong.</param>
    /// <param name="fault">Set when HTTP itself refuses.</param>
    public static Task WriteAsync(HttpContext context, StreamError error, HttpFault? fault = null)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(Prepare(context, error, fault), ApiJsonContext.Api.Problem);
        context.Response.ContentLength = body.Length;
        return context.Response.Body.WriteAsync(body, CancellationToken.None).AsTask();
    }
}
