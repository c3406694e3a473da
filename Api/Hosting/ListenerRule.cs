using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using OrleansStream.Gateway.Security;

namespace OrleansStream.Api.Hosting;

/// <summary>Applies <see cref="LoopbackRule"/> to every address of the HTTP door, however it is configured.</summary>
internal static partial class ListenerRule
{
    /// <summary>Checks each address before it is bound.</summary>
    public static void OpenOnLoopbackOnly(KestrelServerOptions kestrel)
    {
        var security = kestrel.ApplicationServices.GetRequiredService<IOptions<SecurityOptions>>().Value;
        kestrel.ConfigureEndpointDefaults(listener => LoopbackRule.Check(security, listener.IPEndPoint));
    }

    /// <summary>Logs a warning when everybody may do everything.</summary>
    public static void WarnOfOpenDoors(WebApplication app)
    {
        if (app.Services.GetRequiredService<IOptions<SecurityOptions>>().Value.AllowAnonymous)
            LogOpen(app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("OrleansStream"));
    }

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "OrleansStream:Security:AllowAnonymous is set: everybody who can reach this service may do everything.")]
    private static partial void LogOpen(ILogger logger);
}
