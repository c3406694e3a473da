using Microsoft.Extensions.Configuration.Memory;
using OrleansStream.Hosting;

if (args is [StorageVerification.Verb, ..])
    return await StorageVerification.RunAsync(args[1..], Console.Out, Console.Error);

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = [new("Urls", "http://localhost:8081")] });
builder.AddOrleansStreamSilo();

WebApplication app = builder.Build();
app.MapGet("/health/live", () => Results.Ok());
app.MapGet("/health/ready", (SiloReadiness silo) =>
    silo.IsReady ? Results.Ok() : Results.StatusCode(StatusCodes.Status503ServiceUnavailable));
return await app.RunOrleansStreamAsync();
