using System.Diagnostics;

namespace OrleansStream.Tests.Support.Stores;

/// <summary>The tests that share one Azurite.</summary>
[CollectionDefinition(Name)]
public sealed class AzuriteCollection : ICollectionFixture<AzuriteFixture>
{
    public const string Name = "Azurite";
}

/// <summary>An Azure blob service on this machine: the npm package <c>azurite</c>, in memory, on a loopback port of its own.</summary>
public sealed class AzuriteFixture : IAsyncLifetime
{
    private const string Announcement = "successfully listens on ";
    private const string Account = "devstoreaccount1";

    // The emulator's published account key; it opens nothing else.
    private const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(1);
    private Process? _process;

    public string ConnectionString { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        _process = new Process { StartInfo = CreateStart(), EnableRaisingEvents = true };
        var address = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        _process.OutputDataReceived += (_, line) =>
        {
            if (line.Data?.Split(Announcement) is [_, var found])
                address.TrySetResult(found.Trim());
        };
        _process.ErrorDataReceived += (_, _) => { };
        _process.Exited += (_, _) => address.TrySetException(new InvalidOperationException("Azurite ended before it listened."));
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        ConnectionString = $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={Key};"
            + $"BlobEndpoint={await address.Task.WaitAsync(StartTimeout)}/{Account};";
    }

    public ValueTask DisposeAsync()
    {
        Stop();
        return default;
    }

    private static ProcessStartInfo CreateStart() => new("node")
    {
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        ArgumentList =
        {
            "--require", Path.Join(AppContext.BaseDirectory, "Foreign", "azurite-settings.cjs"),
            FindProgram(), "--inMemoryPersistence", "--disableTelemetry", "--blobHost", "127.0.0.1", "--blobPort", "0",
        },
    };

    private static string FindProgram()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var program = Path.Join(folder.FullName, "infra", "azurite", "node_modules", "azurite", "dist", "src", "blob", "main.js");
            if (File.Exists(program))
                return program;
        }

        throw new InvalidOperationException("The npm package azurite is not installed: build the tests with Node there.");
    }

    private void Stop()
    {
        if (_process is null)
            return;
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
        _process = null;
    }
}
