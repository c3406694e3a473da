using System.Text;
using Microsoft.Win32.SafeHandles;

namespace OrleansStream.Storage.Files.Disk;

/// <summary>The lock that keeps a second process out of a data folder. Its file holds the owner's process id, for people to read.</summary>
internal static class DataFolderLock
{
    /// <summary>The lock's file in the folder.</summary>
    public const string FileName = ".lock";

    /// <summary>Takes the lock. Disposing the handle releases it, and so does the end of the process, however it ends.</summary>
    /// <exception cref="DataFolderException">Another process holds the lock, or locks do not work in this folder.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static SafeFileHandle Take(string folder)
    {
        var path = Path.Join(folder, FileName);
        var handle = TryOpen(path) ?? throw new DataFolderException(
            $"The data folder '{folder}' is in use by another process. Stop that process, or choose another folder.");

        // Some file systems, and a setting of .NET, ignore locks silently. So the lock is requested twice, and the second request must fail.
        using var second = TryOpen(path);
        if (second is null)
        {
            RandomAccess.SetLength(handle, 0);
            RandomAccess.Write(handle, Encoding.ASCII.GetBytes($"{Environment.ProcessId}\n"), 0);
            return handle;
        }

        handle.Dispose();
        throw new DataFolderException(
            $"The data folder '{folder}' cannot be locked: its file system ignores file locks, or "
            + "DOTNET_SYSTEM_IO_DISABLEFILELOCKING is set. Choose a folder on a local disk, or unset the variable.");
    }

    /// <summary>Keeps owners out of the folder while a reader looks at it. Several readers may look at once.</summary>
    /// <returns>The handle that holds the lock; null when the folder has no lock file, as in a copy of a data folder.</returns>
    /// <exception cref="DataFolderException">Another process owns the folder.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static SafeFileHandle? Share(string folder)
    {
        var path = Path.Join(folder, FileName);
        return !File.Exists(path) ? null : TryOpen(path, FileMode.Open, FileAccess.Read, FileShare.Read) ?? throw new DataFolderException(
            $"The data folder '{folder}' is in use by another process. Stop that process: a write under way looks like damage.");
    }

    // Only FileShare.None is an exclusive lock on Unix; every other mode is shared there.
    private static SafeFileHandle? TryOpen(
        string path, FileMode mode = FileMode.OpenOrCreate, FileAccess access = FileAccess.ReadWrite, FileShare share = FileShare.None)
    {
        try
        {
            return File.OpenHandle(path, mode, access, share);
        }
        catch (IOException exception) when (IsLocked(exception))
        {
            return null;
        }
    }

    private static bool IsLocked(IOException exception)
    {
        const int linuxWouldBlock = 11;
        const int macWouldBlock = 35;
        const int windowsSharingViolation = unchecked((int)0x80070020);
        return exception.HResult == (OperatingSystem.IsWindows() ? windowsSharingViolation
            : OperatingSystem.IsMacOS() ? macWouldBlock
            : linuxWouldBlock);
    }
}
