using System.Runtime.CompilerServices;
using OrleansStream.Storage;

namespace OrleansStream.Tests.Simulation;

/// <summary>One process's view of the world's documents, through a link that loses, delays and fails.</summary>
internal sealed class SimulatedDocumentStore(SimulatedWorld world, SimulatedLink link) : IDocumentStore
{
    public ValueTask<Document?> ReadAsync(string name, CancellationToken cancellationToken = default) =>
        link.ReadAsync("read doc", 0, () => world.ReadDocument(name), cancellationToken);

    public ValueTask<string?> WriteAsync(
        string name, ReadOnlyMemory<byte> bytes, string? expectedETag, CancellationToken cancellationToken = default)
    {
        var sent = bytes.ToArray();
        return link.WriteAsync(
            "write doc", sent.Length > 0 ? 1 : 0, () => world.WriteDocument(name, sent, expectedETag), null, null,
            cancellationToken);
    }

    public ValueTask<bool> DeleteAsync(string name, string? expectedETag, CancellationToken cancellationToken = default) =>
        link.WriteAsync(
            "delete doc", 0, () => world.DeleteDocument(name, expectedETag), null, null, cancellationToken);

    public async IAsyncEnumerable<string> ListAsync(
        string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var found = await link.ReadAsync("list docs", 0, () => world.ListDocuments(prefix), cancellationToken)
            .ConfigureAwait(false);
        foreach (var name in found)
            yield return name;
    }
}
