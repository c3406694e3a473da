using System.Buffers;
using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;
using OrleansStream.Clustering;
using OrleansStream.Storage.Azure;

namespace OrleansStream.Hosting;

/// <summary>Checks the settings at start. Each message names the key, its value, and the allowed values.</summary>
internal sealed partial class OrleansStreamOptionsValidator : IValidateOptions<OrleansStreamOptions>
{
    private const string Section = OrleansStreamOptions.SectionName;

    private static readonly SearchValues<char> IdCharacters =
        SearchValues.Create("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-");

    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, OrleansStreamOptions options)
    {
        string[] failures = [.. CheckStorage(options.Storage), .. CheckSilo(options), .. CheckTls(options.Silo.Tls)];
        return failures.Length == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static IEnumerable<string> CheckStorage(StorageOptions storage)
    {
        switch (storage.Provider)
        {
            case StorageOptions.MemoryProvider:
                break;
            case StorageOptions.FilesProvider:
                if (string.IsNullOrWhiteSpace(storage.Files.Directory))
                    yield return $"{Section}:Storage:Files:Directory is empty; it must be a folder's path.";
                break;
            case StorageOptions.AzureBlobsProvider:
                foreach (var failure in CheckAzureBlobs(storage.AzureBlobs))
                    yield return failure;
                break;
            default:
                yield return $"{Section}:Storage:Provider is '{storage.Provider}'; it must be "
                    + $"{StorageOptions.FilesProvider} or {StorageOptions.AzureBlobsProvider}.";
                break;
        }
    }

    private static IEnumerable<string> CheckAzureBlobs(AzureBlobsStorageOptions blobs)
    {
        const string key = $"{Section}:Storage:AzureBlobs";
        if (blobs.ServiceUri is null == string.IsNullOrWhiteSpace(blobs.ConnectionString))
        {
            yield return $"{key}:ServiceUri and {key}:ConnectionString are both "
                + $"{(blobs.ServiceUri is null ? "empty" : "set")}; exactly one must be set.";
        }

        // Tokens are only sent over https.
        if (blobs.ServiceUri is { } uri && (!uri.IsAbsoluteUri || uri.Scheme != Uri.UriSchemeHttps))
            yield return $"{key}:ServiceUri is '{uri}'; it must be the account's blob endpoint, https://….";
        // The connection string has a key, so the message does not show it.
        if (!string.IsNullOrWhiteSpace(blobs.ConnectionString) && !AzureBlobContainer.IsConnectionString(blobs.ConnectionString))
        {
            yield return $"{key}:ConnectionString is malformed; it must be as the account's page 'Access keys' shows it: "
                + "DefaultEndpointsProtocol=https;AccountName=…;AccountKey=….";
        }

        if (!ContainerName().IsMatch(blobs.Container))
        {
            yield return $"{key}:Container is '{blobs.Container}'; it must be 3 to 63 lower-case letters, digits and single "
                + "hyphens, beginning and ending with a letter or digit.";
        }

        if (blobs.AppendsPerSecondMax is < 1 or > ClusterLimits.AppendsPerSecondMax)
        {
            yield return $"{key}:AppendsPerSecondMax is {blobs.AppendsPerSecondMax}; it must be from 1 to {ClusterLimits.AppendsPerSecondMax}, "
                + "or absent for no bound.";
        }

        foreach (var (name, price) in new[]
        {
            (nameof(BlobPrices.GbMonth), blobs.Prices.GbMonth), (nameof(BlobPrices.WritesPer10000), blobs.Prices.WritesPer10000),
            (nameof(BlobPrices.ReadsPer10000), blobs.Prices.ReadsPer10000),
        })
        {
            if (!(price is >= 0 and < double.PositiveInfinity))
                yield return $"{key}:Prices:{name} is {price}; it must be a price, 0 or more.";
        }
    }

    [GeneratedRegex("^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$")]
    private static partial Regex ContainerName();

    private static IEnumerable<string> CheckSilo(OrleansStreamOptions options)
    {
        var silo = options.Silo;
        if (!silo.Embedded && options.Storage.Provider != StorageOptions.AzureBlobsProvider)
        {
            yield return $"{Section}:Silo:Embedded is false with {Section}:Storage:Provider {options.Storage.Provider}, which one "
                + $"process owns; a client of a cluster needs {StorageOptions.AzureBlobsProvider}.";
        }

        foreach (var (key, id) in new[] { ("ClusterId", silo.ClusterId), ("ServiceId", silo.ServiceId) })
        {
            if (id.Length is 0 or > ClusterLimits.IdLengthMax || id is "." or ".." || id.AsSpan().ContainsAnyExcept(IdCharacters))
                yield return $"{Section}:Silo:{key} is '{id}'; it must be 1 to {ClusterLimits.IdLengthMax} letters, digits, '.' or '-'.";
        }

        if (silo.SiloPort is < 1 or > IPEndPoint.MaxPort)
            yield return $"{Section}:Silo:SiloPort is {silo.SiloPort}; it must be from 1 to {IPEndPoint.MaxPort}.";
        if (silo.GatewayPort is < 0 or > IPEndPoint.MaxPort)
            yield return $"{Section}:Silo:GatewayPort is {silo.GatewayPort}; it must be from 1 to {IPEndPoint.MaxPort}, or 0 for none.";

        foreach (var (key, address) in new[] { ("AdvertisedAddress", silo.AdvertisedAddress), ("ListenAddress", silo.ListenAddress) })
        {
            if (address is not null && !IPAddress.TryParse(address, out _))
                yield return $"{Section}:Silo:{key} is '{address}'; it must be an IP address.";
        }
    }

    private static IEnumerable<string> CheckTls(SiloTlsOptions tls)
    {
        const string key = $"{Section}:Silo:Tls";
        (string Key, string? File)[] files =
            [("CertificateFile", tls.CertificateFile), ("KeyFile", tls.KeyFile), ("AuthoritiesFile", tls.AuthoritiesFile)];
        if (files.All(file => string.IsNullOrEmpty(file.File)))
            yield break;
        string[] missing = [.. files.Where(file => string.IsNullOrEmpty(file.File)).Select(file => $"{key}:{file.Key}")];
        if (missing.Length > 0)
            yield return $"{string.Join(" and ", missing)} is empty; {key} needs CertificateFile, KeyFile and AuthoritiesFile, or none of them.";
        else if (ClusterCertificates.FindFault(tls.CertificateFile!, tls.KeyFile!, tls.AuthoritiesFile!) is { } fault)
            yield return $"The files of {key} cannot be used: {fault}";
    }
}
