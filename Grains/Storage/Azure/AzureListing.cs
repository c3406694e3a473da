using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;

namespace OrleansStream.Storage.Azure;

/// <summary>Lists blobs by the stores' names.</summary>
internal static class AzureListing
{
    /// <summary>Finds the blobs of names that start with a prefix, in ordinal order of the names.</summary>
    /// <remarks>
    /// All pages are fetched first, because the order of the names differs a little from that of the blobs (<see cref="StoreNames.ToStored"/>).
    /// </remarks>
    /// <exception cref="StoreUnavailableException">A page could not be read.</exception>
    public static async Task<List<(string Name, BlobItemProperties Properties)>> ListAsync(
        BlobContainerClient container, AzureBlobRetry retry, string folder, string prefix, CancellationToken cancellationToken)
    {
        var found = new List<(string Name, BlobItemProperties Properties)>();
        var options = new GetBlobsOptions { Prefix = folder + StoreNames.ToStored(prefix) };
        string? continuation = null;
        do
        {
            var from = continuation;
            var page = await retry.ReadAsync(
                $"list '{folder}{prefix}'",
                async (_, token) =>
                {
                    var pages = container.GetBlobsAsync(options, token).AsPages(from);
                    await foreach (var page in pages.ConfigureAwait(false))
                        return page;
                    return null;
                },
                cancellationToken).ConfigureAwait(false);
            foreach (var blob in page?.Values ?? [])
            {
                var name = StoreNames.FromStored(blob.Name[folder.Length..]);
                if (StoreNames.AreParts(name))
                    found.Add((name, blob.Properties));
            }

            continuation = page?.ContinuationToken;
        }
        while (!string.IsNullOrEmpty(continuation));

        found.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        return found;
    }
}
