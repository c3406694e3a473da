namespace OrleansStream.Storage;

/// <summary>The reading part of <see cref="IDocumentStore"/>.</summary>
public interface IDocumentReader
{
    /// <summary>Reads a document.</summary>
    /// <param name="name">The document's name.</param>
    /// <param name="cancellationToken">Cancels the read.</param>
    /// <returns>The document; null when it does not exist, and never because the store failed.</returns>
    /// <exception cref="StoreUnavailableException">The store cannot be reached.</exception>
    /// <exception cref="CorruptDocumentException">The stored bytes are damaged.</exception>
    ValueTask<Document?> ReadAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Lists documents whose name starts with a prefix, in ordinal order of their names.</summary>
    /// <param name="prefix">Whole name parts, each ended by <c>/</c>; empty for all.</param>
    /// <param name="cancellationToken">Cancels the listing.</param>
    IAsyncEnumerable<string> ListAsync(string prefix, CancellationToken cancellationToken = default);
}
