using OrleansStream.Storage;
using OrleansStream.Tests.Storage;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clustering;

/// <summary>The membership of a cluster in Azure, where its documents are blobs.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class AzureMembershipTableTests(AzuriteFixture azurite) : DocumentMembershipTableConformance, IAsyncLifetime
{
    private IDocumentStore? _documents;

    protected override IDocumentStore Documents => _documents!;

    public async ValueTask InitializeAsync() => _documents = (await AzureTestContainer.OpenAsync(azurite)).Documents;

    public ValueTask DisposeAsync()
    {
        Dispose();
        return default;
    }
}

/// <summary>The same on a bad way to the account: a call that gets no reply is repeated.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class AzureMembershipTableOnABadLineTests(AzuriteFixture azurite) : DocumentMembershipTableConformance, IAsyncLifetime
{
    private IDocumentStore? _documents;

    protected override IDocumentStore Documents => _documents!;

    public async ValueTask InitializeAsync() =>
        _documents = (await AzureTestContainer.OpenAsync(azurite, new FaultyHttpHandler { OnRequest = new BadLine().DecideForDocuments })).Documents;

    public ValueTask DisposeAsync()
    {
        Dispose();
        return default;
    }
}
