using Azure.Storage.Blobs;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Runtime.Hosting;
using Orleans.Serialization.Serializers;
using OrleansStream.GrainStorage;
using OrleansStream.Storage.Azure;

namespace Orleans.Configuration
{
    /// <summary>Where grain state is kept in a storage account.</summary>
    public sealed class AzureBlobStorageOptions
    {
        /// <summary>The container's name. Default <c>grainstate</c>.</summary>
        public string ContainerName { get; set; } = "grainstate";

        /// <summary>The way to the account. Its retries must be off: the storage repeats by itself what may be repeated.</summary>
        public BlobServiceClient? BlobServiceClient { get; set; }

        /// <summary>True to delete a cleared state's blob, false to leave an empty one. Default true.</summary>
        public bool DeleteStateOnClear { get; set; } = true;
    }
}

namespace Orleans.Hosting
{
    /// <summary>
    /// Grain state in a storage account, under the names and options of the package Microsoft.Orleans.Persistence.AzureStorage.
    /// </summary>
    /// <remarks>With the build property <c>OrleansAzureProviders=true</c> this file is left out, and the package takes its place.</remarks>
    public static class AzureBlobSiloBuilderExtensions
    {
        /// <summary>Keeps the state of grains that ask for a storage by this name in a storage account.</summary>
        /// <param name="builder">The silo.</param>
        /// <param name="name">The name.</param>
        /// <param name="configureOptions">Says where.</param>
        public static ISiloBuilder AddAzureBlobGrainStorage(
            this ISiloBuilder builder, string name, Action<AzureBlobStorageOptions> configureOptions) =>
            builder.AddAzureBlobGrainStorage(name, (OptionsBuilder<AzureBlobStorageOptions> options) => options.Configure(configureOptions));

        /// <summary>Keeps the state of grains that ask for a storage by this name in a storage account.</summary>
        /// <param name="builder">The silo.</param>
        /// <param name="name">The name.</param>
        /// <param name="configureOptions">Says where.</param>
        /// <exception cref="OrleansConfigurationException">At start: the way to the account is not given.</exception>
        public static ISiloBuilder AddAzureBlobGrainStorage(
            this ISiloBuilder builder, string name, Action<OptionsBuilder<AzureBlobStorageOptions>>? configureOptions = null)
        {
            ArgumentNullException.ThrowIfNull(builder);
            configureOptions?.Invoke(builder.Services.AddOptions<AzureBlobStorageOptions>(name));
            builder.Services.AddGrainStorage(name, Create);
            return builder;
        }

        private static DocumentGrainStorage Create(IServiceProvider services, string name)
        {
            AzureBlobStorageOptions options = services.GetRequiredService<IOptionsMonitor<AzureBlobStorageOptions>>().Get(name);
            BlobServiceClient service = options.BlobServiceClient ?? throw new OrleansConfigurationException(
                $"{nameof(AzureBlobStorageOptions)} '{name}' has no {nameof(AzureBlobStorageOptions.BlobServiceClient)}.");
            return new DocumentGrainStorage(
                AzureBlobContainer.Open(service, options.ContainerName, services.GetRequiredService<TimeProvider>()).Documents,
                services.GetRequiredService<IOptions<ClusterOptions>>(),
                new DocumentGrainStorageOptions { DeleteStateOnClear = options.DeleteStateOnClear },
                services.GetRequiredService<IActivatorProvider>());
        }
    }
}
