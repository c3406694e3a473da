using Microsoft.Extensions.Configuration.Memory;
using OrleansStream.Hosting;
using OrleansStream.Kafka;
using OrleansStream.Maintenance.Verification;
using OrleansStream.Security.Commands;
using OrleansStream.SignIn;
using OrleansStream.Silo;
using OrleansStream.Telemetry;

if (args is [StorageVerification.Verb, ..])
    return await StorageVerification.RunAsync(args[1..], Console.Out, Console.Error);
if (args is [KeyCommand.Verb, ..])
    return await KeyCommand.RunAsync(args[1..], Console.Out, Console.Error);

return await OrleansStreamHost.RunOrleansStreamAsync(() =>
{
    var builder = WebApplication.CreateBuilder(OrleansStreamHost.WithoutFileWatching(args));
    builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = [new("Urls", "http://localhost:8081")] });
    builder.AddOrleansStreamSilo(builder.AddTelemetry("orleansstream-silo"));
    builder.AddSignIn();
    builder.Services.AddKafka();

    var app = builder.Build();
    app.MapHealth();
    app.UseTelemetry();
    return app;
});
