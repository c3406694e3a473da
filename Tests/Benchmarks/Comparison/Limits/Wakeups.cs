using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using OrleansStream.Comparison.Driving;

namespace OrleansStream.Comparison.Limits;

/// <summary>What it costs that one thread waits for another: the step that a service of several threads repeats most.</summary>
internal static class Wakeups
{
    private const int WarmUpCount = 500;
    private static readonly TimeSpan PartnerMax = TimeSpan.FromSeconds(60);

    /// <summary>Wakes a thread that waits for a signal, as threads of one process do; half the time of there and back.</summary>
    /// <param name="count">How often.</param>
    /// <returns>The median time of one, in microseconds.</returns>
    public static double SignalUs(int count)
    {
        using var there = new AutoResetEvent(false);
        using var back = new AutoResetEvent(false);
        return MedianUs(count, () => there.WaitOne(PartnerMax), () => back.Set(), () => there.Set(), () => back.WaitOne(PartnerMax));
    }

    /// <summary>Wakes a thread that waits for a byte on the loopback, as a server does; half the time of there and back.</summary>
    /// <param name="count">How often.</param>
    /// <returns>The median time of one, in microseconds.</returns>
    public static double LoopbackUs(int count)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var one = new TcpClient { NoDelay = true };
        one.Connect((IPEndPoint)listener.LocalEndpoint);
        using var other = listener.AcceptTcpClient();
        other.NoDelay = true;
        var (sent, received) = (new byte[1], new byte[1]);
        return MedianUs(
            count, () => other.Client.Receive(received), () => other.Client.Send(received),
            () => one.Client.Send(sent), () => one.Client.Receive(sent));
    }

    private static double MedianUs(int count, Action partnerWaits, Action partnerAnswers, Action calls, Action waits)
    {
        var partner = new Thread(() =>
        {
            for (var i = 0; i < WarmUpCount + count; i++)
            {
                partnerWaits();
                partnerAnswers();
            }
        }) { IsBackground = true };
        partner.Start();
        var times = new double[count];
        for (var i = -WarmUpCount; i < count; i++)
        {
            var began = Stopwatch.GetTimestamp();
            calls();
            waits();
            if (i >= 0)
                times[i] = Stopwatch.GetElapsedTime(began).TotalMicroseconds / 2;
        }

        partner.Join();
        return Statistics.Median(times);
    }
}
