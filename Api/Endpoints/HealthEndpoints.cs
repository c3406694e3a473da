using System.Text.Json;
using OrleansStream.Api.Contracts;
using OrleansStream.Api.Errors;
using OrleansStream.Api.Mapping;
using OrleansStream.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Api.Endpoints;

/// <summary>Tells load balancers and people whether the process lives and whether it can take work.</summary>
/// <param name="grains">The way to the grains.</param>
/// <param name="time">Bounds the wait for the cluster.</param>
/// <param name="lifetime">Tells that the service stops.</param>
internal sealed class HealthEndpoints(IGrainFactory grains, TimeProvider time, IHostApplicationLifetime lifetime)
{
    private const string Tag = "Health";

    private static readonly Operation Live = new("Live", Tag, "Whether the process lives", "Asks nothing of the cluster.")
    {
        Answers = [new(StatusCodes.Status200OK, "It lives.", new OperationBody(MediaTypes.Json, typeof(HealthAnswer), """{"status":"live"}"""))],
    };

    private static readonly Operation Ready = new(
        "Ready", Tag, "Whether the service can take work", "Asks the catalogue of topics, and with it the silo and its storage.")
    {
        Answers = [new(StatusCodes.Status200OK, "It can.", new OperationBody(MediaTypes.Json, typeof(HealthAnswer), """{"status":"ready"}"""))],
        Errors = [StreamErrorCode.ShuttingDown],
    };

    /// <summary>Adds the endpoints.</summary>
    /// <param name="routes">Where to.</param>
    public static void Map(IEndpointRouteBuilder routes)
    {
        HealthEndpoints health = routes.ServiceProvider.GetRequiredService<HealthEndpoints>();
        routes.MapOperation("GET", "/health/live", context => AnswerAsync(context, "live"), Live);
        routes.MapOperation("GET", "/health/ready", health.ReadyAsync, Ready);
    }

    private async Task ReadyAsync(HttpContext context)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            throw new RequestException(new StreamError(StreamErrorCode.ShuttingDown, "The server is stopping."));
        try
        {
            await grains.GetGrain<ITopicCatalogGrain>(ITopicCatalogGrain.Key)
                .ListAsync("", null, 1).WaitAsync(Limits.ReadyTimeout, time, context.RequestAborted);
        }
        catch (Exception exception) when (!context.RequestAborted.IsCancellationRequested)
        {
            throw new RequestException(
                HttpFault.NotReady, $"The silo or its storage does not answer yet ({exception.GetType().Name}).");
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
