using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace OrleansStream.Storage.Files.Disk;

/// <summary>
/// Syncs files and folders, and reports when a sync fails. It calls the system itself, because .NET's own flush swallows the error on Unix.
/// </summary>
internal static partial class FileSync
{
    private const int ErrorBadFileDescriptor = 9;
    private const int ErrorInterrupted = 4;
    private const int MacFullSync = 51;
    private const int OpenCloseOnExec = 0x80000;
    private const int MacOpenCloseOnExec = 0x1000000;

    /// <summary>Makes a file's bytes and length durable.</summary>
    /// <exception cref="IOException">
    /// The sync failed: what was written since the last sync may be lost. Never sync again and trust the result.
    /// </exception>
    public static void SyncData(SafeFileHandle file)
    {
        if (OperatingSystem.IsWindows())
        {
            // Windows' FlushFileBuffers reports its failure through .NET.
            RandomAccess.FlushToDisk(file);
            return;
        }

        var added = false;
        try
        {
            file.DangerousAddRef(ref added);
            Check(SyncDescriptor((int)file.DangerousGetHandle()), "sync a file");
        }
        finally
        {
            if (added)
                file.DangerousRelease();
        }
    }

    /// <summary>Makes a folder's entries durable. Windows has no such call; it journals the entries by itself.</summary>
    /// <exception cref="IOException">The folder cannot be opened or synced.</exception>
    public static void SyncFolder(string path)
    {
        if (OperatingSystem.IsWindows())
            return;

        var descriptor = OpenFile(path, OperatingSystem.IsMacOS() ? MacOpenCloseOnExec : OpenCloseOnExec);
        if (descriptor < 0)
            throw Failure(Marshal.GetLastPInvokeError(), $"open the folder '{path}'");
        try
        {
            Check(Retry(descriptor, FSync), $"sync the folder '{path}'");
        }
        finally
        {
            _ = CloseFile(descriptor);
        }
    }

    /// <summary>Proves that the binding reports errors: a sync of an invalid descriptor must fail with the right error.</summary>
    /// <exception cref="IOException">It does not, so no append could be trusted.</exception>
    public static void SelfTest()
    {
        if (OperatingSystem.IsWindows())
            return;

        var error = SyncDescriptor(-1);
        if (error != ErrorBadFileDescriptor)
            throw new IOException($"fdatasync(-1) gave error {error} instead of EBADF");
    }

    private static int SyncDescriptor(int descriptor)
    {
        if (!OperatingSystem.IsMacOS())
            return Retry(descriptor, FDataSync);

        // On macOS fsync leaves the bytes in the drive's own cache. F_FULLFSYNC does not, but not every volume supports it.
        return Retry(descriptor, static d => Control(d, MacFullSync, 0)) == 0 ? 0 : Retry(descriptor, FSync);
    }

    private static int Retry(int descriptor, Func<int, int> call)
    {
        while (true)
        {
            if (call(descriptor) == 0)
                return 0;
            var error = Marshal.GetLastPInvokeError();
            if (error != ErrorInterrupted)
                return error;
        }
    }

    private static void Check(int error, string what)
    {
        if (error != 0)
            throw Failure(error, what);
    }

    private static IOException Failure(int error, string what) =>
        new($"Could not {what}: {new Win32Exception(error).Message} (errno {error}).", error);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FDataSync(int descriptor);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(int descriptor);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int descriptor, int command, int argument);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int CloseFile(int descriptor);
}
