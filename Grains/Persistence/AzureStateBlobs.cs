using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Orleans.Storage;
using OrleansStream.Storage;
using OrleansStream.Storage.Azure;

namespace OrleansStream.Persistence;

/// <summary>Gives Orleans' own storage the blobs for its states, which are those of the documents of the same names.</summary>
/// <remarks>
/// The storage builds a blob's name from the state's name, the grain's id and <c>.json</c>, and escapes nothing. <see cref="AzureGrainStorage"/>
/// passes it a document's name (<see cref="StateDocumentName"/>) instead of the state's, and this class removes what the storage appends. So the
/// service's id is in the name, every key is safe in it, and states that earlier versions wrote are found.
/// </remarks>
/// <param name="container">The container. It exists, because the stores are opened first.</param>
internal sealed class AzureStateBlobs(BlobContainerClient container) : IBlobContainerFactory
{
    /// <inheritdoc/>
    public BlobContainerClient GetBlobContainerClient(GrainId grainId) => new StateContainer(container, $"-{grainId}.json");

    /// <inheritdoc/>
    public Task InitializeAsync(BlobServiceClient client) => Task.CompletedTask;

    /// <summary>The part of a container's client that the storage uses.</summary>
    private sealed class StateContainer(BlobContainerClient container, string suffix) : BlobContainerClient
    {
        public override string Name => container.Name;

        public override BlobClient GetBlobClient(string blobName) => blobName.EndsWith(suffix, StringComparison.Ordinal)
            ? container.GetBlobClient(AzureDocumentStore.BlobNameOf(blobName[..^suffix.Length]))
            : throw new InvalidOperationException($"The grain storage names a state's blob '{blobName}', which does not end in '{suffix}'.");

        // The storage creates a missing container. Here this is refused, because a store that is gone must not be taken for an empty one.
        public override Task<Response<BlobContainerInfo>> CreateIfNotExistsAsync(
            PublicAccessType publicAccessType = PublicAccessType.None,
            IDictionary<string, string>? metadata = null,
            BlobContainerEncryptionScopeOptions? encryptionScopeOptions = null,
            CancellationToken cancellationToken = default) => throw Gone();

        public override Task<Response<BlobContainerInfo>> CreateIfNotExistsAsync(
            PublicAccessType publicAccessType, IDictionary<string, string> metadata, CancellationToken cancellationToken) => throw Gone();

        private StoreUnavailableException Gone() => new($"The container '{container.Name}' is gone.");
    }
}
