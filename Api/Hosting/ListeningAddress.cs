using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace OrleansStream.Api.Hosting;

/// <summary>Where a process listens.</summary>
internal static class ListeningAddress
{
    /// <summary>The first address on which a server listens, by its settings.</summary>
    /// <param name="server">The server, which has started.</param>
    /// <returns>Null when none is known.</returns>
    public static string? Of(IServer server) => server.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault();
}
