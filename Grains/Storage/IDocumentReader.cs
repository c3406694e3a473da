namespace OrleansStream.Storage;

/// <summary>The part of <see cref="IDocumentStore"/> that changes nothing.</summary>
public interface IDocumentReader
{
    /// <summary>Reads a document.</summary>
    /// <param name="name">The document's name.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    /// <returns>The document, or null when there is none: never for a failure of the store.</returns>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    /// <exception cref="CorruptDocumentException">The stored bytes are damaged.</exception>
    ValueTask<Document?> ReadAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Lists documents whose name starts with a prefix, in ordinal order of their names.</summary>
    /// <param name="prefix">Whole name parts ended by <c>/</c>, or the empty string for all.</param>
    /// <param name="cancellationToken">Cancels the listing.</param>
    IAsyncEnumerable<string> ListAsync(string prefix, CancellationToken cancellationToken = default);
}
