using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Clustering;
using OrleansStream.Hosting;
using OrleansStream.Security;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Security;

/// <summary>TLS between the processes of a cluster, whose silos meet through a network that sees every byte.</summary>
public sealed class SiloTlsTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>, IDisposable
{
    // Processes that start at once on a busy machine hold each other up.
    private static readonly TimeSpan RefusalMax = TimeSpan.FromMinutes(4);

    private readonly ScratchFolder _folder = new();
    private readonly TestAuthority _authority = new("Cluster");

    public void Dispose()
    {
        _authority.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Traffic_BetweenSilosAndFromAClient_IsReadableOnlyWithoutTls(bool isTls)
    {
        // Both sides of a connection name their cluster when it is opened.
        var clusterId = $"tls-marker-{isTls}".ToLowerInvariant();
        var seen = new ConcurrentQueue<byte[]>();
        await using var network = new SiloNetwork { Seen = bytes => seen.Enqueue(bytes.ToArray()) };
        var tls = isTls ? Certificate("member", _authority, TestAuthority.ForServers, TestAuthority.ForClients) : [];
        using var first = await StartSiloAsync(clusterId, network, tls);
        using var second = await StartSiloAsync(clusterId, network, tls);

        using var client = await StartClientAsync(clusterId, isTls ? Certificate("api", _authority, TestAuthority.ForClients) : []);
        var rules = await client.Services.GetRequiredService<IGrainFactory>().GetGrain<IAccessGrain>(IAccessGrain.Key).ReadAsync(
            knownVersion: null, isFresh: true);

        Assert.NotNull(rules.Rules);
        Assert.NotEmpty(seen);
        Assert.Equal(!isTls, seen.Any(bytes => bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes(clusterId)) >= 0));
        await StopAsync(client, second, first);
    }

    [Fact]
    public async Task Process_WithoutACertificateOfTheCluster_JoinsNothing()
    {
        using var foreign = new TestAuthority("Cluster");
        var member = Certificate("member", _authority, TestAuthority.ForServers, TestAuthority.ForClients);
        var otherwise = Certificate("foreign", foreign, TestAuthority.ForServers, TestAuthority.ForClients);
        var ports = SiloPorts.Find();
        await using var first = LaunchSilo(member, ports);
        await first.WaitUntilReadyAsync();

        await using var without = LaunchSilo([], SiloPorts.Find());
        await using var forged = LaunchSilo(otherwise, SiloPorts.Find());
        await using var apiWithout = LaunchApi([]);
        await using var apiForged = LaunchApi(otherwise);
        ServiceProcess[] strangers = [without, forged, apiWithout, apiForged];
        await using var second = LaunchSilo(member, SiloPorts.Find());
        await using var api = LaunchApi(Certificate("api", _authority, TestAuthority.ForClients));
        await Task.WhenAll(second.WaitUntilReadyAsync(), api.WaitUntilReadyAsync());
        await Task.WhenAll(strangers.Select(stranger => Wait.UntilAsync(
            $"{stranger.Address} tells that the member refuses it", () => Task.FromResult(stranger.Output.Any(line => IsRefusal(line, ports))), RefusalMax)));

        Assert.DoesNotContain(true, await Task.WhenAll(strangers.Select(stranger => stranger.IsReadyAsync())));
        using var client = api.Connect();
        var cluster = (await client.GetAsync("/v1/cluster")).Expect(HttpStatusCode.OK).Body!;
        Assert.Equal(2, cluster["silos"]!.AsArray().Count);
    }

    [Fact]
    public void Certificate_WhenItsFileChanges_IsReadAnewAndKeptWhileTheFilesAreOfNoUse()
    {
        var (file, key, authorities) = (_folder.PathOf("a.pem"), _folder.PathOf("a.key"), _folder.PathOf("a.ca"));
        _authority.Write(file, key, authorities, "CN=first", TestAuthority.ForClients);
        var time = new FakeTimeProvider();
        var certificates = new ClusterCertificates(file, key, authorities, time, NullLogger<ClusterCertificates>.Instance);
        Assert.Equal("CN=first", certificates.Certificate.Subject);

        // The new key is there before the new certificate: they do not belong together.
        var oldKey = File.ReadAllText(key);
        _authority.Write(_folder.PathOf("b.pem"), key, authorities, "CN=second", TestAuthority.ForClients);
        Assert.NotEqual(oldKey, File.ReadAllText(key));
        time.Advance(ClusteringLimits.CertificateRereadPeriod);
        Assert.Equal("CN=first", certificates.Certificate.Subject);
        Assert.True(certificates.Certificate.HasPrivateKey);

        File.Copy(_folder.PathOf("b.pem"), file, overwrite: true);
        Assert.Equal("CN=first", certificates.Certificate.Subject);
        time.Advance(ClusteringLimits.CertificateRereadPeriod);
        Assert.Equal("CN=second", certificates.Certificate.Subject);
    }

    [Fact]
    public void Validate_WhenTheFilesAreOfNoUse_SaysWhichSettingAndWhy()
    {
        var settings = Certificate("some", _authority, TestAuthority.ForClients).ToDictionary(setting => setting.Key.Split(':')[^1], setting => setting.Value);
        Assert.Null(FaultOf(tls => { }));
        Assert.Contains("OrleansStream:Silo:Tls:KeyFile is empty", FaultOf(tls => tls.KeyFile = null), StringComparison.Ordinal);
        Assert.Contains("none.pem", FaultOf(tls => tls.AuthoritiesFile = _folder.PathOf("none.pem")), StringComparison.Ordinal);
        Assert.Contains("OrleansStream:Silo:Tls", FaultOf(tls => tls.CertificateFile = settings["KeyFile"]), StringComparison.Ordinal);

        string? FaultOf(Action<SiloTlsOptions> change)
        {
            var options = new OrleansStreamOptions();
            (options.Silo.Tls.CertificateFile, options.Silo.Tls.KeyFile, options.Silo.Tls.AuthoritiesFile) =
                (settings["CertificateFile"], settings["KeyFile"], settings["AuthoritiesFile"]);
            change(options.Silo.Tls);
            var result = new OrleansStreamOptionsValidator().Validate(null, options);
            return result.Succeeded ? null : Assert.Single(result.Failures!);
        }
    }

    private (string Key, string Value)[] Certificate(string name, TestAuthority authority, params string[] usages)
    {
        var (file, key, authorities) = (_folder.PathOf($"{name}.pem"), _folder.PathOf($"{name}.key"), _folder.PathOf($"{name}.authorities.pem"));
        authority.Write(file, key, authorities, $"CN={name}", usages);
        return
        [
            ("OrleansStream:Silo:Tls:CertificateFile", file), ("OrleansStream:Silo:Tls:KeyFile", key), ("OrleansStream:Silo:Tls:AuthoritiesFile", authorities),
        ];
    }

    // What Orleans logs when a connection to a silo or to its gateway is not accepted.
    private static bool IsRefusal(string line, SiloPorts ports) =>
        line.Contains("Connection attempt to endpoint", StringComparison.Ordinal)
        && (line.Contains($":{ports.Silo}", StringComparison.Ordinal) || line.Contains($":{ports.Gateway}", StringComparison.Ordinal));

    private ServiceProcess LaunchSilo((string Key, string Value)[] tls, SiloPorts ports) => ServiceProcess.LaunchNode(
        Repository.SiloAssembly, ports.Health, Environment("tls-strangers", [.. tls, .. PlaceOf(ports)]));

    private ServiceProcess LaunchApi((string Key, string Value)[] tls) => ServiceProcess.LaunchNode(
        Repository.ServiceAssembly, FreePort.Find(), Environment("tls-strangers", [.. tls, ("OrleansStream:Silo:Embedded", "false")]));

    private (string Key, string Value)[] Environment(string clusterId, (string Key, string Value)[] settings) =>
        [.. SettingsOf(clusterId, settings).Select(setting => (setting.Key.Replace(":", "__", StringComparison.Ordinal), setting.Value))];

    private static (string Key, string Value)[] PlaceOf(SiloPorts ports) =>
    [
        ("OrleansStream:Silo:AdvertisedAddress", "127.0.0.1"),
        ("OrleansStream:Silo:SiloPort", $"{ports.Silo}"), ("OrleansStream:Silo:GatewayPort", $"{ports.Gateway}"),
    ];

    private (string Key, string Value)[] SettingsOf(string clusterId, (string Key, string Value)[] settings) =>
    [
        .. settings,
        ("OrleansStream:Storage:Provider", "AzureBlobs"), ("OrleansStream:Storage:AzureBlobs:ConnectionString", azurite.ConnectionString),
        ("OrleansStream:Storage:AzureBlobs:Container", clusterId), ("OrleansStream:Silo:ClusterId", clusterId),
    ];

    private async Task<IHost> StartSiloAsync(string clusterId, SiloNetwork network, (string Key, string Value)[] tls)
    {
        var (ports, address) = (SiloPorts.Find(), network.NextAddress());
        network.Lead(ports.Silo, address, "silo");
        network.Lead(ports.Gateway, address, "silo");
        var builder = BuilderOf(clusterId, [.. tls, .. PlaceOf(ports), ("OrleansStream:Silo:ListenAddress", $"{address}")]);
        builder.AddOrleansStreamSilo();
        return await StartAsync(builder.Build(), isSilo: true);
    }

    private async Task<IHost> StartClientAsync(string clusterId, (string Key, string Value)[] tls)
    {
        var builder = BuilderOf(clusterId, [.. tls, ("OrleansStream:Silo:Embedded", "false")]);
        builder.AddOrleansStreamClient();
        return await StartAsync(builder.Build(), isSilo: false);
    }

    private HostApplicationBuilder BuilderOf(string clusterId, (string Key, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(
            SettingsOf(clusterId, settings).Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)));
        return builder;
    }

    private static async Task<IHost> StartAsync(IHost host, bool isSilo)
    {
        await host.Services.GetRequiredService<OpenStores>().PrepareAsync(isSilo);
        await host.StartAsync(TestContext.Current.CancellationToken);
        return host;
    }

    private static async Task StopAsync(params IHost[] hosts)
    {
        foreach (var host in hosts)
            await host.StopAsync(TestContext.Current.CancellationToken);
    }
}
