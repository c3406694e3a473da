using System.Net;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansStream.Clustering;
using OrleansStream.Storage;
using OrleansStream.Storage.Files;
using OrleansStream.Storage.Memory;

namespace OrleansStream.Tests.Clustering;

/// <summary>What Orleans expects of a membership table, over any document store.</summary>
public abstract class DocumentMembershipTableConformance : IDisposable
{
    private static readonly DateTime Start = new(2026, 6, 11, 19, 0, 0, DateTimeKind.Utc);
    // One of its own: tests over an account share its container.
    private readonly string _clusterId = $"c-{Guid.NewGuid():N}";
    private DocumentMembershipTable? _table;

    protected abstract IDocumentStore Documents { get; }

    private IOptions<ClusterOptions> Cluster => Options.Create(new ClusterOptions { ClusterId = _clusterId });

    private DocumentMembershipTable Table => _table ??= new DocumentMembershipTable(Documents, Cluster);

    [Fact]
    public async Task ReadAll_WhenTableIsNew_IsEmptyAtVersionZero()
    {
        var data = await InitAsync();
        Assert.Empty(data.Members);
        Assert.Equal(0, data.Version.Version);
    }

    [Fact]
    public async Task InitializeMembershipTable_WhenThereIsOne_LeavesIt()
    {
        await InsertAsync(Entry(1));
        var before = await Table.ReadAll();
        Assert.Equal(before.Version, (await InitAsync()).Version);
        Assert.Single(before.Members);
    }

    [Fact]
    public async Task InsertRow_WhenVersionIsNext_IsReadBackWhole()
    {
        await InitAsync();
        var entry = Entry(1);
        entry.AddSuspector(Entry(2).SiloAddress, Start.AddMinutes(1));
        Assert.True(await Table.InsertRow(entry, (await Table.ReadAll()).Version.Next()));

        var data = await Table.ReadRow(entry.SiloAddress);
        Assert.Equal(1, data.Version.Version);
        Assert.Equal(entry.ToFullString(), Assert.Single(data.Members).Item1.ToFullString());
    }

    [Fact]
    public async Task InsertRow_WhenRowExistsOrVersionIsStale_IsRefused()
    {
        await InitAsync();
        var first = (await Table.ReadAll()).Version.Next();
        Assert.True(await Table.InsertRow(Entry(1), first));

        Assert.False(await Table.InsertRow(Entry(1), (await Table.ReadAll()).Version.Next()));
        Assert.False(await Table.InsertRow(Entry(2), first));
        Assert.Single((await Table.ReadAll()).Members);
    }

    [Fact]
    public async Task UpdateRow_WhenETagOrVersionIsStale_IsRefused()
    {
        await InsertAsync(Entry(1));
        var before = await Table.ReadAll();
        var eTag = before.Members[0].Item2;
        var changed = Entry(1, SiloStatus.Dead);
        Assert.False(await Table.UpdateRow(changed, "other", before.Version.Next()));
        Assert.False(await Table.UpdateRow(Entry(9), eTag, before.Version.Next()));
        Assert.True(await Table.UpdateRow(changed, eTag, before.Version.Next()));

        var after = await Table.ReadAll();
        Assert.False(await Table.UpdateRow(changed, after.Members[0].Item2, before.Version.Next()));
        Assert.False(await Table.UpdateRow(changed, eTag, after.Version.Next()));
        Assert.Equal(SiloStatus.Dead, after.Members[0].Item1.Status);
        Assert.Equal(2, after.Version.Version);
    }

    [Fact]
    public async Task InsertRow_WhenTwentyComeAtOnce_LetsOneThrough()
    {
        var next = (await InitAsync()).Version.Next();
        var inserted = await Task.WhenAll(Enumerable.Range(1, 20).Select(i => Table.InsertRow(Entry(i), next)));
        Assert.Single(inserted, done => done);
    }

    [Fact]
    public async Task UpdateRow_WhenTwentyUpdateUntilTheySucceed_EndsAtTheirCount()
    {
        await InsertAsync(Entry(1));
        await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            for (; ; )
            {
                var data = await Table.ReadAll();
                if (await Table.UpdateRow(Entry(1), data.Members[0].Item2, data.Version.Next()))
                    return;
            }
        }));

        Assert.Equal(21, (await Table.ReadAll()).Version.Version);
    }

    [Fact]
    public async Task UpdateIAmAlive_WhenCalled_MovesTheTimeAndNotTheVersion()
    {
        await InsertAsync(Entry(1));
        var before = await Table.ReadAll();
        var alive = Entry(1);
        alive.IAmAliveTime = Start.AddHours(1);
        await Table.UpdateIAmAlive(alive);

        var after = await Table.ReadAll();
        Assert.Equal(before.Version, after.Version);
        Assert.Equal(Start.AddHours(1), after.Members[0].Item1.IAmAliveTime);
        // An update by somebody who read before does not turn the time back.
        Assert.True(await Table.UpdateRow(before.Members[0].Item1, before.Members[0].Item2, before.Version.Next()));
        Assert.Equal(Start.AddHours(1), (await Table.ReadAll()).Members[0].Item1.IAmAliveTime);
    }

    [Fact]
    public async Task CleanupDefunctSiloEntries_WhenRowsAreOld_KeepsTheActiveAndTheYoung()
    {
        await InsertAsync(Entry(1));
        await InsertAsync(Entry(2, SiloStatus.Dead));
        await InsertAsync(Entry(3, SiloStatus.Joining));
        var young = Entry(4, SiloStatus.Dead);
        young.IAmAliveTime = Start.AddDays(1);
        await InsertAsync(young);
        await Table.CleanupDefunctSiloEntries(Start.AddHours(1));

        Assert.Equal(
            [Entry(1).SiloAddress, young.SiloAddress],
            (await Table.ReadAll()).Members.Select(row => row.Item1.SiloAddress).Order());
    }

    [Fact]
    public async Task InsertRow_WhenTableWasDeletedMeanwhile_IsRefused()
    {
        var old = (await InitAsync()).Version.Next();
        await Table.DeleteMembershipTableEntries(_clusterId);
        await InitAsync();
        Assert.False(await Table.InsertRow(Entry(1), old));
    }

    [Fact]
    public async Task GetGateways_WhenSilosDiffer_GivesTheActiveThatTakeClients()
    {
        await InsertAsync(Entry(1));
        await InsertAsync(Entry(2, SiloStatus.Dead));
        var closed = Entry(3);
        closed.ProxyPort = 0;
        await InsertAsync(closed);
        var gateways = new DocumentGatewayListProvider(Documents, Cluster, Options.Create(new GatewayOptions()));

        Assert.Equal("gwy.tcp://10.0.0.1:30001/1", Assert.Single(await gateways.GetGateways()).ToString());
    }

    [Fact]
    public async Task ReadAll_WhenTheDocumentIsDamaged_ThrowsAndIsNotEmpty()
    {
        await Documents.WriteAsync(MembershipDocument.NameOf(_clusterId), "{"u8.ToArray(), null);
        await Assert.ThrowsAsync<CorruptDocumentException>(Table.ReadAll);
    }

    public virtual void Dispose() => GC.SuppressFinalize(this);

    private async Task<MembershipTableData> InitAsync()
    {
        await Table.InitializeMembershipTable(tryInitTableVersion: true);
        return await Table.ReadAll();
    }

    private async Task InsertAsync(MembershipEntry entry) =>
        Assert.True(await Table.InsertRow(entry, (await InitAsync()).Version.Next()));

    private static MembershipEntry Entry(int number, SiloStatus status = SiloStatus.Active) => new()
    {
        SiloAddress = SiloAddress.New(new IPEndPoint(IPAddress.Parse($"10.0.0.{number}"), 11111), number),
        Status = status,
        ProxyPort = 30000 + number,
        HostName = "host",
        SiloName = $"silo{number}",
        RoleName = "role",
        StartTime = Start,
        IAmAliveTime = Start,
    };
}

public sealed class MemoryMembershipTableTests : DocumentMembershipTableConformance
{
    protected override IDocumentStore Documents { get; } = new MemoryDocumentStore();
}

public sealed class FileMembershipTableTests : DocumentMembershipTableConformance
{
    private readonly string _path = Directory.CreateTempSubdirectory("orleansstream-").FullName;
    private readonly DataFolder _folder;

    public FileMembershipTableTests() => _folder = DataFolder.Open(_path);

    protected override IDocumentStore Documents => _folder.Documents;

    public override void Dispose()
    {
        _folder.Dispose();
        Directory.Delete(_path, recursive: true);
        base.Dispose();
    }
}
