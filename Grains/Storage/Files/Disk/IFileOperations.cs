using Microsoft.Win32.SafeHandles;

namespace OrleansStream.Storage.Files.Disk;

/// <summary>
/// All operations of the file stores on a file system. Tests replace it to let operations fail.
/// </summary>
/// <remarks>
/// A failure is an <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>. Only the two syncs and
/// <see cref="SyncFolder"/> make anything durable.
/// </remarks>
internal interface IFileOperations
{
    /// <summary>Opens an existing file for reading and writing.</summary>
    /// <exception cref="FileNotFoundException">
    /// There is no such file (or no folder of its path: <see cref="DirectoryNotFoundException"/>).
    /// </exception>
    SafeFileHandle Open(string path);

    /// <summary>Creates a new file; throws <see cref="IOException"/> when it exists.</summary>
    SafeFileHandle Create(string path);

    /// <summary>Creates a folder whose parent exists; it is no error when the folder exists.</summary>
    void CreateFolder(string path);

    /// <summary>Reads until the destination is full or the file ends.</summary>
    int Read(SafeFileHandle file, Span<byte> destination, long position);

    /// <summary>Reads what the page cache holds, without waiting for a disk.</summary>
    /// <returns>The count of bytes, which may be short for any reason; -1 when nothing can be told without waiting.</returns>
    int ReadCached(SafeFileHandle file, Span<byte> destination, long position);

    /// <summary>Writes all bytes at a position; a failed write may have written some of them.</summary>
    void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long position);

    /// <summary>The file's length on disk.</summary>
    long GetLength(SafeFileHandle file);

    /// <summary>Cuts or extends a file. An extended part reads as zeros.</summary>
    void SetLength(SafeFileHandle file, long length);

    /// <summary>Makes the file's bytes and length durable.</summary>
    void SyncData(SafeFileHandle file);

    /// <summary>
    /// Asks the page cache to drop bytes that were synced. This is a hint that never fails. Reading the bytes later waits for the disk.
    /// </summary>
    void ReleaseCached(SafeFileHandle file, long position, long length);

    /// <summary>Renames a file over another, atomically.</summary>
    void Rename(string from, string to);

    /// <summary>Removes a file; it is no error when the file is missing.</summary>
    void Delete(string path);

    /// <summary>Makes creations, renames and deletions in a folder durable.</summary>
    void SyncFolder(string path);

    /// <summary>The bytes of a volume that are free for this process, and its size.</summary>
    (long Free, long Total) GetVolume(string path);
}
