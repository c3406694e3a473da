using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace OrleansStream.Storage.Azure;

/// <summary>Documents as block blobs. The account's own etags are used for compare-and-swap.</summary>
/// <remarks>
/// Each write carries an id of its own in the blob's metadata. When the reply to a write is lost, the store reads the blob to learn the outcome. A
/// blob that is deleted and created again gets a new etag.
/// </remarks>
public sealed class AzureDocumentStore : IDocumentStore
{
    private const string Folder = "documents/";

    private readonly BlobContainerClient _container;
    private readonly AzureBlobRetry _retry;

    internal AzureDocumentStore(BlobContainerClient container, AzureBlobRetry retry)
    {
        _container = container;
        _retry = retry;
    }

    /// <inheritdoc/>
    public ValueTask<Document?> ReadAsync(string name, CancellationToken cancellationToken = default)
    {
        var blob = Blob(name);
        return _retry.ReadAsync<Document?>(
            $"read the document '{name}'",
            async (_, token) =>
            {
                try
                {
                    BlobDownloadResult result = await blob.DownloadContentAsync(token).ConfigureAwait(false);
                    var bytes = result.Content.ToMemory();
                    // The SDK resumes a download that broke off. It takes a reply with less than the rest for the end of the blob.
                    // RFC 9110, section 15.3.7, allows such a reply.
                    if (bytes.Length != LengthOf(result.Details))
                        throw new IOException($"{bytes.Length} of {LengthOf(result.Details)} bytes came.");
                    return new Document(bytes, result.Details.ETag.ToString());
                }
                catch (RequestFailedException exception) when (AzureBlobErrors.IsMissing(exception))
                {
                    return null;
                }
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<string?> WriteAsync(
        string name, ReadOnlyMemory<byte> bytes, string? expectedETag, CancellationToken cancellationToken = default)
    {
        StoreNames.CheckDocument(name, bytes.Length);
        var blob = Blob(name);
        var writer = AzureCreation.NewId();
        return _retry.WriteAsync(
            $"write the document '{name}'",
            async (mayBeDone, token) =>
            {
                // A creation is not sent again, because a late first try could bring back what was deleted since. A replacement may be sent again: an
                // etag is never reused, so at most one of the tries takes effect.
                if (mayBeDone && expectedETag is null)
                    return (await AzureCreation.FindAsync(blob, writer, token).ConfigureAwait(false))?.ToString();
                try
                {
                    return await UploadAsync(blob, bytes, expectedETag, writer, token).ConfigureAwait(false);
                }
                catch (RequestFailedException exception)
                    when (AzureBlobErrors.IsConflict(exception) || AzureBlobErrors.IsMissing(exception))
                {
                    return mayBeDone ? await ResolveAsync(blob, writer, token).ConfigureAwait(false) : null;
                }
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteAsync(string name, string? expectedETag, CancellationToken cancellationToken = default)
    {
        var blob = Blob(name);
        return await _retry.WriteAsync(
            $"delete the document '{name}'",
            async (mayBeDone, token) =>
            {
                try
                {
                    // There is always a condition. Without it a late first try could delete what was created since.
                    var expected = expectedETag is null
                        ? (await blob.GetPropertiesAsync(cancellationToken: token).ConfigureAwait(false)).Value.ETag
                        : new ETag(expectedETag);
                    var conditions = new BlobRequestConditions { IfMatch = expected };
                    await blob.DeleteAsync(DeleteSnapshotsOption.None, conditions, token).ConfigureAwait(false);
                    return true;
                }
                catch (RequestFailedException exception) when (AzureBlobErrors.IsMissing(exception))
                {
                    // If a reply was lost, this call deleted it, or another call that saw the same version. It is gone either way.
                    return expectedETag is null || mayBeDone;
                }
                catch (RequestFailedException exception) when (AzureBlobErrors.IsConflict(exception))
                {
                    if (expectedETag is not null && !mayBeDone)
                        return false;

                    // A condition on a deleted blob can also be a conflict, and then the blob is gone as the caller wanted.
                    if (!await blob.ExistsAsync(token).ConfigureAwait(false))
                        return true;
                    throw new StoreUnavailableException($"The document '{name}' changed while it was deleted.", exception);
                }
            },
            cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<string> ListAsync(
        string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        StoreNames.CheckPrefix(prefix);
        foreach (var (name, _) in await AzureListing.ListAsync(_container, _retry, Folder, prefix, cancellationToken).ConfigureAwait(false))
            yield return name;
    }

    private static async Task<string?> UploadAsync(
        BlockBlobClient blob, ReadOnlyMemory<byte> bytes, string? expectedETag, string writer, CancellationToken cancellationToken)
    {
        var options = new BlobUploadOptions
        {
            Conditions = expectedETag is null
                ? new BlobRequestConditions { IfNoneMatch = ETag.All }
                : new BlobRequestConditions { IfMatch = new ETag(expectedETag) },
            Metadata = AzureCreation.ToMetadata(writer),
        };
        var content = BinaryData.FromBytes(bytes).ToStream();
        await using (content.ConfigureAwait(false))
        {
            BlobContentInfo info = await blob.UploadAsync(content, options, cancellationToken).ConfigureAwait(false);
            return info.ETag.ToString();
        }
    }

    private static long LengthOf(BlobDownloadDetails details) =>
        ContentRangeHeaderValue.TryParse(details.ContentRange, out var range) && range.Length is { } length ? length : details.ContentLength;

    /// <summary>The blob in which a document is kept.</summary>
    /// <param name="name">The document's name.</param>
    /// <exception cref="ArgumentException">The name is not valid.</exception>
    internal static string BlobNameOf(string name)
    {
        StoreNames.Check(name);
        return Folder + StoreNames.ToStored(name);
    }

    /// <summary>Finds the outcome of a replacement when one try got no reply and a later one met a conflict.</summary>
    /// <exception cref="StoreUnavailableException">Another version is there. It may have replaced this call's version or come before it.</exception>
    private static async Task<string?> ResolveAsync(BlockBlobClient blob, string writer, CancellationToken cancellationToken)
    {
        var etag = await AzureCreation.FindAsync(blob, writer, cancellationToken).ConfigureAwait(false);
        return etag?.ToString() ?? throw new StoreUnavailableException(
            $"The outcome of writing '{blob.Name}' is unknown: a reply was lost, and another version is there now.");
    }

    private BlockBlobClient Blob(string name) => _container.GetBlockBlobClient(BlobNameOf(name));
}
