using System.Text.Json;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OrleansStream.Contracts;
using OrleansStream.Errors;
using OrleansStream.HttpErrors;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Http;

namespace OrleansStream.Rest.Health;

/// <summary>Tells load balancers and people whether the process lives and whether it can take work.</summary>
/// <param name="health">Tells whether the process can take work.</param>
/// <param name="lifetime">Tells that the service stops.</param>
internal sealed class HealthEndpoints(HealthCheckService health, IHostApplicationLifetime lifetime)
{
    private const string Tag = "Health";

    /// <summary>Whether the process lives.</summary>
    public static readonly Operation Live = new("checkLiveness", Tag, "Whether the process lives", "Asks nothing of the cluster.")
    {
        Right = OperationRight.None,
        Answers = [new(StatusCodes.Status200OK, "It lives.", new OperationBody(MediaTypes.Json, typeof(HealthAnswer), """{"status":"live"}"""))],
    };

    /// <summary>Whether the service can take work.</summary>
    public static readonly Operation Ready = new(
        "checkReadiness", Tag, "Whether the service can take work",
        "It can when it has joined its cluster, or is connected to a silo of it, and the storage answered within the last seconds. "
        + "A service that is stopping says 503 first, and serves on for a moment.")
    {
        Right = OperationRight.None,
        Answers = [new(StatusCodes.Status200OK, "It can.", new OperationBody(MediaTypes.Json, typeof(HealthAnswer), """{"status":"ready"}"""))],
        Errors = [StreamErrorCode.ShuttingDown],
    };

    public static void Map(IEndpointRouteBuilder routes)
    {
        var health = routes.ServiceProvider.GetRequiredService<HealthEndpoints>();
        routes.MapOperation("GET", "/health/live", context => AnswerAsync(context, "live"), Live);
        routes.MapOperation("GET", "/health/ready", health.ReadyAsync, Ready);
    }

    private async Task ReadyAsync(HttpContext context)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            throw new RequestException(new StreamError(StreamErrorCode.ShuttingDown, "The server is stopping."));
        var report = await health.CheckHealthAsync(context.RequestAborted);
        if (report.Status == HealthStatus.Unhealthy)
        {
            throw new RequestException(HttpFault.NotReady, string.Join(
                ' ', report.Entries.Where(check => check.Value.Status == HealthStatus.Unhealthy)
                    .Select(check => check.Value.Description ?? check.Key)));
        }

        await AnswerAsync(context, "ready");
    }

    private static Task AnswerAsync(HttpContext context, string status)
    {
        context.Response.ContentType = MediaTypes.Json;
        return context.Response.Body.WriteAsync(
            JsonSerializer.SerializeToUtf8Bytes(new HealthAnswer { Status = status }, ApiJsonContext.Api.HealthAnswer),
            context.RequestAborted).AsTask();
    }
}
