namespace OrleansStream.Storage.Memory;

/// <summary>Documents in this process's memory, for tests. It is also the simplest implementation of <see cref="IDocumentStore"/>.</summary>
/// <remarks>Safe for concurrent use. One counter gives all etags, so none is ever used twice.</remarks>
public sealed class MemoryDocumentStore : IDocumentStore
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, Document> _documents = new(StringComparer.Ordinal);
    private long _lastETag;

    /// <inheritdoc/>
    public ValueTask<Document?> ReadAsync(string name, CancellationToken cancellationToken = default)
    {
        StoreNames.Check(name);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
            return new(_documents.TryGetValue(name, out var document) ? document : null);
    }

    /// <inheritdoc/>
    public ValueTask<string?> WriteAsync(
        string name, ReadOnlyMemory<byte> bytes, string? expectedETag, CancellationToken cancellationToken = default)
    {
        StoreNames.CheckDocument(name, bytes.Length);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            if (FindETag(name) != expectedETag)
                return new((string?)null);
            var document = new Document(bytes.ToArray(), (++_lastETag).ToString());
            _documents[name] = document;
            return new(document.ETag);
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool> DeleteAsync(string name, string? expectedETag, CancellationToken cancellationToken = default)
    {
        StoreNames.Check(name);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            if (expectedETag is not null && FindETag(name) != expectedETag)
                return new(false);
            _documents.Remove(name);
            return new(true);
        }
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<string> ListAsync(string prefix, CancellationToken cancellationToken = default)
    {
        StoreNames.CheckPrefix(prefix);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            return _documents.Keys
                .Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
                .ToArray()
                .ToAsyncEnumerable();
        }
    }

    private string? FindETag(string name) => _documents.TryGetValue(name, out var document) ? document.ETag : null;
}
