using Microsoft.AspNetCore.Routing;
using OrleansStream.Errors;
using OrleansStream.HttpErrors;
using OrleansStream.Instrumentation;
using OrleansStream.Telemetry.Cluster;

namespace OrleansStream.Telemetry.Prometheus;

/// <summary>
/// <c>/metrics</c>: this process. <c>/metrics/kafka</c>: the whole cluster, under the names of kafka_exporter, from whichever process is asked.
/// </summary>
/// <param name="gate">Decides who is answered.</param>
/// <param name="process">The metrics of this process.</param>
/// <param name="instruments">Those metrics of it that tell of the cluster.</param>
/// <param name="snapshots">Snapshots of the cluster.</param>
/// <param name="measured">The topics of which each partition is measured.</param>
internal sealed class MetricsEndpoints(
    MetricsGate gate, ProcessMetrics process, ClusterInstruments instruments, ClusterSnapshots snapshots, MeasuredTopics measured)
{
    /// <summary>The path of this process's metrics.</summary>
    public const string ProcessPath = "/metrics";

    /// <summary>The path of the cluster's metrics.</summary>
    public const string ClusterPath = "/metrics/kafka";

    private readonly KafkaExporterText _text = new(measured);

    /// <summary>Adds the endpoints.</summary>
    /// <param name="routes">Takes the endpoints.</param>
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet(ProcessPath, (RequestDelegate)(context => ServeAsync(context, WriteProcessAsync)));
        routes.MapGet(ClusterPath, (RequestDelegate)(context => ServeAsync(context, WriteClusterAsync)));
    }

    private async Task ServeAsync(HttpContext context, Func<HttpContext, Task> writeAsync)
    {
        try
        {
            if (await gate.FindRefusalAsync(context) is { } refusal)
                await Problems.WriteAsync(context, refusal);
            else
                await writeAsync(context);
        }
        catch (StreamException e) when (!context.Response.HasStarted)
        {
            await Problems.WriteAsync(context, e.Error);
        }
    }

    private async Task WriteProcessAsync(HttpContext context)
    {
        await instruments.PrepareAsync(context.RequestAborted);
        await process.WriteAsync(context);
    }

    private async Task WriteClusterAsync(HttpContext context)
    {
        var bytes = _text.Write(await snapshots.GetAsync(context.RequestAborted));
        context.Response.ContentType = PrometheusText.MediaType;
        context.Response.ContentLength = bytes.Length;
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }
}
