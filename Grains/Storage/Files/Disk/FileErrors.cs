namespace OrleansStream.Storage.Files.Disk;

/// <summary>What a failed file operation means.</summary>
internal static class FileErrors
{
    private const int ErrorFileTooBig = 27;
    private const int ErrorNoSpace = 28;
    private const int LinuxErrorQuota = 122;
    private const int MacErrorQuota = 69;
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);

    /// <summary>Tells whether the exception is a file system's, and so to be turned into a status or the store's own exception.</summary>
    public static bool IsFileError(Exception exception) => exception is IOException or UnauthorizedAccessException;

    /// <summary>Tells whether a write failed for want of room; nothing else is wrong with the medium then.</summary>
    public static bool IsFull(Exception exception) => exception is IOException { HResult: var error } && (
        OperatingSystem.IsWindows()
            ? error is WindowsDiskFull or WindowsHandleDiskFull
            : error is ErrorNoSpace or ErrorFileTooBig
                || error == (OperatingSystem.IsMacOS() ? MacErrorQuota : LinuxErrorQuota));

    /// <summary>Tells whether there is no such file.</summary>
    public static bool IsMissing(Exception exception) =>
        exception is FileNotFoundException or DirectoryNotFoundException;
}
