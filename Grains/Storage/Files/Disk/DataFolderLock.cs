using System.Text;
using Microsoft.Win32.SafeHandles;

namespace OrleansStream.Storage.Files.Disk;

/// <summary>The lock that keeps a second process out of a data folder. Its file holds the owner's process id, for people.</summary>
internal static class DataFolderLock
{
    /// <summary>The lock's file in the folder.</summary>
    public const string FileName = ".lock";

    /// <summary>Takes the lock; disposing the handle, or the process's end however it comes, gives it back.</summary>
    /// <exception cref="DataFolderException">Another process has it, or locks do not work here.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static SafeFileHandle Take(string folder)
    {
        var path = Path.Join(folder, FileName);
        var handle = TryOpen(path) ?? throw new DataFolderException(
            $"The data folder '{folder}' is in use by another process. Stop that one, or choose another folder.");

        // Some file systems, and a setting of .NET, ignore locks without a word. So ask for it twice.
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

    /// <summary>Keeps owners out while the folder is looked at; others may look too.</summary>
    /// <returns>What holds the lock; null when the folder has no lock's file, as a copy has none.</returns>
    /// <exception cref="DataFolderException">Another process owns the folder.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static SafeFileHandle? Share(string folder)
    {
        var path = Path.Join(folder, FileName);
        return !File.Exists(path) ? null : TryOpen(path, FileMode.Open, FileAccess.Read, FileShare.Read) ?? throw new DataFolderException(
            $"The data folder '{folder}' is in use by another process. Stop that one: what is being written cannot be told from damage.");
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
