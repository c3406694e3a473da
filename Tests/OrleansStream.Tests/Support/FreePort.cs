using System.Net;
using System.Net.Sockets;

namespace OrleansStream.Tests.Support;

/// <summary>Ports for services under test: below those that the system hands out for outgoing connections, so none is taken by one.</summary>
internal static class FreePort
{
    private const int First = 20_000;
    private const int Last = 31_000;

    // From anywhere: another run may be under way.
    private static readonly PortSequence Ports = new(First, Last, Random.Shared.Next(First, Last));

    /// <summary>A port that nobody listens at.</summary>
    public static int Find() => FindRow(1);

    /// <summary>The first of some ports in a row that nobody listens at.</summary>
    public static int FindRow(int count)
    {
        while (true)
        {
            var first = Ports.Take(count);
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

/// <summary>Ports one after the other: one that was taken, and is not listened at yet, is taken again only after all others.</summary>
/// <param name="first">The first port.</param>
/// <param name="last">The one behind the last.</param>
/// <param name="next">The one to begin with.</param>
internal sealed class PortSequence(int first, int last, int next)
{
    private readonly Lock _gate = new();
    private int _next = next;

    /// <summary>Takes some ports in a row.</summary>
    /// <returns>The first of them.</returns>
    public int Take(int count)
    {
        lock (_gate)
        {
            var taken = _next + count > last ? first : _next;
            _next = taken + count;
            return taken;
        }
    }
}
