using Microsoft.Win32.SafeHandles;

namespace OrleansStream.Storage.Files.Disk;

/// <summary>
/// Everything the file stores do to a file system, and the seam where tests let it fail.
/// </summary>
/// <remarks>
/// A failure is an <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>. Only the two syncs and
/// <see cref="SyncFolder"/> make anything durable.
/// </remarks>
internal interface IFileOperations
{
    /// <summary>Opens an existing file for reading and writing.</summary>
    /// <exception cref="FileNotFoundException">There is none (or no folder of its path: <see cref="DirectoryNotFoundException"/>).</exception>
    SafeFileHandle Open(string path);

    /// <summary>Makes a new file; one that exists is an <see cref="IOException"/>.</summary>
    SafeFileHandle Create(string path);

    /// <summary>Makes a folder whose parent exists; one that exists is no error.</summary>
    void CreateFolder(string path);

    /// <summary>Reads until the destination is full or the file ends.</summary>
    int Read(SafeFileHandle file, Span<byte> destination, long position);

    /// <summary>Reads what the page cache holds, without waiting for a disk.</summary>
    /// <returns>The count of bytes, which may be short for any reason, or -1 when nothing can be told without waiting.</returns>
    int ReadCached(SafeFileHandle file, Span<byte> destination, long position);

    /// <summary>Writes all bytes at a position; a failed write may have written some of them.</summary>
    void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long position);

    /// <summary>The file's length on disk.</summary>
    long GetLength(SafeFileHandle file);

    /// <summary>Cuts or extends a file; it reads as zeros where it was extended.</summary>
    void SetLength(SafeFileHandle file, long length);

    /// <summary>Makes the file's bytes and length durable.</summary>
    void SyncData(SafeFileHandle file);

    /// <summary>Lets the page cache go of bytes that were synced: a hint, which never fails. Reading them later waits for the disk.</summary>
    void ReleaseCached(SafeFileHandle file, long position, long length);

    /// <summary>Puts a file in the place of another, atomically.</summary>
    void Rename(string from, string to);

    /// <summary>Removes a file; a missing one is no error.</summary>
    void Delete(string path);

    /// <summary>Makes creations, renames and deletions in a folder durable.</summary>
    void SyncFolder(string path);

    /// <summary>The bytes a volume has left for this process, and its size.</summary>
    (long Free, long Total) GetVolume(string path);
}
