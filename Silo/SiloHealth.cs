using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OrleansStream.Contracts;
using OrleansStream.Errors;

namespace OrleansStream.Silo;

/// <summary>
/// A silo's answers to load balancers and people: <c>/health/live</c> and <c>/health/ready</c>, in the words of a node of the Api.
/// </summary>
internal static class SiloHealth
{
    private const string Json = "application/json";
    private const string ProblemJson = "application/problem+json";

    // A node says the same where waiting helps.
    private const string RetryAfterSeconds = "1";

    /// <summary>Adds both answers.</summary>
    /// <param name="routes">Where to.</param>
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        routes.MapHealthChecks("/health/live", new HealthCheckOptions
        {
            Predicate = _ => false,
            ResponseWriter = (context, _) => WriteAsync(context, Json, new HealthAnswer { Status = "live" }, ApiJsonContext.Api.HealthAnswer),
        });
        routes.MapHealthChecks("/health/ready", new HealthCheckOptions { ResponseWriter = WriteReadyAsync });
    }

    /// <summary>Writes whether the silo can take work; the status is set already.</summary>
    /// <param name="context">The request.</param>
    /// <param name="report">What the checks found.</param>
    internal static Task WriteReadyAsync(HttpContext context, HealthReport report)
    {
        if (report.Status != HealthStatus.Unhealthy)
            return WriteAsync(context, Json, new HealthAnswer { Status = "ready" }, ApiJsonContext.Api.HealthAnswer);
        context.Response.Headers.RetryAfter = RetryAfterSeconds;
        var problem = new Problem
        {
            Type = "urn:orleansstream:error:NOT_READY",
            Title = "Not ready",
            Status = StatusCodes.Status503ServiceUnavailable,
            Detail = string.Join(
                ' ', report.Entries.Where(check => check.Value.Status == HealthStatus.Unhealthy)
                    .Select(check => check.Value.Description ?? check.Key)),
            ErrorCode = "INVALID_REQUEST",
            KafkaCode = (int)StreamErrorCode.InvalidRequest,
            Retriable = true,
            TraceId = Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier,
        };
        return WriteAsync(context, ProblemJson, problem, ApiJsonContext.Api.Problem);
    }

    private static Task WriteAsync<T>(HttpContext context, string mediaType, T answer, JsonTypeInfo<T> type)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(answer, type);
        (context.Response.ContentType, context.Response.ContentLength) = (mediaType, body.Length);
        return context.Response.Body.WriteAsync(body, context.RequestAborted).AsTask();
    }
}
