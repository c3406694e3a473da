using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using OrleansStream.Storage;
using OrleansStream.Storage.Memory;

namespace OrleansStream.Hosting;

/// <summary>Opens the stores that the settings name.</summary>
internal static class Stores
{
    /// <summary>Adds both stores. They open when the silo starts, and close with the host, after the grains are gone.</summary>
    /// <param name="services">Where to add them.</param>
    public static IServiceCollection AddStores(this IServiceCollection services)
    {
        services.AddSingleton<OpenedStores>();
        services.AddSingleton<ISegmentStore>(provider => provider.GetRequiredService<OpenedStores>().Segments);
        services.AddSingleton<IDocumentStore>(provider => provider.GetRequiredService<OpenedStores>().Documents);
        return services;
    }

    private sealed class OpenedStores
    {
        public OpenedStores(IOptions<OrleansStreamOptions> options, TimeProvider time)
        {
            (Segments, Documents) = options.Value.Storage.Provider switch
            {
                StorageOptions.MemoryProvider => (new MemorySegmentStore(), new MemoryDocumentStore()),
                var provider => throw new NotSupportedException($"There is no storage provider '{provider}'."),
            };
        }

        public ISegmentStore Segments { get; }

        public IDocumentStore Documents { get; }
    }
}
