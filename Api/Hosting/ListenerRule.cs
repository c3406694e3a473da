using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using OrleansStream.Gateway.Security;

namespace OrleansStream.Api.Hosting;

/// <summary>Holds every address that the HTTP door listens on, however it was configured, to <see cref="LoopbackRule"/>.</summary>
internal static partial class ListenerRule
{
    /// <summary>Checks each address when it is about to be bound.</summary>
    /// <param name="kestrel">The server.</param>
    public static void OpenOnLoopbackOnly(KestrelServerOptions kestrel)
    {
        var security = kestrel.ApplicationServices.GetRequiredService<IOptions<SecurityOptions>>().Value;
        kestrel.ConfigureEndpointDefaults(listener => LoopbackRule.Check(security, listener.IPEndPoint));
    }

    /// <summary>Says aloud that everybody may do everything, where that is so.</summary>
    /// <param name="app">The host.</param>
    public static void WarnOfOpenDoors(WebApplication app)
    {
        if (app.Services.GetRequiredService<IOptions<SecurityOptions>>().Value.AllowAnonymous)
            LogOpen(app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("OrleansStream"));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "OrleansStream:Security:AllowAnonymous is set: everybody who can reach this service may do everything.")]
    private static partial void LogOpen(ILogger logger);
}
