using System.Net;
using System.Net.Sockets;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>Ports for services under test: below those that the system hands out for outgoing connections, so none is taken by one.</summary>
internal static class FreePort
{
    private const int First = 20_000;
    private const int Last = 31_000;

    // One after the other from anywhere: a port that was found and is not listened at yet is not found again.
    private static int _taken = Random.Shared.Next(Last - First);

    /// <summary>A port that nobody listens at.</summary>
    public static int Find() => FindRow(1);

    /// <summary>The first of some ports in a row that nobody listens at.</summary>
    public static int FindRow(int count)
    {
        while (true)
        {
            var first = First + ((int)((uint)(Interlocked.Add(ref _taken, count) - count) % (Last - First - count)));
            if (Enumerable.Range(first, count).All(IsFree))
                return first;
        }
    }

    /// <summary>Whether nobody listens at a port.</summary>
    public static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
