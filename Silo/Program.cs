using OrleansStream.Hosting;

try
{
    WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
    builder.AddOrleansStreamSilo();

    WebApplication app = builder.Build();
    app.MapGet("/health/live", () => Results.Ok());
    app.MapGet("/health/ready", (SiloReadiness silo) =>
        silo.IsReady ? Results.Ok() : Results.StatusCode(StatusCodes.Status503ServiceUnavailable));
    await app.RunAsync();
    return 0;
}
catch (Exception e) when (StartFailure.Explain(e) is { } line)
{
    await Console.Error.WriteLineAsync(line);
    return 1;
}
