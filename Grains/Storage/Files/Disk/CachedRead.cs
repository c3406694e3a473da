using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace OrleansStream.Storage.Files.Disk;

/// <summary>
/// Reads what the page cache holds, and never waits for a disk (Linux 4.14, <c>preadv2</c> with <c>RWF_NOWAIT</c>). So the newest records are read on
/// the caller's own thread, and reads of old ones cannot block it.
/// </summary>
internal static unsafe partial class CachedRead
{
    private const int NoWait = 8;
    private const int ErrorAgain = 11;
    private const int ErrorInterrupted = 4;

    private static volatile bool _unsupported = !OperatingSystem.IsLinux();

    /// <summary>Reads from the page cache.</summary>
    /// <returns>The count of bytes, which may be short; -1 when the read would wait for a disk or the system cannot tell.</returns>
    public static int TryRead(SafeFileHandle file, Span<byte> destination, long position)
    {
        if (_unsupported)
            return -1;
        try
        {
            fixed (byte* bytes = destination)
            {
                var vector = new IoVector { Bytes = bytes, Length = (nuint)destination.Length };
                var count = ReadVector(file, &vector, 1, position, NoWait);
                if (count >= 0)
                    return (int)count;
            }

            // A file system that does not support the flag fails every time, so it is asked only once.
            if (Marshal.GetLastPInvokeError() is not (ErrorAgain or ErrorInterrupted))
                _unsupported = true;
        }
        catch (EntryPointNotFoundException)
        {
            _unsupported = true;
        }

        return -1;
    }

    [LibraryImport("libc", EntryPoint = "preadv2", SetLastError = true)]
    private static partial nint ReadVector(SafeFileHandle file, IoVector* vectors, int count, long position, int flags);

    [StructLayout(LayoutKind.Sequential)]
    private struct IoVector
    {
        public byte* Bytes;
        public nuint Length;
    }
}
