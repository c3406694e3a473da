using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace OrleansStream.Comparison.Limits;

/// <summary>How fast one process of this machine hands bytes to another over the loopback, with nothing done to them.</summary>
internal static class LoopbackCopy
{
    private const int BlockBytes = 256 * 1024;

    /// <summary>Copies for a while, from a thread to this one.</summary>
    /// <param name="duration">How long.</param>
    /// <returns>Bytes a second.</returns>
    public static double BytesPerSecond(TimeSpan duration)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var sender = new TcpClient();
        sender.Connect(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndpoint).Port);
        using var receiver = listener.AcceptSocket();
        var thread = new Thread(() => Send(sender.Client)) { IsBackground = true };
        thread.Start();

        var block = new byte[BlockBytes];
        long bytes = 0;
        var began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began) < duration)
            bytes += receiver.Receive(block);
        var rate = bytes / Stopwatch.GetElapsedTime(began).TotalSeconds;
        receiver.Close();
        thread.Join();
        return rate;
    }

    private static void Send(Socket socket)
    {
        var block = new byte[BlockBytes];
        try
        {
            while (true)
                socket.Send(block);
        }
        catch (SocketException)
        {
            // The receiver has seen enough.
        }
    }
}
