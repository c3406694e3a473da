using System.Net;
using System.Net.Sockets;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>Ports for services under test: below those that the system hands out for outgoing connections, so none is taken by one.</summary>
internal static class FreePort
{
    private const int First = 20_000;
    private const int Last = 31_000;

    public static int Find()
    {
        while (true)
        {
            var port = Random.Shared.Next(First, Last);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken: try another.
            }
        }
    }
}
