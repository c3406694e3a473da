using Microsoft.Extensions.Options;
using OrleansStream.Api.Hosting;
using OrleansStream.Hosting;
using OrleansStream.Maintenance.Verification;
using OrleansStream.Security.Commands;
using OrleansStream.Telemetry;

if (args is [StorageVerification.Verb, ..])
    return await StorageVerification.RunAsync(args[1..], Console.Out, Console.Error);
if (args is [KeyCommand.Verb, ..])
    return await KeyCommand.RunAsync(args[1..], Console.Out, Console.Error);

return await OrleansStreamHost.RunOrleansStreamAsync(() =>
{
    var builder = WebApplication.CreateBuilder(OrleansStreamHost.WithoutFileWatching(args));
    builder.AddApi();
    var tracesCalls = builder.AddTelemetry("orleansstream-api");
    if (builder.Configuration.GetValue($"{OrleansStreamOptions.SectionName}:Silo:Embedded", defaultValue: true))
        builder.AddOrleansStreamSilo(tracesCalls);
    else
        builder.AddOrleansStreamClient(tracesCalls);

    var app = builder.Build();
    app.UseApi();
    app.UseTelemetry();
    var storage = app.Services.GetRequiredService<IOptions<OrleansStreamOptions>>().Value.Storage;
    app.AnnounceWhenStarted(storage.Provider == StorageOptions.FilesProvider
        ? Path.GetFullPath(storage.Files.Directory)
        : storage.Provider);
    return app;
});
