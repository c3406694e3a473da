using System.Security.Cryptography;
using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace OrleansStream.Storage.Azure;

/// <summary>
/// Marks what a call writes with an id of its own, so that a call whose reply was lost can tell its own work from another's.
/// </summary>
internal static class AzureCreation
{
    private const string Key = "writer";

    /// <summary>A new id.</summary>
    public static string NewId() => RandomNumberGenerator.GetHexString(32, lowercase: true);

    /// <summary>The metadata that carries the id.</summary>
    public static Dictionary<string, string> ToMetadata(string id) => new() { [Key] = id };

    /// <summary>The blob's etag when the call with this id has written it, else null.</summary>
    /// <exception cref="StoreUnavailableException">The blob does not exist, but the lost request may still arrive.</exception>
    public static async Task<ETag?> FindAsync(BlobBaseClient blob, string id, CancellationToken cancellationToken)
    {
        try
        {
            BlobProperties found = await blob.GetPropertiesAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            return found.Metadata.TryGetValue(Key, out var writer) && writer == id ? found.ETag : null;
        }
        catch (RequestFailedException exception) when (AzureBlobErrors.IsMissing(exception))
        {
            throw new StoreUnavailableException(
                $"The outcome of writing '{blob.Name}' is unknown: a request or reply was lost, and the blob does not exist now.", exception);
        }
    }
}
