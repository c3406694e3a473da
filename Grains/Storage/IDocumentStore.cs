namespace OrleansStream.Storage;

/// <summary>
/// Small documents with compare-and-swap. This and <see cref="ISegmentStore"/> are the two contracts on which everything durable rests.
/// </summary>
/// <remarks>
/// <list type="number">
/// <item>D1 A write that is reported done is durable, and takes effect wholly or not at all, also across a crash.</item>
/// <item>D2 Of several writes that expect the same etag at most one takes effect.</item>
/// <item>D3 An etag is never used twice for one name, even after a deletion, so a stale writer cannot meet its old etag again.</item>
/// </list>
/// Names are as in <see cref="ISegmentStore"/>. A <see cref="StoreUnavailableException"/> from a write or deletion means that its outcome is unknown;
/// read the document to find out.
/// </remarks>
public interface IDocumentStore : IDocumentReader
{
    /// <summary>Writes a document if it has the etag that the writer expects.</summary>
    /// <param name="name">The document's name.</param>
    /// <param name="bytes">
    /// At most <see cref="DocumentStoreLimits.DocumentBytesMax"/> bytes. The caller must not change them until the call ends.
    /// </param>
    /// <param name="expectedETag">The etag that the document must have; null when it must not exist.</param>
    /// <param name="cancellationToken">Cancels before the request is sent.</param>
    /// <returns>The new etag; null on a conflict, when this call has written nothing.</returns>
    /// <exception cref="StoreUnavailableException">The outcome is not known.</exception>
    /// <exception cref="StoreFullException">There is no room; nothing was written.</exception>
    ValueTask<string?> WriteAsync(
        string name, ReadOnlyMemory<byte> bytes, string? expectedETag, CancellationToken cancellationToken = default);

    /// <summary>Deletes a document if it has the etag that the caller expects.</summary>
    /// <param name="name">The document's name.</param>
    /// <param name="expectedETag">The etag that the document must have; null to delete any version.</param>
    /// <param name="cancellationToken">Cancels before the request is sent.</param>
    /// <returns>False on a conflict. A missing document counts as deleted when no etag was expected, and as a conflict otherwise.</returns>
    /// <exception cref="StoreUnavailableException">The outcome is not known.</exception>
    ValueTask<bool> DeleteAsync(string name, string? expectedETag, CancellationToken cancellationToken = default);
}

/// <summary>A document as it was read.</summary>
/// <param name="Bytes">Its content.</param>
/// <param name="ETag">The version of the document, for a compare-and-swap.</param>
public readonly record struct Document(ReadOnlyMemory<byte> Bytes, string ETag);
