namespace OrleansStream.Comparison.Processes;

/// <summary>The blob store's emulator, which tells of each request it serves.</summary>
internal sealed class Azurite : IDisposable
{
    private const string Announcement = "successfully listens on ";
    private const string Account = "devstoreaccount1";

    // The emulator's published account key; it opens nothing else.
    private const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    private readonly ChildProcess _process;
    private long _appends;
    private volatile string? _address;

    private Azurite(string program) => _process = ChildProcess.Start(
        "node", [program, "--inMemoryPersistence", "--disableTelemetry", "--blobHost", "127.0.0.1", "--blobPort", "0"], onLine: Note);

    /// <summary>The appends of blocks that it has served.</summary>
    public long AppendCount => Interlocked.Read(ref _appends);

    /// <summary>What a service of this account is started with.</summary>
    public IReadOnlyList<(string Key, string Value)> Environment =>
    [
        ("OrleansStream__Storage__Provider", "AzureBlobs"),
        ("OrleansStream__Storage__AzureBlobs__ConnectionString",
            $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={Key};BlobEndpoint={_address}/{Account};"),
    ];

    /// <summary>Starts one.</summary>
    /// <returns>Null when Node.js or the package is not there.</returns>
    public static async Task<Azurite?> StartAsync()
    {
        if (ChildProcess.Find("node") is null || !File.Exists(Repository.Azurite))
            return null;
        var azurite = new Azurite(Repository.Azurite);
        try
        {
            await azurite._process.WaitUntilAsync("Azurite", () => Task.FromResult(azurite._address is not null));
            return azurite;
        }
        catch
        {
            azurite.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _process.Dispose();

    private void Note(string line)
    {
        if (line.Contains("comp=appendblock", StringComparison.Ordinal))
            Interlocked.Increment(ref _appends);
        else if (line.Split(Announcement) is [_, var address])
            _address = address.Trim();
    }
}
