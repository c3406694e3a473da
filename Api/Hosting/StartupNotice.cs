using Microsoft.AspNetCore.Hosting.Server;

namespace OrleansStream.Api.Hosting;

/// <summary>Tells on the console, once the service serves, where it listens and where its data is.</summary>
internal static partial class StartupNotice
{
    /// <summary>Has the notice written when the service has started.</summary>
    /// <param name="app">The host, which is not started yet.</param>
    /// <param name="storage">Where the data is, for people.</param>
    public static void AnnounceWhenStarted(this WebApplication app, string storage) => app.Lifetime.ApplicationStarted.Register(() =>
    {
        var address = ListeningAddress.Of(app.Services.GetRequiredService<IServer>()) ?? ApiHosting.DefaultUrl;
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("OrleansStream");
        LogServing(logger, address, storage);
    });

    [LoggerMessage(Level = LogLevel.Information, Message = "Listening on {Address} (try {Address}/console), data in {Storage}. Ctrl-C stops.")]
    private static partial void LogServing(ILogger logger, string address, string storage);
}
