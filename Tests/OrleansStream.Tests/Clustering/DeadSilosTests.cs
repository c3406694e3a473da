using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansStream.Clustering;
using OrleansStream.Storage.Memory;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Clustering;

/// <summary>Silos that join while the table has silos which were killed, and whose ports nobody has.</summary>
public sealed class DeadSilosTests : IAsyncDisposable
{
    private static readonly TimeSpan JoinSilenceMax = TimeSpan.FromSeconds(1);

    private readonly MemoryDocumentStore _documents = new();
    private readonly IOptions<ClusterOptions> _cluster = Options.Create(new ClusterOptions { ClusterId = "dead-silos", ServiceId = "s" });
    private readonly List<IHost> _hosts = [];

    [Fact]
    public async Task Join_WhenSilosBeforeWereKilled_DeclaresThemDeadAndNoneThatLives()
    {
        var first = await KilledAsync(1);
        var second = await KilledAsync(2);
        var living = await JoinAsync();
        Assert.Equal([SiloStatus.Dead, SiloStatus.Dead, SiloStatus.Active], await StatusesAsync(first, second, living));

        // Beside one that lives, a killed one is outvoted or not, but never the living one.
        var third = await KilledAsync(3);
        var joined = await JoinAsync();
        Assert.Equal([SiloStatus.Dead, SiloStatus.Active, SiloStatus.Active], await StatusesAsync(third, living, joined));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts)
            await host.StopAsync();
        foreach (var host in _hosts)
            host.Dispose();
    }

    /// <summary>Writes the row of a silo that was active until a moment ago.</summary>
    private async Task<SiloAddress> KilledAsync(int generation)
    {
        var table = new DocumentMembershipTable(_documents, _cluster);
        await table.InitializeMembershipTable(tryInitTableVersion: true);
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        var killed = SiloAddress.New(new IPEndPoint(IPAddress.Loopback, FreePort.Find()), generation);
        var entry = new MembershipEntry
        {
            SiloAddress = killed, Status = SiloStatus.Active, HostName = "host", SiloName = $"killed-{generation}", StartTime = now, IAmAliveTime = now,
        };
        Assert.True(await table.InsertRow(entry, (await table.ReadAll()).Version.Next()));
        return killed;
    }

    /// <summary>Starts a silo, which is a member when this returns.</summary>
    private async Task<SiloAddress> JoinAsync()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleans(silo =>
        {
            silo.Services.Configure<ClusterOptions>(
                cluster => (cluster.ClusterId, cluster.ServiceId) = (_cluster.Value.ClusterId, _cluster.Value.ServiceId));
            silo.Services.Configure<EndpointOptions>(endpoints =>
                (endpoints.AdvertisedIPAddress, endpoints.SiloPort, endpoints.GatewayPort) = (IPAddress.Loopback, FreePort.Find(), 0));
            silo.Services.Configure<ClusterMembershipOptions>(membership =>
            {
                membership.ProbeTimeout = TimeSpan.FromMilliseconds(500);
                membership.TableRefreshTimeout = TimeSpan.FromMilliseconds(300);
                membership.EnableConnectionLivenessCheck = false;
            });
            silo.Services.AddSingleton<IMembershipTable>(services => new OwnClockMembershipTable(
                new DocumentMembershipTable(_documents, _cluster), services.GetRequiredService<ILocalSiloDetails>().SiloAddress,
                TimeSpan.FromSeconds(90), JoinSilenceMax, TimeProvider.System));
        });
        var host = builder.Build();
        _hosts.Add(host);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30), TimeProvider.System);
        await host.StartAsync(patience.Token);
        return host.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress;
    }

    private async Task<SiloStatus[]> StatusesAsync(params SiloAddress[] silos)
    {
        var read = await new DocumentMembershipTable(_documents, _cluster).ReadAll();
        return [.. silos.Select(silo => read.TryGet(silo)!.Item1.Status)];
    }
}
