namespace OrleansStream.Storage;

/// <summary>
/// Small documents with compare-and-swap: the other contract that everything durable stands on.
/// </summary>
/// <remarks>
/// <list type="number">
/// <item>D1 A write that is reported done is durable, and takes effect wholly or not at all, also across a crash.</item>
/// <item>D2 Of several writes that expect the same etag at most one takes effect.</item>
/// <item>D3 An etag is never used twice for one name, also after a deletion: a stale writer cannot meet its old etag.</item>
/// </list>
/// Names are as in <see cref="ISegmentStore"/>. A <see cref="StoreUnavailableException"/> from a write or deletion means
/// that its outcome is not known: read the document to find out.
/// </remarks>
public interface IDocumentStore : IDocumentReader
{
    /// <summary>Writes a document when its etag is what the writer believes it to be.</summary>
    /// <param name="name">The document's name.</param>
    /// <param name="bytes">At most <see cref="DocumentStoreLimits.DocumentBytesMax"/> bytes; not changed until the call ends.</param>
    /// <param name="expectedETag">The etag it must have, or null when it must not exist.</param>
    /// <param name="cancellationToken">Cancels before the request is sent.</param>
    /// <returns>The new etag, or null on a conflict: nothing was written by this call.</returns>
    /// <exception cref="StoreUnavailableException">The outcome is not known.</exception>
    /// <exception cref="StoreFullException">There is no room; nothing was written.</exception>
    ValueTask<string?> WriteAsync(
        string name, ReadOnlyMemory<byte> bytes, string? expectedETag, CancellationToken cancellationToken = default);

    /// <summary>Deletes a document when its etag is what the caller believes it to be.</summary>
    /// <param name="name">The document's name.</param>
    /// <param name="expectedETag">The etag it must have, or null to delete whatever is there.</param>
    /// <param name="cancellationToken">Cancels before the request is sent.</param>
    /// <returns>False on a conflict; a missing document counts as deleted when no etag was expected, else as a conflict.</returns>
    /// <exception cref="StoreUnavailableException">The outcome is not known.</exception>
    ValueTask<bool> DeleteAsync(string name, string? expectedETag, CancellationToken cancellationToken = default);
}

/// <summary>A document as it was read.</summary>
/// <param name="Bytes">Its content.</param>
/// <param name="ETag">Names this version of it, for a compare-and-swap.</param>
public readonly record struct Document(ReadOnlyMemory<byte> Bytes, string ETag);

/// <summary>Bounds of the document stores.</summary>
public static class DocumentStoreLimits
{
    /// <summary>The most bytes a document may have: 16 MiB, far above any manifest within its own bounds.</summary>
    public const int DocumentBytesMax = 16 * 1024 * 1024;
}
