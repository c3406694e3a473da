using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace OrleansStream.Storage.Files.Disk;

/// <summary>Tells the kernel which cached bytes are not needed (<c>posix_fadvise</c>). It does nothing on other systems than Linux.</summary>
internal static partial class PageCache
{
    private const int DontNeed = 4;

    /// <summary>Drops clean pages. It is a hint, so its result does not matter.</summary>
    public static void Release(SafeFileHandle file, long position, long length)
    {
        // On other systems the call is missing, or off_t may not be a long.
        if (OperatingSystem.IsLinux() && Environment.Is64BitProcess)
            _ = Advise(file, position, length, DontNeed);
    }

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, long position, long length, int advice);
}
