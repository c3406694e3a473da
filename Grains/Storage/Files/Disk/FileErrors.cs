namespace OrleansStream.Storage.Files.Disk;

/// <summary>Classifies the exceptions of failed file operations.</summary>
internal static class FileErrors
{
    private const int ErrorFileTooBig = 27;
    private const int ErrorNoSpace = 28;
    private const int LinuxErrorQuota = 122;
    private const int MacErrorQuota = 69;
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);

    /// <summary>Whether the exception is a file system's. Such an exception becomes a status or one of the store's own exceptions.</summary>
    public static bool IsFileError(Exception exception) => exception is IOException or UnauthorizedAccessException;

    /// <summary>Whether a write failed because there was no room; the medium is then not at fault.</summary>
    public static bool IsFull(Exception exception) => exception is IOException { HResult: var error } && (
        OperatingSystem.IsWindows()
            ? error is WindowsDiskFull or WindowsHandleDiskFull
            : error is ErrorNoSpace or ErrorFileTooBig
                || error == (OperatingSystem.IsMacOS() ? MacErrorQuota : LinuxErrorQuota));

    /// <summary>Whether the file does not exist.</summary>
    public static bool IsMissing(Exception exception) =>
        exception is FileNotFoundException or DirectoryNotFoundException;
}
