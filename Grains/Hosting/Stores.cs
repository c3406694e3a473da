using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using OrleansStream.Storage;
using OrleansStream.Storage.Azure;
using OrleansStream.Storage.Files;
using OrleansStream.Storage.Files.Disk;
using OrleansStream.Storage.Memory;

namespace OrleansStream.Hosting;

/// <summary>Registers the stores that the settings name.</summary>
internal static class Stores
{
    /// <summary>Adds both stores. They open when the silo starts, and close with the host, after the grains are gone.</summary>
    /// <param name="services">The services to add them to.</param>
    public static IServiceCollection AddStores(this IServiceCollection services)
    {
        services.AddSingleton(provider => OpenStores.Open(
            provider.GetRequiredService<IOptions<OrleansStreamOptions>>().Value.Storage,
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => provider.GetRequiredService<OpenStores>().Segments);
        services.AddSingleton(provider => provider.GetRequiredService<OpenStores>().Documents);
        return services;
    }
}

/// <summary>The two stores of this process, and the owner that must be closed after them.</summary>
/// <param name="Segments">The store of segments.</param>
/// <param name="Documents">The store of documents.</param>
/// <param name="Owner">The owner of the storage, or null.</param>
/// <param name="Container">The container that must exist before the first use, or null.</param>
internal sealed record OpenStores(
    ISegmentStore Segments, IDocumentStore Documents, IDisposable? Owner = null, AzureBlobContainer? Container = null)
    : IDisposable
{
    /// <summary>Opens the stores.</summary>
    /// <param name="storage">Valid settings.</param>
    /// <param name="time">Dates segments in memory, and tells when a token of Azure ends.</param>
    /// <exception cref="DataFolderException">The folder cannot be used.</exception>
    public static OpenStores Open(StorageOptions storage, TimeProvider time)
    {
        if (storage.Provider == StorageOptions.MemoryProvider)
            return new OpenStores(new MemorySegmentStore(timeProvider: time), new MemoryDocumentStore());
        if (storage.Provider == StorageOptions.AzureBlobsProvider)
        {
            var blobs = storage.AzureBlobs;
            var container = AzureBlobContainer.Open(blobs.ServiceUri, blobs.ConnectionString, blobs.Container, time);
            return new OpenStores(container.Segments, container.Documents, Container: container);
        }

        var folder = DataFolder.Open(storage.Files.Directory);
        return new OpenStores(folder.Segments, folder.Documents, folder);
    }

    /// <summary>Verifies that the storage can be used, so that the start fails and not the first request.</summary>
    /// <param name="isForSilo">True where this process has a silo, which appends to segments.</param>
    /// <exception cref="AzureAccountException">The account cannot be reached, or refuses.</exception>
    public async ValueTask PrepareAsync(bool isForSilo)
    {
        if (Container is null)
            return;
        await Container.EnsureCreatedAsync();
        if (isForSilo)
            await Container.EnsureTakesSegmentsAsync();
    }

    /// <inheritdoc/>
    public void Dispose() => Owner?.Dispose();
}
