using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using OrleansStream.Randomness;

namespace OrleansStream.Storage.Azure;

/// <summary>A container of a storage account, with two stores in it: blobs under <c>segments/</c> and under <c>documents/</c>.</summary>
/// <remarks>Any count of processes may use one container. It need not be closed.</remarks>
public sealed class AzureBlobContainer
{
    /// <summary>The protocol's version: the newest that Azurite supports too, so that tests use the same version as production.</summary>
    internal const BlobClientOptions.ServiceVersion ServiceVersion = BlobClientOptions.ServiceVersion.V2026_06_06;

    // The probe lies beside the folders of segments and documents, so that it is taken for neither.
    private const string AppendProbe = "append-blobs-are-taken";

    private readonly BlobContainerClient _container;
    private readonly TimeProvider _time;

    private AzureBlobContainer(BlobContainerClient container, TimeProvider timeProvider, TimeSpan backoffMin, BlobUsage usage)
    {
        _container = container;
        Usage = usage;
        _time = timeProvider;
        Retry = new AzureBlobRetry(timeProvider, backoffMin, RandomSource.System);
        Segments = new AzureSegmentStore(container, Retry);
        Documents = new AzureDocumentStore(container, Retry);
    }

    /// <summary>The account of the container, for other uses of the account. Its client does not retry by itself.</summary>
    public BlobServiceClient Service => _container.GetParentBlobServiceClient();

    /// <summary>The container's name.</summary>
    public string Name => _container.Name;

    /// <summary>The segments in the container: append blobs.</summary>
    public ISegmentStore Segments { get; }

    /// <summary>The documents in the container: block blobs.</summary>
    public IDocumentStore Documents { get; }

    /// <summary>Counts this process's requests to the account.</summary>
    public BlobUsage Usage { get; }

    /// <summary>The container itself, for others that keep blobs in it.</summary>
    internal BlobContainerClient Blobs => _container;

    /// <summary>Repeats the calls to the container.</summary>
    internal AzureBlobRetry Retry { get; }

    /// <summary>Makes the stores of a container. It sends nothing yet.</summary>
    /// <param name="serviceUri">The account's blob endpoint, to be used with the process's managed identity; or null.</param>
    /// <param name="connectionString">A connection string instead of the endpoint; or null.</param>
    /// <param name="container">The container's name.</param>
    /// <param name="timeProvider">The clock for the waits between tries.</param>
    /// <exception cref="ArgumentException">Neither or both of endpoint and connection string are given, or one is malformed.</exception>
    public static AzureBlobContainer Open(
        Uri? serviceUri, string? connectionString, string container, TimeProvider timeProvider) =>
        Open(serviceUri, connectionString, container, timeProvider, AzureBlobLimits.BackoffMin, transport: null);

    /// <summary>As the public method, with another first wait and another transport.</summary>
    internal static AzureBlobContainer Open(
        Uri? serviceUri,
        string? connectionString,
        string container,
        TimeProvider timeProvider,
        TimeSpan backoffMin,
        HttpPipelineTransport? transport)
    {
        ArgumentException.ThrowIfNullOrEmpty(container);
        if (serviceUri is null == string.IsNullOrEmpty(connectionString))
            throw new ArgumentException("Give either the account's service URI or a connection string.");

        var usage = new BlobUsage(timeProvider);
        var options = CreateOptions(transport, usage);
        try
        {
            var service = serviceUri is null
                ? new BlobServiceClient(connectionString, options)
                : new BlobServiceClient(serviceUri, new DefaultAzureCredential(), options);
            return new AzureBlobContainer(service.GetBlobContainerClient(container), timeProvider, backoffMin, usage);
        }
        catch (FormatException exception)
        {
            throw new ArgumentException("The connection string is malformed.", nameof(connectionString), exception);
        }
    }

    /// <summary>Creates the container when it is missing. Also finds out whether the account can be reached.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <exception cref="AzureAccountException">The account cannot be reached, or refuses; the exception says why.</exception>
    public async ValueTask EnsureCreatedAsync(CancellationToken cancellationToken = default)
    {
        var isMissing = false;
        try
        {
            // The container is looked for first: an Api node may have the right to read only, and Azure would refuse it even the creation of an
            // existing one.
            isMissing = !await Retry.ReadAsync(
                $"look for the container '{Name}'",
                async (_, token) => (await _container.ExistsAsync(token).ConfigureAwait(false)).Value,
                cancellationToken).ConfigureAwait(false);
            if (isMissing)
                await CreateAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (StoreUnavailableException failure)
        {
            throw AzureAccountException.Of(failure, _container.Uri, isMissing, _time.GetUtcNow());
        }
    }

    /// <summary>
    /// Checks that the account takes append blobs, which segments are. Microsoft's pages contradict each other on whether Premium accounts do. The
    /// check writes one empty blob, once for each container.
    /// </summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <exception cref="AzureAccountException">The account takes none, or refuses; the exception says why.</exception>
    public async ValueTask EnsureTakesSegmentsAsync(CancellationToken cancellationToken = default)
    {
        var probe = _container.GetAppendBlobClient(AppendProbe);
        try
        {
            await Retry.WriteAsync(
                $"make the append blob '{AppendProbe}'",
                async (_, token) =>
                {
                    try
                    {
                        await probe.CreateAsync(
                            new AppendBlobCreateOptions { Conditions = new AppendBlobRequestConditions { IfNoneMatch = ETag.All } }, token)
                                .ConfigureAwait(false);
                    }
                    catch (RequestFailedException exception) when (AzureBlobErrors.IsConflict(exception))
                    {
                        // An earlier start created it.
                    }

                    return true;
                },
                cancellationToken).ConfigureAwait(false);
        }
        catch (StoreUnavailableException failure)
        {
            throw AzureAccountException.OfAppendBlob(failure, _container.Uri, _time.GetUtcNow());
        }
    }

    /// <summary>Whether a text has the form of a storage account's connection string.</summary>
    /// <param name="text">The text.</param>
    public static bool IsConnectionString(string text)
    {
        try
        {
            return new BlobServiceClient(text).Uri.IsAbsoluteUri;
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException)
        {
            return false;
        }
    }

    private ValueTask<bool> CreateAsync(CancellationToken cancellationToken) => Retry.WriteAsync(
        $"make the container '{Name}'",
        async (_, token) =>
        {
            await _container.CreateIfNotExistsAsync(PublicAccessType.None, cancellationToken: token).ConfigureAwait(false);
            return true;
        },
        cancellationToken);

    private static BlobClientOptions CreateOptions(HttpPipelineTransport? transport, BlobUsage usage)
    {
        var options = new BlobClientOptions(ServiceVersion)
        {
            Retry = { MaxRetries = 0, NetworkTimeout = AzureBlobLimits.NetworkTimeout },
        };
        options.AddPolicy(usage.Policy, HttpPipelinePosition.PerRetry);
        if (transport is not null)
            options.Transport = transport;
        return options;
    }
}
