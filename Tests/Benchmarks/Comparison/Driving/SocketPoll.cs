using System.Runtime.InteropServices;

namespace OrleansStream.Comparison.Driving;

/// <summary>The <c>poll</c> system call: one thread waits for many sockets without an allocation.</summary>
internal static unsafe partial class SocketPoll
{
    /// <summary>There is something to receive, or the peer is gone.</summary>
    public const short Readable = 1;

    /// <summary>There is room to send.</summary>
    public const short Writable = 4;

    /// <summary>Waits until a socket is ready.</summary>
    /// <param name="entries">The sockets.</param>
    /// <param name="timeoutMs">At most so long, in milliseconds.</param>
    public static void Wait(Span<Entry> entries, int timeoutMs)
    {
        fixed (Entry* first = entries)
            _ = Poll(first, (nuint)entries.Length, timeoutMs);
    }

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(Entry* entries, nuint count, int timeoutMs);

    /// <summary>A socket, what is awaited of it, and what has come.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Entry
    {
        public int Descriptor;
        public short Events;
        public short Ready;
    }
}
