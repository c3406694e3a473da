using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace OrleansStream.Storage.Azure;

/// <summary>A container of a storage account with the two stores in it: blobs under <c>segments/</c> and <c>documents/</c>.</summary>
/// <remarks>Any count of processes may use one container. There is nothing to close.</remarks>
public sealed class AzureBlobContainer
{
    /// <summary>The protocol's version: the newest that today's Azurite takes as well, so that tests speak what production speaks.</summary>
    internal const BlobClientOptions.ServiceVersion ServiceVersion = BlobClientOptions.ServiceVersion.V2026_06_06;

    // Beside the folders of segments and documents, so that nobody takes it for one of them.
    private const string AppendProbe = "append-blobs-are-taken";

    private readonly BlobContainerClient _container;
    private readonly TimeProvider _time;

    private AzureBlobContainer(BlobContainerClient container, TimeProvider timeProvider, TimeSpan backoffMin, BlobUsage usage)
    {
        _container = container;
        Usage = usage;
        _time = timeProvider;
        Retry = new AzureBlobRetry(timeProvider, backoffMin);
        Segments = new AzureSegmentStore(container, Retry);
        Documents = new AzureDocumentStore(container, Retry);
    }

    /// <summary>The account that it is in, to be shared with others. Its client repeats nothing by itself.</summary>
    public BlobServiceClient Service => _container.GetParentBlobServiceClient();

    /// <summary>Its name.</summary>
    public string Name => _container.Name;

    /// <summary>The segments in it: append blobs.</summary>
    public ISegmentStore Segments { get; }

    /// <summary>The documents in it: block blobs.</summary>
    public IDocumentStore Documents { get; }

    /// <summary>What this process asks of the account.</summary>
    public BlobUsage Usage { get; }

    /// <summary>The container itself, for what else keeps blobs in it.</summary>
    internal BlobContainerClient Blobs => _container;

    /// <summary>Repeats the calls to it.</summary>
    internal AzureBlobRetry Retry { get; }

    /// <summary>Names a container; nothing is sent yet.</summary>
    /// <param name="serviceUri">The account's blob endpoint, for the process's managed identity; or null.</param>
    /// <param name="connectionString">A connection string, in place of the endpoint; or null.</param>
    /// <param name="container">The container's name.</param>
    /// <param name="timeProvider">The clock to wait by between tries.</param>
    /// <exception cref="ArgumentException">Neither or both ways to the account are given, or one is malformed.</exception>
    public static AzureBlobContainer Open(
        Uri? serviceUri, string? connectionString, string container, TimeProvider timeProvider) =>
        Open(serviceUri, connectionString, container, timeProvider, AzureBlobLimits.BackoffMin, transport: null);

    /// <summary>As the public one, with other waits and another way to the account.</summary>
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

    /// <summary>Makes the container when it is missing; also tells whether the account can be reached at all.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <exception cref="AzureAccountException">The account cannot be reached, or refuses; it says why.</exception>
    public async ValueTask EnsureCreatedAsync(CancellationToken cancellationToken = default)
    {
        var isMissing = false;
        try
        {
            // Looked for first: an Api node may only read, and making it would be refused although it is there.
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
    /// Makes sure that the account takes append blobs, which segments are: Microsoft's pages contradict each other on whether those of the kind
    /// Premium do. It writes one empty blob, once for a container.
    /// </summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <exception cref="AzureAccountException">The account does not, or refuses; it says why.</exception>
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
                            new AppendBlobCreateOptions { Conditions = new AppendBlobRequestConditions { IfNoneMatch = ETag.All } }, token).ConfigureAwait(false);
                    }
                    catch (RequestFailedException exception) when (AzureBlobErrors.IsConflict(exception))
                    {
                        // It was made at an earlier start.
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

    /// <summary>Tells whether text has the form of a connection string of a storage account.</summary>
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
