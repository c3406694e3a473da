using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using OrleansStream.Persistence;
using OrleansStream.Storage;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.Storage;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Persistence;

[Collection(AzuriteCollection.Name)]
public sealed class AzureGrainStorageTests(AzuriteFixture azurite) : AzureGrainStorageConformance(azurite, line: null);

/// <summary>A call that gets no reply is repeated, so the contract holds on a bad way to the account too.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class AzureGrainStorageOnABadLineTests(AzuriteFixture azurite) : AzureGrainStorageConformance(
    azurite, new FaultyHttpHandler { OnRequest = new BadLine().DecideForDocuments });

/// <summary>The same over an account, and by the package of Orleans.</summary>
public abstract class AzureGrainStorageConformance : DocumentGrainStorageConformance, IAsyncLifetime
{
    private readonly AzuriteFixture _azurite;
    private readonly FaultyHttpHandler? _line;
    private AzureBlobContainer _container = null!;

    private protected AzureGrainStorageConformance(AzuriteFixture azurite, FaultyHttpHandler? line) => (_azurite, _line) = (azurite, line);

    protected override IDocumentStore Documents => _container.Documents;

    public async ValueTask InitializeAsync() => _container = await AzureTestContainer.OpenAsync(_azurite, _line, $"{Guid.NewGuid():N}");

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return default;
    }

    // Both ways: silos of either version may run side by side while a cluster is upgraded.
    [Fact]
    public async Task ReadState_WhenAnEarlierVersionWroteIt_GoesOnWithIt_AndTheEarlierVersionToo()
    {
        var cluster = Options.Create(new ClusterOptions { ServiceId = "service" });
        var earlier = new DocumentGrainStorage(Documents, cluster, new DocumentGrainStorageOptions(), Activators);
        var storage = Open(cluster, new DocumentGrainStorageOptions());
        var grain = GrainId.Create("topic", "Матч/1");
        await earlier.WriteStateAsync("s", grain, new GrainState<Payload>(new Payload("a", 1)));

        var state = new GrainState<Payload>();
        await storage.ReadStateAsync("s", grain, state);
        Assert.Equal((true, new Payload("a", 1)), (state.RecordExists, state.State));
        state.State = new Payload("b", 2);
        await storage.WriteStateAsync("s", grain, state);

        await earlier.ReadStateAsync("s", grain, state);
        Assert.Equal((true, new Payload("b", 2)), (state.RecordExists, state.State));
        state.State = new Payload("c", 3);
        await earlier.WriteStateAsync("s", grain, state);
        await storage.ClearStateAsync("s", grain, state);
        await earlier.ReadStateAsync("s", grain, state);
        Assert.False(state.RecordExists);
    }

    private protected override IGrainStorage Open(IOptions<ClusterOptions> cluster, DocumentGrainStorageOptions options) =>
        AzureTestGrainStorage.Open(_container, cluster, options, Activators);
}

internal static class AzureTestGrainStorage
{
    public static AzureGrainStorage Open(
        AzureBlobContainer container, IOptions<ClusterOptions> cluster, DocumentGrainStorageOptions options, IActivatorProvider activators)
    {
        var official = new AzureBlobStorageOptions();
        AzureGrainStorage.Configure(official, container);
        return new AzureGrainStorage(
            new AzureBlobGrainStorage(
                AzureGrainStorage.OfficialName, official, official.BuildContainerFactory(null!, official), activators,
                NullLogger<AzureBlobGrainStorage>.Instance),
            container, cluster, options, activators);
    }
}
