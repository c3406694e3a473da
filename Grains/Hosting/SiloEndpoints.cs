using System.Net;
using System.Net.Sockets;
using Orleans.Configuration;

namespace OrleansStream.Hosting;

/// <summary>Chooses the addresses and ports of a silo.</summary>
internal static class SiloEndpoints
{
    /// <summary>Sets a silo's addresses and ports by the settings.</summary>
    /// <param name="endpoints">The endpoints to set.</param>
    /// <param name="options">The settings.</param>
    public static void Configure(EndpointOptions endpoints, OrleansStreamOptions options)
    {
        var isAlone = options.Storage.Provider != StorageOptions.AzureBlobsProvider;
        var silo = options.Silo;
        if (silo.AdvertisedAddress is { } advertised)
            endpoints.AdvertisedIPAddress = IPAddress.Parse(advertised);
        else if (isAlone)
            endpoints.AdvertisedIPAddress = IPAddress.Loopback;

        // Nobody needs to know the port of a silo without others. A free port lets several such processes run on one machine.
        endpoints.SiloPort = silo.SiloPort ?? (isAlone ? FindFreePort() : EndpointOptions.DEFAULT_SILO_PORT);
        endpoints.GatewayPort = silo.GatewayPort ?? (isAlone ? 0 : EndpointOptions.DEFAULT_GATEWAY_PORT);

        var listen = silo.ListenAddress is { } address ? IPAddress.Parse(address) : isAlone ? IPAddress.Loopback : null;
        if (listen is null)
            return;
        endpoints.SiloListeningEndpoint = new IPEndPoint(listen, endpoints.SiloPort);
        if (endpoints.GatewayPort != 0)
            endpoints.GatewayListeningEndpoint = new IPEndPoint(listen, endpoints.GatewayPort);
    }

    private static int FindFreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, port: 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
