namespace OrleansStream.Hosting;

/// <summary>The service's settings: section <c>OrleansStream</c>, in the environment <c>OrleansStream__…</c>.</summary>
public sealed class OrleansStreamOptions
{
    /// <summary>The configuration section's name.</summary>
    public const string SectionName = "OrleansStream";

    /// <summary>Settings of the storage for all durable data.</summary>
    public StorageOptions Storage { get; set; } = new();

    /// <summary>The silo of this process, or the cluster it is a client of.</summary>
    public SiloOptions Silo { get; set; } = new();
}

/// <summary>Settings of the storage for all durable data.</summary>
public sealed class StorageOptions
{
    /// <summary>The provider of a local folder, which one process owns.</summary>
    public const string FilesProvider = "Files";

    /// <summary>The provider of an Azure Storage account, which all silos share.</summary>
    public const string AzureBlobsProvider = "AzureBlobs";

    /// <summary>The provider for tests, which keeps everything in this process's memory and loses it when the process ends.</summary>
    public const string MemoryProvider = "Memory";

    /// <summary><c>Files</c> or <c>AzureBlobs</c>. Default <c>Files</c>.</summary>
    public string Provider { get; set; } = FilesProvider;

    /// <summary>Settings of <c>Files</c>.</summary>
    public FilesStorageOptions Files { get; set; } = new();

    /// <summary>Settings of <c>AzureBlobs</c>.</summary>
    public AzureBlobsStorageOptions AzureBlobs { get; set; } = new();
}

/// <summary>Settings of the storage in a local folder.</summary>
public sealed class FilesStorageOptions
{
    /// <summary>The folder, which is created if it is missing. Default <c>data</c> in the folder in which the process is started.</summary>
    public string Directory { get; set; } = "data";
}

/// <summary>Settings of the storage in an Azure Storage account.</summary>
public sealed class AzureBlobsStorageOptions
{
    /// <summary>The account's blob endpoint. The process signs in with its managed identity.</summary>
    public Uri? ServiceUri { get; set; }

    /// <summary>A connection string, in place of <see cref="ServiceUri"/>.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>The container. Default <c>orleansstream</c>.</summary>
    public string Container { get; set; } = "orleansstream";

    /// <summary>
    /// The most appends per second of a silo, over all its partitions: 1 to 10,000, or null for no bound of its own. The records of appends that wait
    /// for their turn are combined, and the append that has waited longest goes first. Default null.
    /// </summary>
    public int? AppendsPerSecondMax { get; set; }

    /// <summary>The unit prices from which a silo computes its cost.</summary>
    public BlobPrices Prices { get; set; } = new();
}

/// <summary>
/// Unit prices of an account, in any one currency. The defaults are the list prices in USD of Standard ZRS, East US, on 2026-11-22.
/// </summary>
public sealed class BlobPrices
{
    /// <summary>The price of a GB (10^9 bytes) stored for a month. Default 0.023.</summary>
    public double GbMonth { get; set; } = 0.023;

    /// <summary>The price of 10,000 writes. Default 0.0625.</summary>
    public double WritesPer10000 { get; set; } = 0.0625;

    /// <summary>The price of 10,000 reads. Default 0.005.</summary>
    public double ReadsPer10000 { get; set; } = 0.005;
}

/// <summary>The silo of this process, or the cluster it is a client of.</summary>
public sealed class SiloOptions
{
    /// <summary>True to host a silo in the Api's process, false to be a client of a cluster. Default true.</summary>
    public bool Embedded { get; set; } = true;

    /// <summary>The cluster's id: silos with the same id form a cluster. Letters, digits, '.' and '-'. Default <c>orleansstream</c>.</summary>
    public string ClusterId { get; set; } = "orleansstream";

    /// <summary>The service's id, part of the names of grain states; it never changes. Default <c>orleansstream</c>.</summary>
    public string ServiceId { get; set; } = "orleansstream";

    /// <summary>The port at which other silos reach this one. Default: a free one when no other silo can share the storage, else 11111.</summary>
    public int? SiloPort { get; set; }

    /// <summary>
    /// The port at which clients reach this silo; 0 for none. Default: none when no other process can share the storage, else 30000.
    /// </summary>
    public int? GatewayPort { get; set; }

    /// <summary>The IP address that this silo advertises to others. Default: this machine's own, or loopback when the silo has no others.</summary>
    public string? AdvertisedAddress { get; set; }

    /// <summary>The IP address to listen on. Default: the advertised one.</summary>
    public string? ListenAddress { get; set; }

    /// <summary>
    /// True to append to and read from the partitions that this process leads directly; false to always call their grains, which costs more and
    /// promises the same. Default true.
    /// </summary>
    public bool DirectCalls { get; set; } = true;

    /// <summary>TLS between the silos, and between Api nodes and silos. Default: none.</summary>
    public SiloTlsOptions Tls { get; set; } = new();
}

/// <summary>Mutual TLS between all processes of a cluster. All of them have it, or none. All files are in PEM.</summary>
public sealed class SiloTlsOptions
{
    /// <summary>
    /// The file with this process's certificate. A silo's must be allowed for server and for client authentication, an Api node's for client
    /// authentication. Default none.
    /// </summary>
    public string? CertificateFile { get; set; }

    /// <summary>The file with the private key of the certificate, not encrypted. Default none.</summary>
    public string? KeyFile { get; set; }

    /// <summary>
    /// The file with the certificates of the authorities that issue the certificates of this cluster's processes. Whoever has a certificate of these
    /// authorities is a member of the cluster, so they must issue to nobody else. Default none.
    /// </summary>
    public string? AuthoritiesFile { get; set; }

    /// <summary>True when TLS is configured.</summary>
    public bool IsSet => !string.IsNullOrEmpty(CertificateFile);
}
