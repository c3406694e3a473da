using Microsoft.Extensions.Configuration.Memory;
using OrleansStream.Hosting;
using OrleansStream.Maintenance;

if (args is [StorageVerification.Verb, ..])
    return await StorageVerification.RunAsync(args[1..], Console.Out, Console.Error);

WebApplicationBuilder builder = WebApplication.CreateBuilder(OrleansStreamHost.WithoutFileWatching(args));
builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = [new("Urls", "http://localhost:8081")] });
builder.AddOrleansStreamSilo();

WebApplication app = builder.Build();
app.MapGet("/health/live", () => Results.Ok());
app.MapGet("/health/ready", async (IReadiness readiness, CancellationToken cancellationToken) =>
    await readiness.FindObstacleAsync(cancellationToken) is { } obstacle
        ? Results.Problem(obstacle, title: "Not ready", statusCode: StatusCodes.Status503ServiceUnavailable)
        : Results.Ok());
return await app.RunOrleansStreamAsync();
