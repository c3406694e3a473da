using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using OrleansStream.Hosting;
using OrleansStream.Kafka;
using OrleansStream.Maintenance.Verification;
using OrleansStream.Security.Commands;
using OrleansStream.SignIn;
using OrleansStream.Telemetry;

if (args is [StorageVerification.Verb, ..])
    return await StorageVerification.RunAsync(args[1..], Console.Out, Console.Error);
if (args is [KeyCommand.Verb, ..])
    return await KeyCommand.RunAsync(args[1..], Console.Out, Console.Error);

WebApplication app;
try
{
    var builder = WebApplication.CreateBuilder(OrleansStreamHost.WithoutFileWatching(args));
    builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = [new("Urls", "http://localhost:8081")] });
    builder.AddOrleansStreamSilo(builder.AddTelemetry("orleansstream-silo"));
    builder.AddSignIn();
    builder.Services.AddKafka();

    app = builder.Build();
    app.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = _ => false });
    app.MapHealthChecks("/health/ready", new HealthCheckOptions
    {
        ResponseWriter = (context, report) => report.Status == HealthStatus.Unhealthy
            ? Results.Problem(
                string.Join(' ', report.Entries.Values.Select(check => check.Description)), title: "Not ready",
                statusCode: StatusCodes.Status503ServiceUnavailable).ExecuteAsync(context)
            : Task.CompletedTask,
    });
    app.UseTelemetry();
}
catch (OptionsValidationException exception)
{
    await Console.Error.WriteLineAsync(string.Join(' ', exception.Failures));
    return 1;
}

return await app.RunOrleansStreamAsync();
