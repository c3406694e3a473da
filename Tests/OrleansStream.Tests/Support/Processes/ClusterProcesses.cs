using System.Net;

namespace OrleansStream.Tests.Support.Processes;

/// <summary>A whole cluster on the loopback: silos and Api nodes, each a process of its own, over one storage account.</summary>
internal sealed class ClusterProcesses : IAsyncDisposable
{
    private const string ConnectionStringKey = "OrleansStream__Storage__AzureBlobs__ConnectionString";

    private readonly (string Key, string Value)[] _storage;
    private readonly List<ClusterSilo> _silos = [];
    private readonly List<ServiceProcess> _apis = [];
    private readonly List<SiloPorts> _embedded = [];
    private readonly ClusterLines? _lines;
    private readonly (string Key, string Value)[] _apiSettings;
    private bool _areBrokers;

    private ClusterProcesses(
        string connectionString, string container, ClusterLines? lines = null, (string Key, string Value)[]? apiSettings = null,
        (string Key, string Value)[]? settings = null)
    {
        (_lines, _apiSettings) = (lines, apiSettings ?? []);
        _storage =
        [
            ("OrleansStream__Storage__Provider", "AzureBlobs"),
            (ConnectionStringKey, connectionString),
            ("OrleansStream__Storage__AzureBlobs__Container", container),
            .. settings ?? [],
        ];
    }

    /// <summary>The silos that have not been killed.</summary>
    public IReadOnlyList<ClusterSilo> Silos => _silos;

    /// <summary>What Kafka clients take as <c>bootstrap.servers</c>, where the silos are brokers.</summary>
    public string Bootstrap => string.Join(',', _silos.Select(silo => $"127.0.0.1:{silo.Ports.Kafka}"));

    /// <summary>Where the Api nodes serve; the same after <see cref="StartAgainAsync"/>.</summary>
    public IReadOnlyList<Uri> Apis => [.. _apis.Select(api => api.Address)];

    /// <summary>Starts a cluster in a container of its own and waits until all of it serves.</summary>
    /// <param name="connectionString">The account.</param>
    /// <param name="container">The container.</param>
    /// <param name="silos">How many silos.</param>
    /// <param name="apis">How many Api nodes.</param>
    /// <param name="lines">What the silos use to reach each other and the account; null for nothing between them.</param>
    /// <param name="apiSettings">Further environment of the Api nodes.</param>
    public static Task<ClusterProcesses> StartAsync(
        string connectionString, string container, int silos, int apis, ClusterLines? lines = null,
        params (string Key, string Value)[] apiSettings) =>
        StartAsync(new ClusterProcesses(connectionString, container, lines, apiSettings), silos, apis);

    /// <summary>Starts a cluster whose processes all have further environment.</summary>
    public static Task<ClusterProcesses> StartWithAsync(
        string connectionString, string container, int silos, int apis, params (string Key, string Value)[] settings) =>
        StartAsync(new ClusterProcesses(connectionString, container, settings: settings), silos, apis);

    private static async Task<ClusterProcesses> StartAsync(ClusterProcesses cluster, int silos, int apis)
    {
        try
        {
            // The first one makes the container and the table of members.
            await cluster.AddSiloAsync();
            for (var i = 1; i < silos; i++)
                cluster._silos.Add(cluster.Launch(SiloPorts.Find()));
            for (var i = 0; i < apis; i++)
                cluster._apis.Add(cluster.LaunchApi(FreePort.Find(), i));
            await cluster.WaitUntilReadyAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts silos that serve Kafka clients, and no Api nodes, and waits until all serve.</summary>
    public static async Task<ClusterProcesses> StartBrokersAsync(string connectionString, string container, int silos)
    {
        var cluster = new ClusterProcesses(connectionString, container) { _areBrokers = true };
        try
        {
            for (var i = 0; i < silos; i++)
                await cluster.AddSiloAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts Api nodes that host a silo in their own process, and no others, and waits until all serve.</summary>
    public static async Task<ClusterProcesses> StartEmbeddedAsync(string connectionString, string container, int nodes)
    {
        var cluster = new ClusterProcesses(connectionString, container);
        try
        {
            for (var i = 0; i < nodes; i++)
            {
                cluster._embedded.Add(SiloPorts.Find());
                cluster._apis.Add(cluster.LaunchApi(cluster._embedded[i].Health, i));
                await cluster._apis[i].WaitUntilReadyAsync();
            }

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Kills an Api node; its place stays.</summary>
    public Task KillApiAsync(int api) => _apis[api].KillAsync();

    /// <summary>Starts an Api node again where it was, and waits until it serves.</summary>
    public async Task StartApiAgainAsync(int api)
    {
        var port = _apis[api].Address.Port;
        await _apis[api].DisposeAsync();
        _apis[api] = LaunchApi(port, api);
        await _apis[api].WaitUntilReadyAsync();
    }

    /// <summary>Adds a silo and waits until it serves.</summary>
    /// <param name="connectionString">Its own way to the account; null for that of all.</param>
    /// <param name="withApi">True for an Api node with the silo in its process.</param>
    public async Task<ClusterSilo> AddSiloAsync(string? connectionString = null, bool withApi = false)
    {
        var silo = Launch(SiloPorts.Find(), connectionString, withApi);
        _silos.Add(silo);
        await silo.Process.WaitUntilReadyAsync();
        return silo;
    }

    /// <summary>Starts a silo in the place of each that has ended, and waits until all serve.</summary>
    /// <exception cref="TimeoutException">One that has not ended does not serve either within the patience.</exception>
    public async Task ReplaceMissingAsync(int silos, TimeSpan patience)
    {
        var ended = new List<string>();
        try
        {
            await Wait.UntilAsync("every silo is ready", async () =>
            {
                // One that others took for dead may find that out only now, and end; so may one whose store did not answer in time when it
                // started. They are started again, as a supervisor does.
                ended.AddRange(await StartMissingAsync(silos));
                return (await Task.WhenAll(_silos.Select(silo => silo.Process.IsReadyAsync()))).All(isReady => isReady);
            }, patience);
        }
        catch (TimeoutException exception)
        {
            var stories = ended.Concat(await Task.WhenAll(_silos.Select(silo => silo.Process.DescribeAsync())));
            throw new TimeoutException($"{exception.Message} {ended.Count} ended meanwhile.\n{string.Join("\n\n", stories)}", exception);
        }
    }

    /// <inheritdoc cref="ReplaceMissingAsync(int, TimeSpan)"/>
    public Task ReplaceMissingAsync(int silos) => ReplaceMissingAsync(silos, Wait.Patience);

    // Tells what those that had ended said last.
    private async Task<List<string>> StartMissingAsync(int silos)
    {
        var stories = new List<string>();
        foreach (var gone in _silos.FindAll(silo => silo.Process.HasExited))
        {
            stories.Add(await gone.Process.DescribeAsync());
            await KillAsync(gone);
        }

        while (_silos.Count < silos)
            _silos.Add(Launch(SiloPorts.Find()));
        return stories;
    }

    /// <summary>Kills a silo.</summary>
    public async Task KillAsync(ClusterSilo silo)
    {
        _silos.Remove(silo);
        await silo.Process.DisposeAsync();
    }

    /// <summary>Stops a silo as a service manager does.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> StopAsync(ClusterSilo silo)
    {
        var exitCode = await silo.Process.StopAsync();
        await KillAsync(silo);
        return exitCode;
    }

    /// <summary>Stops the first Api node as a service manager does.</summary>
    /// <returns>Its exit code.</returns>
    public Task<int> StopApiAsync() => _apis[0].StopAsync();

    /// <summary>Kills every process at once.</summary>
    public Task KillAllAsync() => Task.WhenAll(Processes.Select(process => process.KillAsync()));

    /// <summary>Starts everything again where it was, all at once, as the machines come back after a power cut.</summary>
    public Task StartAgainAsync() => StartAtAsync(_silos.ConvertAll(silo => silo.Ports));

    /// <summary>Starts everything again, the silos on other ports, as containers come back on other machines.</summary>
    public Task StartElsewhereAsync() => StartAtAsync(_silos.ConvertAll(_ => SiloPorts.Find()));

    private async Task StartAtAsync(List<SiloPorts> ports)
    {
        var apiPorts = _apis.ConvertAll(api => api.Address.Port);
        await DisposeAsync();
        _silos.AddRange(ports.Select(port => Launch(port)));
        _apis.AddRange(apiPorts.Select(LaunchApi));
        await WaitUntilReadyAsync();
    }

    /// <summary>Asks the first Api which silo leads each partition, until all have one that is not among the gone ones.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="key">An API key; null where nobody signs in.</param>
    public async Task<ClusterSilo[]> FindLeadersAsync(string topic, string? key = null)
    {
        using var client = new ServiceClient(_apis[0].Address);
        if (key is not null)
            client.SignIn(key);
        ClusterSilo?[] leaders = [];
        await Wait.UntilAsync($"every partition of {topic} has a leader", async () =>
        {
            var answer = await client.GetAsync($"/v1/topics/{topic}/partitions");
            if (answer.Status != HttpStatusCode.OK)
                return false;
            leaders = [.. answer.Body!["partitions"]!.AsArray().Select(partition => partition!["error"] is null
                ? _silos.Find(silo => ((string)partition["leader"]!).Contains($":{silo.Ports.Silo}@", StringComparison.Ordinal))
                : null)];
            return Array.TrueForAll(leaders, leader => leader is not null);
        });
        return leaders!;
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(Processes.Select(process => process.DisposeAsync().AsTask()));
        _silos.Clear();
        _apis.Clear();
    }

    private IEnumerable<ServiceProcess> Processes => [.. _silos.Select(silo => silo.Process), .. _apis];

    private Task WaitUntilReadyAsync() => Task.WhenAll(Processes.Select(process => process.WaitUntilReadyAsync()));

    private ClusterSilo Launch(SiloPorts ports, string? connectionString = null, bool withApi = false)
    {
        var place = _lines?.Take(ports);
        var process = ServiceProcess.LaunchNode(
            withApi ? Repository.ServiceAssembly : Repository.SiloAssembly,
            ports.Health,
            [
                .. _storage,
                .. connectionString is null ? [] : new[] { (ConnectionStringKey, connectionString) },
                .. SettingsOf(ports),
                .. _areBrokers ? [(TestEnvironment.KafkaEnabled, "true"), ("OrleansStream__Kafka__Listen", $"127.0.0.1:{ports.Kafka}")] : Array.Empty<(string, string)>(),
                .. place?.Settings ?? [],
            ]);
        if (place is { } taken)
            _lines!.Started(taken.Slot, process);
        return new ClusterSilo(ports, process);
    }

    private ServiceProcess LaunchApi(int port, int index)
    {
        var process = ServiceProcess.LaunchNode(
            Repository.ServiceAssembly,
            port,
            [.. _storage, .. _apiSettings, .. _embedded.Count > index ? SettingsOf(_embedded[index]) : [("OrleansStream__Silo__Embedded", "false")]]);
        _lines?.Started(process);
        return process;
    }

    private static (string Key, string Value)[] SettingsOf(SiloPorts ports) =>
    [
        ("OrleansStream__Silo__AdvertisedAddress", "127.0.0.1"),
        ("OrleansStream__Silo__SiloPort", $"{ports.Silo}"),
        ("OrleansStream__Silo__GatewayPort", $"{ports.Gateway}"),
    ];
}

/// <summary>The ports of a silo.</summary>
internal readonly record struct SiloPorts(int Silo, int Gateway, int Health, int Kafka)
{
    public static SiloPorts Find() => new(FreePort.Find(), FreePort.Find(), FreePort.Find(), FreePort.Find());
}

/// <summary>A silo of a cluster.</summary>
internal sealed record ClusterSilo(SiloPorts Ports, ServiceProcess Process)
{
    public override string ToString() => $"silo {Ports.Silo}";
}
