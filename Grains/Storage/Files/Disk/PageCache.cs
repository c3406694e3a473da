using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace OrleansStream.Storage.Files.Disk;

/// <summary>Tells the kernel which cached bytes are not needed (<c>posix_fadvise</c>); elsewhere than on Linux it does nothing.</summary>
internal static partial class PageCache
{
    private const int DontNeed = 4;

    /// <summary>Lets clean pages go. A hint: nobody needs to know whether it was taken.</summary>
    public static void Release(SafeFileHandle file, long position, long length)
    {
        // Elsewhere the call is missing, or off_t is not known to be a long.
        if (OperatingSystem.IsLinux() && Environment.Is64BitProcess)
            _ = Advise(file, position, length, DontNeed);
    }

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, long position, long length, int advice);
}
