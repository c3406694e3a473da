using System.Diagnostics;
using System.Runtime.InteropServices;

namespace OrleansStream.Comparison.Limits;

/// <summary>
/// What a page of memory costs that the process did not have before. It is dear on a virtual machine whose host takes free memory back.
/// </summary>
internal static unsafe partial class FreshPages
{
    private const int LengthBytes = 256 << 20;
    private const int DoNotMakeLarge = 15; // MADV_NOHUGEPAGE

    /// <summary>Touches pages for the first time.</summary>
    /// <returns>The mean time of one page, in microseconds.</returns>
    public static double PageUs()
    {
        var pageBytes = Environment.SystemPageSize;
        var memory = (byte*)NativeMemory.AlignedAlloc(LengthBytes, (nuint)pageBytes);
        try
        {
            // A large page would hide what its parts cost one by one. Where the system has no such advice it has no such pages.
            if (OperatingSystem.IsLinux())
                _ = Advise(memory, LengthBytes, DoNotMakeLarge);
            var began = Stopwatch.GetTimestamp();
            for (var position = 0; position < LengthBytes; position += pageBytes)
                memory[position] = 1;
            return Stopwatch.GetElapsedTime(began).TotalMicroseconds / (LengthBytes / pageBytes);
        }
        finally
        {
            NativeMemory.AlignedFree(memory);
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
