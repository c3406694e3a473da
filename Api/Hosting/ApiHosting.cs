using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Configuration.Memory;
using OrleansStream.SignIn;
using OrleansStream.Kafka;
using OrleansStream.Rest;
using OrleansStream.Rest.Http;

namespace OrleansStream.Api.Hosting;

/// <summary>The Api process: its listener, its log, and the doors that it opens.</summary>
internal static class ApiHosting
{
    /// <summary>Where the service listens unless it is told otherwise: this machine only.</summary>
    public const string DefaultUrl = "http://localhost:8080";

    private static readonly Dictionary<string, string?> Defaults = new()
    {
        ["Urls"] = DefaultUrl,
        ["Logging:LogLevel:Default"] = "Warning",
        ["Logging:LogLevel:OrleansStream"] = "Information",
        // It says nothing at the levels above, but has an activity and a scope made for every request, a tenth of a small one's memory. Traces do
        // not need it: RequestSpanMiddleware makes the span of a request.
        ["Logging:LogLevel:Microsoft.AspNetCore.Hosting.Diagnostics"] = "None",
    };

    /// <summary>Adds what the process consists of, but for the way to the grains.</summary>
    public static void AddApi(this WebApplicationBuilder builder)
    {
        // Below every other source, so that any of them overrides it.
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource
        {
            InitialData = Defaults,
        });
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = HttpLimits.RequestBytesDrainedMax;
            kestrel.Limits.MaxConcurrentConnections = ConnectionLimits.ConnectionsMax;
            kestrel.Limits.RequestHeadersTimeout = ConnectionLimits.RequestHeadTimeMax;
            kestrel.Limits.KeepAliveTimeout = ConnectionLimits.IdleTimeMax;
            kestrel.Limits.MaxRequestLineSize = HttpLimits.RequestLineBytesMax;
            kestrel.Limits.MaxRequestHeadersTotalSize = HttpLimits.RequestHeaderBytesMax;
            kestrel.Limits.MaxRequestHeaderCount = HttpLimits.RequestHeadersMax;
            ListenerRule.OpenOnLoopbackOnly(kestrel);
            ClientCertificates.Ask(kestrel);
        });
        // A request goes on where its bytes came in, on the thread pool: nothing in it blocks, and to hand it on costs more than most of it.
        builder.WebHost.UseSockets(sockets => sockets.UnsafePreferInlineScheduling = true);
        AddLogging(builder.Logging);
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>, ConnectionMemory>();
        builder.AddSignIn();
        builder.Services.AddRest();
        builder.Services.AddKafka();
        builder.Services.AddHostedService<NodeAnnouncement>();
    }

    /// <summary>Opens the doors.</summary>
    public static void UseApi(this WebApplication app)
    {
        ListenerRule.WarnOfOpenDoors(app);
        // Relative: a proxy may serve all of this below a path of its own.
        app.UseRest(ConsolePages.Use, $".{ConsolePages.Path}/");
    }

    private static void AddLogging(ILoggingBuilder logging)
    {
        logging.ClearProviders();
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "HH:mm:ss ";
        });
    }
}
