using Microsoft.Extensions.Options;
using OrleansStream.Api.Hosting;
using OrleansStream.Hosting;

string? urls = null;
try
{
    WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
    builder.AddApi();
    urls = builder.Configuration["urls"];
    if (builder.Configuration.GetValue($"{OrleansStreamOptions.SectionName}:Silo:Embedded", defaultValue: true))
        builder.AddOrleansStreamSilo();
    else
        builder.AddOrleansStreamClient();

    await using WebApplication app = builder.Build();
    app.UseApi();
    StorageOptions storage = app.Services.GetRequiredService<IOptions<OrleansStreamOptions>>().Value.Storage;
    app.AnnounceWhenStarted(storage.Provider == StorageOptions.FilesProvider
        ? Path.GetFullPath(storage.Files.Directory)
        : storage.Provider);
    await app.RunAsync();
    return 0;
}
catch (Exception exception) when (exception is not HostAbortedException)
{
    await Console.Error.WriteLineAsync(StartupFailure.Explain(exception, urls));
    return StartupFailure.ExitCode;
}
