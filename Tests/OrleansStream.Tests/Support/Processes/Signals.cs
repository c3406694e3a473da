using System.Globalization;
using System.Runtime.InteropServices;

namespace OrleansStream.Tests.Support.Processes;

/// <summary>POSIX signals, to one process.</summary>
internal static partial class Signals
{
    public const int Interrupt = 2;
    public const int Terminate = 15;

    /// <summary>Goes on after <see cref="Suspend"/>. The numbers of these two are Linux's.</summary>
    public const int Continue = 18;

    /// <summary>Stops a process where it is: its sockets stay open, and nothing answers.</summary>
    public const int Suspend = 19;

    /// <summary>Sends a signal.</summary>
    public static void Send(int processId, int signal)
    {
        if (Kill(processId, signal) != 0)
            throw new InvalidOperationException($"kill({processId}, {signal}) failed: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>True when this process ignores the signal, and so do those it starts: as below a shell's background job.</summary>
    public static bool IsIgnored(int signal)
    {
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigIgn:", StringComparison.Ordinal));
        var mask = ulong.Parse(line.AsSpan("SigIgn:".Length).Trim(), NumberStyles.HexNumber);
        return (mask & (1UL << (signal - 1))) != 0;
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Kill(int processId, int signal);
}
