namespace OrleansStream.Storage.Files.Disk;

/// <summary>The data folder cannot be used. The message is one line that says why, and what the user can do.</summary>
/// <param name="message">The line.</param>
/// <param name="innerException">The file system's own error.</param>
public sealed class DataFolderException(string message, Exception? innerException = null)
    : Exception(message, innerException);
