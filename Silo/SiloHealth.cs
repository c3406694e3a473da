using System.Text.Json;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.HttpErrors;

namespace OrleansStream.Silo;

/// <summary>
/// A silo's answers to load balancers and people: <c>/health/live</c> and <c>/health/ready</c>, in the words of a node of the Api.
/// </summary>
internal static class SiloHealth
{
    private const string Json = "application/json";

    /// <summary>Adds both answers.</summary>
    /// <param name="routes">Takes the endpoints.</param>
    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
        routes.MapHealthChecks("/health/live", new HealthCheckOptions
        {
            Predicate = _ => false,
            ResponseWriter = (context, _) => WriteAsync(context, new HealthAnswer { Status = "live" }),
        });
        routes.MapHealthChecks("/health/ready", new HealthCheckOptions { ResponseWriter = WriteReadyAsync });
    }

    /// <summary>Writes whether the silo can take work.</summary>
    /// <param name="context">The request.</param>
    /// <param name="report">What the checks found.</param>
    internal static Task WriteReadyAsync(HttpContext context, HealthReport report)
    {
        if (report.Status != HealthStatus.Unhealthy)
            return WriteAsync(context, new HealthAnswer { Status = "ready" });
        var detail = string.Join(
            ' ', report.Entries.Where(check => check.Value.Status == HealthStatus.Unhealthy).Select(check => check.Value.Description ?? check.Key));
        return Problems.WriteAsync(context, new StreamError(StreamErrorCode.InvalidRequest, detail), HttpFault.NotReady);
    }

    private static Task WriteAsync(HttpContext context, HealthAnswer answer)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(answer, ApiJsonContext.Api.HealthAnswer);
        (context.Response.ContentType, context.Response.ContentLength) = (Json, body.Length);
        return context.Response.Body.WriteAsync(body, context.RequestAborted).AsTask();
    }
}
